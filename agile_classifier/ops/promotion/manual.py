"""Manual promotion: a version that a person names, by the policy or against it."""

from __future__ import annotations

from dataclasses import dataclass

from zenml.models import PipelineRunResponse

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.config.run import RunConfig
from agile_classifier.errors import GateRefused, InputError
from agile_classifier.ops.promotion import approval, champions
from agile_classifier.ops.registry import history
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.history import Event
from agile_classifier.ops.runs import outcome


@dataclass(frozen=True)
class Wanted:
    """A version to be promoted, and the policy that it must satisfy."""

    model_name: str
    version: str
    settings: PromotionConfig


def find(model_name: str | None, version: str, *, config: RunConfig | None, force: bool, reason: str) -> Wanted:
    """Find a version by number or alias, with the policy of `config` or of the run that made it.

    Raises
    ------
    InputError
        No such model or version; a reason without `force`, or a policy with it.
    """
    if reason and not force:
        raise InputError("--reason: the policy gives its own; it goes with --force")
    if config is not None and force:
        raise InputError("--config: --force asks no policy; give one of them")
    name = registry.only_model(model_name or (config.registry.model_name if config else None))
    number = registry.find_version(name, version, is_alias=not version.isdigit())
    return Wanted(name, number, config.promotion if config else approval.find_settings(name, number))


def force(wanted: Wanted, *, reason: str) -> Event:
    """Promote a version without comparing it.

    Raises
    ------
    InputError
        The version is the champion already.
    RuntimeError
        The champion changed in this very moment.
    """
    name, version = wanted.model_name, wanted.version
    before = history.last_champion(champions.settle(name))
    if before == version:
        raise InputError(f"model {name}: version {version} is the champion already")
    said = (
        f"Version {version} becomes champion in place of {before or 'none'}, not "
        f"compared{f': {reason}' if reason else ''}."
    )
    event = Event(history.PROMOTED, version, version, by=champions.person(), reason=said)
    if not champions.promote(event, model_name=name, expected=before):
        raise RuntimeError(f"model {name}: its champion changed just now; see `agile history`")
    return event


def require_promoted(run: PipelineRunResponse | None) -> None:
    """Print the outcome of a promotion run.

    Raises
    ------
    GateRefused
        There is no new champion, and nobody is to be asked.
    """
    if run is None:  # a stack has only scheduled it
        return
    if not outcome.show_promotion(run) and run.status.is_finished:
        raise GateRefused(f"run {run.name}: nothing was promoted; `agile history` says why")

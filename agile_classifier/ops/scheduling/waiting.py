"""Waiting: whether a training's data hold enough that is new, by what its schedule waits for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from agile_classifier.config.run import RunConfig
from agile_classifier.ops.scheduling.new_labels import NewLabels, count_new_labels
from agile_classifier.ops.scheduling.schedule import When


@dataclass(frozen=True)
class Verdict:
    """Whether a training starts, and why."""

    starts: bool
    reason: str
    """A sentence with what was found and what is waited for."""


def look(config: RunConfig, when: When, *, now: datetime) -> Verdict:
    """Read the sources of a training and decide whether it starts.

    Raises
    ------
    InputError
        As `count_new_labels`.
    """
    return decide(count_new_labels(config), when, now=now, model_name=config.registry.model_name)


def decide(found: NewLabels, when: When, *, now: datetime, model_name: str) -> Verdict:
    """Decide by the number of new labels, or by any change where the last run is old enough.

    >>> decide(NewLabels(0, 0, 0, None), When(min_new_labels=5), now=datetime.now(), model_name="rude").reason
    'nothing new: no run of rude is known, and the sources hold no label'
    """
    if found.since is None:
        if not found.n:
            return Verdict(False, f"nothing new: no run of {model_name} is known, and the sources hold no label")
        return Verdict(True, f"no run of {model_name} is known, so {_labels(found.n)} are new")
    since = f"since run {found.since.name} of {found.since.ended:%Y-%m-%d %H:%M} UTC"
    if not found.n and not found.withdrawn:
        return Verdict(False, f"nothing new {since}")
    seen = f"{_labels(found.n)} new {since} ({_parts(found)}); {_wanted(when)}"
    is_old = when.or_days is not None and now - found.since.ended >= timedelta(days=when.or_days)
    if found.n >= when.min_new_labels or is_old:
        return Verdict(True, seen)
    return Verdict(False, f"not enough that is new: {seen}")


def _labels(n: int) -> str:
    return "1 label" if n == 1 else f"{n} labels"


def _parts(found: NewLabels) -> str:
    return f"{found.added} added, {found.changed} changed, {found.withdrawn} withdrawn"


def _wanted(when: When) -> str:
    days = "" if when.or_days is None else f", or any change after {when.or_days} days"
    return f"waited for: {when.min_new_labels}{days}"

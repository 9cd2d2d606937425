"""Choice of a shadow: which version stands in whose shadow, for what share of the texts, and whether texts are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agile_classifier.errors import InputError, did_you_mean
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.serving.versions import Target

Differs = Callable[[str, str, str], str | None]
"""Name of a model, numbers of a champion and a candidate, to why they are of different tasks, or None."""


@dataclass(frozen=True)
class ShadowChoice:
    """What a person says of shadows, as `agile serve` is started."""

    versions: Sequence[str] = ()
    """`VERSION_OR_ALIAS` for an only model, else `MODEL=VERSION_OR_ALIAS`."""
    share: float = 1.0
    """Share of the texts that the candidate is asked for too, in (0, 1]."""
    keep_texts: bool = False
    """Whether texts are kept, and not their digests alone."""
    differs: Differs = field(default=lambda _name, _champion, _candidate: None)


@dataclass(frozen=True)
class ShadowTarget:
    """The version in the shadow of a model's champion."""

    model_name: str
    version: str
    """Number of the version at present."""
    alias: str | None
    """Alias that is followed; None if the version was named by its number and stays."""


def find_shadows(choice: ShadowChoice, targets: Sequence[Target]) -> list[ShadowTarget]:
    """Find the version in the shadow of each served model for which one was named.

    Raises
    ------
    InputError
        The share is out of bounds; no such model, version or alias; it is the served version itself, named by its
        number; or it is of another task.
    """
    if not 0 < choice.share <= 1:
        raise InputError(
            f"--share {choice.share:g}: a share above 0 and up to 1 is needed, as 0.1 for a tenth of the texts"
        )
    served = {target.model_name: target for target in targets}
    found = [_find(served[name], wanted) for name, wanted in _by_model(choice.versions, served).items()]
    for shadow in found:
        number = served[shadow.model_name].version
        if reason := _objection(shadow, number) or choice.differs(shadow.model_name, number, shadow.version):
            raise InputError(f"--shadow {shadow.alias or shadow.version}: version {shadow.version}: {reason}")
    return found


def _by_model(options: Sequence[str], served: Mapping[str, Target]) -> dict[str, str]:
    found: dict[str, str] = {}
    for option in options:
        name, is_named, wanted = option.rpartition("=")
        if not is_named and len(served) > 1:
            raise InputError(f"--shadow {option}: of which model? write MODEL={option}, for one of {', '.join(served)}")
        name = name if is_named else next(iter(served))
        if name not in served:
            there = f"{', '.join(served)}{did_you_mean(name, served)}"
            raise InputError(f"--shadow {option}: no model {name!r} is served; there are {there}")
        if name in found:
            raise InputError(f"--shadow {option}: model {name} has a shadow already, {found[name]}; name one")
        found[name] = wanted
    return found


def _find(target: Target, wanted: str) -> ShadowTarget:
    is_alias = not wanted.isdigit()
    number = registry.find_version(target.model_name, wanted, is_alias=is_alias)
    return ShadowTarget(target.model_name, number, wanted if is_alias else None)


def _objection(shadow: ShadowTarget, served: str) -> str | None:
    """Why a version named by its number cannot stand in the shadow; an alias may move on from the champion."""
    if shadow.alias is None and shadow.version == served:
        return "it is the version that is served, and would be compared with itself"
    return None

"""Targets: the models that one server is to answer for, by their names, each at its champion or another version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agile_classifier.errors import InputError
from agile_classifier.ops.serving.versions import Target, find_target


@dataclass(frozen=True)
class ModelChoice:
    """Models to serve, as a person names them."""

    names: Sequence[str] = ()
    """Registered models; none: the only one that has a champion."""
    version: str | None = None
    """Number or alias of the version, of an only model; None: the champion of each."""


def find_targets(choice: ModelChoice) -> list[Target]:
    """Find the version of each model.

    Raises
    ------
    InputError
        A model is named twice or is none; it has no champion, version or alias; a version is named for several.
    """
    for name in choice.names:
        if choice.names.count(name) > 1:
            raise InputError(f"--model {name}: named {choice.names.count(name)} times; name each model once")
    if choice.version is not None and len(choice.names) > 1:
        raise InputError(
            f"--version {choice.version}: with several models each is served at its champion; serve {choice.names[0]}"
            " by itself, or move the alias champion"
        )
    return [find_target(name, choice.version) for name in choice.names or (None,)]


def describe_targets(targets: Sequence[Target]) -> str:
    """The models and their versions, as a line of the server names them."""
    followed = {each: f" (follows {each.alias})" if each.alias else "" for each in targets}
    return ", ".join(f"{each.model_name} version {each.version}{followed[each]}" for each in targets)

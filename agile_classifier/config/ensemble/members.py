"""Ensemble members as a run describes them: what a member does not say is as in the run's own sections."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from agile_classifier.config.section import Section
from agile_classifier.config.training import CHANGED_DEFAULTS, DEVICE_FIELDS, FineTuneConfig, MemberConfig, ModelConfig
from agile_classifier.errors import InputError, explain_validation

BROUGHT: Mapping[str, tuple[str, ...]] = {
    "source": ("sha256", "revision", "target_modules"),
    "head": ("pooling", "prompt", "loss", "head_start"),
}
"""Field of a member's `model` → fields of both sections that belong to it: where it is said and they are not, they have
their defaults and not what the run says of another base model or head."""

AnySection = TypeVar("AnySection", bound=Section)


@dataclass(frozen=True)
class Planned:
    """A member before it is trained."""

    number: int
    """1 for the run's own network, 2 for the first of `model.members`."""
    kind: Literal["network", "tfidf_svm"]
    model: ModelConfig
    """Its section `model`, without members; of `tfidf_svm` the run's own, as is `fine_tune`."""
    fine_tune: FineTuneConfig


def list_members(model: ModelConfig, fine_tune: FineTuneConfig) -> tuple[Planned, ...]:
    """The run's own network, and what answers beside it; one that a run without members has.

    Raises
    ------
    ValueError
        A member cannot be had so: names it, the field and what is allowed.
    """
    planned = [Planned(1, "network", model.model_copy(update={"members": ()}), fine_tune)]
    _require_agreement(planned[0])
    for number, said in enumerate(model.members, start=2):
        member = _plan(said, number, planned[0])
        same = [each.number for each in planned if (each.kind, each.model, each.fine_tune) == _identity(member)]
        if same:
            raise ValueError(
                f"{name_member(number)} is member {same[0]} again, and would answer the same; give it another"
                " fine_tune.seed, or other fields"
            )
        _require_agreement(member)
        planned.append(member)
    return tuple(planned)


def require_members(model: ModelConfig, fine_tune: FineTuneConfig) -> tuple[Planned, ...]:
    """List the members of an ensemble in a step, which ZenML may have given other sections than were agreed upon.

    Raises
    ------
    InputError
        A member cannot be had so.
    """
    try:
        return list_members(model, fine_tune)
    except ValueError as error:
        raise InputError(str(error)) from None


def renew_recorded(sections: Mapping[str, Any]) -> dict[str, Any]:
    """Sections that a version of before has recorded, in today's fields: `ensemble_with` is `model.members` now.

    >>> renew_recorded({"model": {"source": "a/b"}, "fine_tune": {"rank": 8, "ensemble_with": "none"}})
    {'model': {'source': 'a/b'}, 'fine_tune': {'rank': 8}}
    """
    renewed = dict(sections)
    fine_tune = sections.get("fine_tune")
    if isinstance(fine_tune, Mapping) and "ensemble_with" in fine_tune:
        renewed["fine_tune"] = {name: value for name, value in fine_tune.items() if name != "ensemble_with"}
        if (kind := fine_tune["ensemble_with"]) != "none":
            renewed["model"] = {**sections.get("model", {}), "members": [{"kind": kind}]}
    return renewed


def keep_defaults(sections: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """Sections that leave defaults out, with those of `CHANGED_DEFAULTS` as the whole record of the same run has them.

    >>> keep_defaults({"fine_tune": {"rank": 8}}, {"fine_tune": {"rank": 8, "epochs": 5}})
    {'fine_tune': {'epochs': 5, 'rank': 8}}
    """
    kept = dict(sections)
    for section, field in CHANGED_DEFAULTS:
        if field in whole.get(section, {}):
            kept[section] = {field: whole[section][field], **kept.get(section, {})}
    return kept


def count_choices(members: Sequence[Planned]) -> int:
    """Most combinations of checkpoints among which validation has chosen: the product of the networks' epochs."""
    return math.prod(member.fine_tune.epochs for member in members if member.kind == "network")


def name_member(number: int) -> str:
    """How an error calls a member: by its place in the config.

    >>> name_member(2)
    'model.members.0'
    """
    return f"model.members.{number - 2}"


def _require_agreement(member: Planned) -> None:
    """Raise ValueError where the member's own sections contradict each other."""
    model, fine_tune = member.model, member.fine_tune
    refusal = None
    if fine_tune.initialization == "loftq" and model.quantization != "nf4":
        refusal = f"fine_tune.initialization loftq needs quantization nf4, found {model.quantization}"
    elif fine_tune.initialization == "loftq" and model.start_from is not None:
        refusal = "fine_tune.initialization loftq and model.start_from both say what the adapter starts at; keep one"
    elif fine_tune.head_start == "linear_probe" and not model.has_linear_head:
        refusal = "fine_tune.head_start linear_probe needs model.head classification, pooling layers or mean"
    if refusal is not None:
        raise ValueError(refusal if member.number == 1 else f"{name_member(member.number)}: {refusal}")


def _identity(member: Planned) -> tuple[str, ModelConfig, FineTuneConfig]:
    return member.kind, member.model, member.fine_tune


def _plan(said: MemberConfig, number: int, first: Planned) -> Planned:
    if said.kind == "tfidf_svm":
        return Planned(number, said.kind, first.model, first.fine_tune)
    if said.config is not None:
        raise ValueError(
            f"{name_member(number)}.config: found {said.config}, a file that cannot be read here, away from the config"
            " file that names it; write out its fields in model and fine_tune of the member"
        )
    if "members" in said.model:
        raise ValueError(f"{name_member(number)}: a member has no members of its own; take model.members out of it")
    if said.model.get("start_from") is not None:
        raise ValueError(f"{name_member(number)}: model.start_from is the first member's alone; take it out")
    if placed := [field for field in DEVICE_FIELDS if field in said.fine_tune]:
        raise ValueError(f"{name_member(number)}: fine_tune.{placed[0]} is the run's own, one for all members")
    brought = {"start_from"} | {field for name, fields in BROUGHT.items() if name in said.model for field in fields}
    whose = name_member(number)
    return Planned(
        number,
        said.kind,
        _merge(first.model, said.model, brought, name=f"{whose}.model"),
        _merge(first.fine_tune, said.fine_tune, brought, name=f"{whose}.fine_tune"),
    )


def _merge(own: AnySection, said: Mapping[str, Any], brought: set[str], *, name: str) -> AnySection:
    """The run's own section with what a member says; a mapping, such as `early_stopping`, field by field."""
    fields = {name: value for name, value in own.model_dump(exclude={"members"}).items() if name not in brought}
    for field, value in said.items():
        own_value = fields.get(field)
        both = isinstance(own_value, dict) and isinstance(value, Mapping)
        fields[field] = {**own_value, **value} if both else value  # type: ignore[dict-item]
    try:
        return type(own).model_validate(fields)
    except ValidationError as error:
        raise ValueError(explain_validation(error, type(own), within=name)) from None

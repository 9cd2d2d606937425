"""Classes under the names of other interfaces: which class an attribute is, and which class is no complaint."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NamedTuple

from agile_classifier.errors import InputError, did_you_mean
from agile_classifier.ops.serving.refusals import Refusal
from agile_classifier.ops.serving.several.served import Served

LONGEST_NAME = 100
"""Longest part of a name that a refusal repeats, in characters."""
NAMES_SHOWN = 20


class ModelClass(NamedTuple):
    """A class of a served model."""

    model: str
    name: str

    @property
    def qualified(self) -> str:
        """`MODEL/CLASS`, the attribute that means this class and no other."""
        return f"{self.model}/{self.name}"


@dataclass(frozen=True)
class ClassNames:
    """What a person says of the classes, as `agile serve` is started."""

    attributes: Mapping[str, str] = field(default_factory=dict)
    """Attribute → class, or `MODEL/CLASS` where several models have a class of that name."""
    harmless: Collection[str] = ()
    """Classes that are no complaint, so that their texts are not flagged; none: class 0 of a model with two classes."""


def read_attributes(pairs: Sequence[str]) -> dict[str, str]:
    """Read pairs `TOXICITY=hate`, as the option `--attribute` is given them.

    Raises
    ------
    InputError
        One is no pair, or an attribute is named twice.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, _, wanted = (part.strip() for part in pair.partition("="))
        if not name or not wanted:
            raise InputError(f"--attribute {pair!r}: write NAME=CLASS, as TOXICITY=hate")
        if name in found:
            raise InputError(f"--attribute {name}: named twice, as {found[name]!r} and {wanted!r}; name it once")
        found[name] = wanted
    return found


class ClassTable:
    """Attributes and categories of the models that are served, as their versions have them at the moment.

    Raises
    ------
    InputError
        An attribute or a harmless class names no class that is served, or one that several models have.
    """

    def __init__(self, served: Served, names: ClassNames = ClassNames()) -> None:
        self._served, self._names = served, names
        for attribute, wanted in names.attributes.items():
            self._require_one(f"--attribute {attribute}={wanted}", wanted)
        there = {each.name for each in self._list()}
        for name in names.harmless:
            if name not in there:
                allowed = f"there are {_listed(sorted(there))}{did_you_mean(name, there)}"
                raise InputError(f"--harmless {name}: no such class; {allowed}")

    def find_attribute(self, attribute: str) -> ModelClass:
        """The class that an attribute means: by the table, or by its name as it is, in capitals, or behind its model's.

        Raises
        ------
        Refusal
            400: there is no such attribute, or several models have one of that name; names those that there are.
        """
        found = self._matching(self._names.attributes.get(attribute, attribute))
        if len(found) == 1:
            return found[0]
        shown, there = attribute[:LONGEST_NAME], self.list_attributes()
        if found:
            either = " or ".join(each.qualified for each in found)
            line = f"requestedAttributes: several models have {shown!r}: ask for {either}"
        else:
            line = f"requestedAttributes: no {shown!r}; there are {_listed(there)}{did_you_mean(shown, there)}"
        raise Refusal(HTTPStatus.BAD_REQUEST, line)

    def list_attributes(self) -> list[str]:
        """Attributes that can be asked for, those of the table first."""
        classes = list(self._list())
        shared = {each.name for each in classes if [other.name for other in classes].count(each.name) > 1}
        plain = [each.qualified if each.name in shared else each.name for each in classes]
        return [*self._names.attributes, *plain]

    def list_categories(self, model: str) -> tuple[str, ...]:
        """Classes of a model that are a complaint; of several labels all that nobody has called harmless.

        Raises
        ------
        Refusal
            400: it has more than two classes, or nobody has said which of them is harmless.
        """
        classes = self._served.classes(model)
        harmless = [name for name in classes if name in self._names.harmless]
        if self._served.carries_several(model):
            return tuple(name for name in classes if name not in harmless)
        if not harmless and len(classes) != 2:
            line = (
                f"model: {model} tells {', '.join(classes)} apart, and which of them is no complaint was not said: the"
                " server is to be started with --harmless CLASS"
            )
            raise Refusal(HTTPStatus.BAD_REQUEST, line)
        return tuple(name for name in classes if name not in (harmless or classes[:1]))

    def _require_one(self, option: str, wanted: str) -> None:
        found = self._matching(wanted)
        if not found:
            there = [each.name for each in self._list()]
            raise InputError(f"{option}: no such class; there are {_listed(there)}{did_you_mean(wanted, there)}")
        if len(found) > 1:
            raise InputError(f"{option}: several models have it; name {' or '.join(each.qualified for each in found)}")

    def _matching(self, wanted: str) -> list[ModelClass]:
        """Classes of a name, the nearest meaning of it first found: exact, in Perspective's manner, qualified."""
        classes = list(self._list())
        for names in (lambda each: each.name, lambda each: _in_capitals(each.name), lambda each: each.qualified):
            if found := [each for each in classes if names(each) == wanted]:
                return found
        return []

    def _list(self) -> Iterator[ModelClass]:
        return (ModelClass(model, name) for model in self._served.names for name in self._served.classes(model))


def _in_capitals(name: str) -> str:
    """A class's name as Perspective writes attributes.

    >>> _in_capitals("sexually explicit")
    'SEXUALLY_EXPLICIT'
    """
    return re.sub(r"\W+", "_", name).strip("_").upper()


def _listed(names: Collection[str]) -> str:
    """Names of what there is, the first of them where there are many."""
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(list(names)[:NAMES_SHOWN]) + more

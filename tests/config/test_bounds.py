"""Bounds: no field of any schema takes an absurd value; found by looking at the schemas, so that a new field is too."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from agile_classifier import config
from agile_classifier.config.files import parse_config
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.config.run import RunConfig
from agile_classifier.config.section import Section
from agile_classifier.data.expectations.suite import Entry
from agile_classifier.errors import InputError
from agile_classifier.evaluation.bias.terms import Terms
from agile_classifier.evaluation.checks.suite import Suite
from agile_classifier.ops.scheduling.schedule import Schedule
from agile_classifier.studies.file import Study

SCHEMAS = (RunConfig, ReadingOptions, Study, Schedule, Entry, Suite, Terms)
"""What a person writes."""
JUDGED_LATER = {
    ("ReadingOptions", "dialect"): "validated as a Dialect",
    ("Entry", "kwargs"): "validated by Great Expectations",
    ("Contender", "set"): "validated as fields of the contender's RunConfig",
    ("MemberConfig", "model"): "validated as fields of the member's ModelConfig",
    ("MemberConfig", "fine_tune"): "validated as fields of the member's FineTuneConfig",
}
"""Fields that hold anything, and what bounds it."""
LONG = 1_000_000
NUMBERS = (math.inf, -math.inf, math.nan, 1e308, -1e308, 10**30, -(10**30))
WRAPPED: Mapping[str, Callable[[Any], Any]] = {
    "list": lambda value: [value],
    "pair": lambda value: [value, value],
    "value": lambda value: {"a": value},
    "key": lambda value: {value: {}},
}
"""Container → what it makes of a value."""
TEXTS = ("a\0b", "a\x1b[2Jb", "a\x7fb", "a\x85b", "a" * LONG)


@dataclass(frozen=True)
class Leaf:
    """A field of a model, or an element inside it: its type, and how a value of it is put there."""

    model: type[BaseModel]
    field: str
    kinds: frozenset[Any]
    depth: tuple[str, ...] = ()
    """Containers around it, the outermost first: `list`, `value` or `key` of a mapping."""

    def wrapped(self, value: Any) -> Any:
        for container in reversed(self.depth):
            value = WRAPPED[container](value)
        return value

    def __str__(self) -> str:
        return ".".join((self.model.__name__, self.field, *self.depth))


def models(kind: Any) -> Iterator[type[BaseModel]]:
    """A model and all inside it."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from models(field.annotation)
    for inner in get_args(kind):
        yield from models(inner)


def leaves() -> Iterator[Leaf]:
    for model in dict.fromkeys(each for schema in SCHEMAS for each in models(schema)):
        for name, field in model.model_fields.items():
            for depth, kinds in _inside(field.annotation):
                yield Leaf(model, name, kinds, depth)


def _inside(kind: Any, depth: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], frozenset[Any]]]:
    branches = list(_branches(kind))
    plain = frozenset(branch for branch in branches if branch in (int, float, str, Any))
    if plain:
        yield depth, plain
    for branch in branches:
        origin, arguments = get_origin(branch), get_args(branch)
        if origin is tuple:
            is_pair = Ellipsis not in arguments
            yield from _inside(arguments[0], (*depth, "pair" if is_pair else "list"))
        elif origin in (dict, Mapping):
            yield from _inside(arguments[0], (*depth, "key"))
            yield from _inside(arguments[1], (*depth, "value"))
        else:
            known = branch in (int, float, str, bool, Any, NoneType) or origin is Literal
            assert known or issubclass(branch, BaseModel), f"{branch}: teach this test what may stand there"


def _branches(kind: Any) -> Iterator[Any]:
    if get_origin(kind) is Annotated:
        yield from _branches(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for each in get_args(kind):
            yield from _branches(each)
    else:
        yield kind


LEAVES = list(leaves())
NUMERIC = [leaf for leaf in LEAVES if leaf.kinds & {int, float}]
WORDY = [leaf for leaf in LEAVES if str in leaf.kinds]
LISTS = [leaf for leaf in LEAVES if leaf.depth[:1] == ("list",)]


def refuses(leaf: Leaf, value: Any) -> bool:
    try:
        leaf.model.model_validate({leaf.field: value})
    except ValidationError as error:
        found = [each for each in error.errors() if each["loc"][:1] == (leaf.field,) and each["type"] != "missing"]
        is_key = leaf.depth[-1:] == ("key",)  # what stands under the key is wrong too, and does not count
        return any(not is_key or "[key]" in each["loc"] or each["type"] == "extra_forbidden" for each in found)
    return False


def test_the_schemas_hold_many_fields_and_every_section_of_the_config_is_among_them() -> None:
    assert len(NUMERIC) > 50
    assert len(WORDY) > 40
    seen = {each for schema in SCHEMAS for each in models(schema)}
    for module in pkgutil.iter_modules(config.__path__, f"{config.__name__}."):
        importlib.import_module(module.name)
    shared = {base for model in seen for base in model.__mro__}
    assert {each for each in Section.__subclasses__() if each.__module__.startswith(config.__name__)} <= shared


def test_a_field_that_takes_anything_is_judged_elsewhere() -> None:
    free = {leaf for leaf in LEAVES if Any in leaf.kinds}
    assert {(leaf.model.__name__, leaf.field) for leaf in free} == set(JUDGED_LATER)


@pytest.mark.parametrize("leaf", NUMERIC, ids=str)
def test_every_number_is_finite_and_within_bounds(leaf: Leaf) -> None:
    accepted = [value for value in NUMBERS if not refuses(leaf, leaf.wrapped(value))]
    assert accepted == []


@pytest.mark.parametrize("leaf", [leaf for leaf in NUMERIC if str not in leaf.kinds], ids=str)
def test_no_number_is_made_of_a_boolean(leaf: Leaf) -> None:
    assert leaf.depth or issubclass(leaf.model, Schedule) or refuses(leaf, True)


@pytest.mark.parametrize("leaf", WORDY, ids=str)
def test_every_text_has_an_alphabet_and_a_length(leaf: Leaf) -> None:
    accepted = [text[:20] for text in TEXTS if not refuses(leaf, leaf.wrapped(text))]
    assert accepted == []


@pytest.mark.parametrize("leaf", LISTS, ids=str)
def test_every_list_has_an_end(leaf: Leaf) -> None:
    short = "a" * 64 if leaf.kinds <= {str} else 1
    assert refuses(leaf, [short] * 20_000)


@given(st.sampled_from(NUMERIC), st.floats(min_value=1e16) | st.floats(max_value=-1e16))
def test_no_number_beyond_every_scale_is_taken(leaf: Leaf, value: float) -> None:
    assert refuses(leaf, leaf.wrapped(value))


LEAST: dict[str, Any] = {
    "data": {"source": "/data/a.csv", "columns": {"score": "s"}},
    "model": {"source": "a-model"},
    "registry": {"model_name": "toy"},
}
ABSURD = [
    ({"fine_tune": {"learning_rate": math.inf}}, "fine_tune.learning_rate: Input should be a finite number; found inf"),
    ({"fine_tune": {"epochs": 10**6}}, "fine_tune.epochs: Input should be less than or equal to 10000; found 1000000"),
    ({"fine_tune": {"epochs": True}}, "fine_tune.epochs: YAML reads this as the boolean True; a number is needed"),
    ({"fine_tune": {"batch_size": 10**9}}, "fine_tune.batch_size: Input should be less than or equal to 4096"),
    ({"fine_tune": {"max_time": 31_536_000}}, "fine_tune.max_time: Input should be less than or equal to 2592000"),
    ({"fine_tune": {"seed": -1}}, "fine_tune.seed: Input should be greater than or equal to 0; found -1"),
    ({"promotion": {"wait": 31_536_000}}, "promotion.wait: Input should be less than or equal to 604800"),
    ({"registry": {"model_name": "a\0"}}, "registry.model_name: String should match pattern"),
    ({"registry": {"model_name": "../a"}}, "registry.model_name: String should match pattern"),
    ({"registry": {"model_name": "a" * 101}}, "registry.model_name: String should have at most 100 characters"),
    ({"data": {"source": "a\0.csv", "columns": {"score": "s"}}}, "data.source: character 2 is the control character U+0000; remove it"),
    ({"data": {"source": "a.csv", "columns": {"score": "s\x1b[2J"}}}, "data.columns.score: character 2 is the control character U+001B"),
    ({"data": {**LEAST["data"], "encoding": "../utf-8"}}, "data.encoding: an encoding's name has letters, digits, - _ . :; found '../utf-8'"),
    ({"data": {**LEAST["data"], "sha256": "abc"}}, "data.sha256.0: a SHA-256 has 64 hex digits; found 'abc'"),
    ({"model": {"source": "m", "revision": "../../etc"}}, "model.revision: a revision has letters, digits"),
    ({"validation": {"score_min": 2, "score_max": 1}}, "validation.score_min must not be above validation.score_max; found 2 and 1"),
]  # fmt: skip


@pytest.mark.parametrize(("sections", "said"), ABSURD, ids=lambda value: str(value)[:50])
def test_an_absurd_value_is_refused_in_one_short_line_that_acts_on_no_terminal(
    sections: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as refused:
        parse_config({**LEAST, **sections}, name="run.yaml")
    line = str(refused.value)
    assert line.startswith("run.yaml: ")
    assert said in line
    assert line.isprintable()
    assert len(line) < 500


@pytest.mark.parametrize("name", ["Stimmung der Gäste", "السطر", "感情", "two\nlines", "a\tb", "👩‍👩‍👧", "", "a/../b"])
def test_a_column_may_still_be_called_anything_that_can_be_shown(name: str) -> None:
    config = parse_config({**LEAST, "data": {"source": "a.csv", "columns": {"score": name}}}, name="run.yaml")
    assert config.data.columns.score == name

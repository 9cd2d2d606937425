"""The form shows a config as it is, and reads back what a person changed, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agile_classifier.config.files import as_value, load_config, write_override, write_value
from agile_classifier.config.form import FormField, changed, read_form
from agile_classifier.config.run import RunConfig

FILES = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


def fields(config: RunConfig) -> dict[str, FormField]:
    return {field.name: field for found in read_form(config).values() for field in found}


@pytest.fixture
def config() -> RunConfig:
    return load_config(next(path for path in FILES if path.stem == "ethos-smollm2"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_form_that_is_sent_as_it_was_shown_changes_nothing(path: Path) -> None:
    config = load_config(path)
    assert changed(config, {name: field.value for name, field in fields(config).items()}) == {}


def test_every_field_says_what_it_is_for(config: RunConfig) -> None:
    assert [name for name, field in fields(config).items() if not field.help] == []


@pytest.mark.parametrize(
    ("name", "kind", "of_it"),
    [
        ("fine_tune.epochs", "number", {"bounds": {"min": "1", "max": "10000", "step": "1"}, "is_optional": False}),
        ("data.limit", "number", {"value": "", "is_optional": True}),
        ("model.quantization", "choice", {"choices": ("nf4", "int8", "none"), "value": "nf4"}),
        ("model.double_quant", "choice", {"choices": ("true", "false"), "value": "true"}),
        ("model.prompt.chat_template", "choice", {"value": "false"}),
        ("data.columns.text", "text", {"value": "comment"}),
        ("data.columns.id", "text", {"value": "", "is_optional": True}),
        ("model.prompt.separator", "text", {"value": '"\\n<separator>\\n"'}),
    ],
)
def test_a_field_is_of_its_type(config: RunConfig, name: str, kind: str, of_it: dict[str, Any]) -> None:
    field = fields(config)[name]
    assert field.kind == kind
    assert {fact: getattr(field, fact) for fact in of_it} == of_it


def test_what_a_person_changed_is_read_as_the_command_line_reads_it(config: RunConfig) -> None:
    shown = {name: field.value for name, field in fields(config).items()}
    filled_in = {**shown, "fine_tune.learning_rate": "1e-3", "data.limit": "300", "data.sha256": " ",
        "model.double_quant": "false", "labels.names": '["no", "yes"]'}  # fmt: skip
    overrides = changed(config, filled_in)
    assert overrides == {"fine_tune.learning_rate": 1e-3, "data.limit": 300, "data.sha256": None,
        "model.double_quant": False, "labels.names": ["no", "yes"]}  # fmt: skip
    words = tuple(write_override(name, value) for name, value in overrides.items())
    again = load_config(next(path for path in FILES if path.stem == "ethos-smollm2"), overrides=words)
    assert (again.fine_tune.learning_rate, again.data.sha256, again.labels.names) == (1e-3, None, ("no", "yes"))


GIVEN = (
    "labels.rule=given",
    "labels.columns=[kind]",
    "labels.value=null",
    "labels.quantile=null",
    "data.columns.score=null",
    "data.sha256=null",
)


@pytest.mark.parametrize(
    ("name", "typed", "read"),
    [
        ("data.source", '["a.csv", "b.csv"]', ("a.csv", "b.csv")),
        ("labels.names", '{"0": World, "1": Sports}', ("World", "Sports")),
        ("labels.not_rated", '[-1, "skipped"]', (-1, "skipped")),
        ("data.reverse_coded", "[1, 5]", (1, 5)),
    ],
)
def test_a_list_or_mapping_is_typed_shown_and_sent_again(name: str, typed: str, read: Any) -> None:
    path = next(path for path in FILES if path.stem == "ethos-smollm2")
    before = load_config(path, overrides=GIVEN)
    words = [write_override(*each) for each in changed(before, {name: typed}).items()]
    config = load_config(path, overrides=(*GIVEN, *words))
    section, field = name.split(".")
    assert getattr(getattr(config, section), field) == read
    assert config.labels.codes == (("0", "1") if name == "labels.names" else None)
    assert changed(config, {name: field.value for name, field in fields(config).items()}) == {}


def test_a_field_that_no_form_has_is_kept_to_be_refused_by_name(config: RunConfig) -> None:
    assert changed(config, {"model.colour": "red"}) == {"model.colour": "red"}


@pytest.mark.parametrize(
    "value",
    ["a, b", "1e-3", "null", "no", "[", "ä|b", "", " x", 'say "so"', 1e-7, 0.1, None, True, ["1", 2], {"a": None}],
)
def test_a_value_written_is_read_back(value: Any) -> None:
    assert as_value(write_value(value)) == value
    assert type(as_value(write_value(value))) is type(value)


@pytest.mark.parametrize(
    "text",
    ["[&a x, *a]", "&a x", "*a", "!!binary aGFsbG8=", "!!set {a, b}", "2026-01-01", "2026-13-01", "[[[[[1]]]]]", "[" * 4000, "{a: " * 1000, "[" * 900 + "]" * 900, "\x00", "'", "? [a]"],
    ids=["an alias", "an anchor", "an alias of nothing", "bytes", "a set", "a date", "no date", "five levels", "open lists", "open mappings", "many levels", "a NUL", "a quote", "a list as key"],
)  # fmt: skip
def test_what_is_no_plain_value_stands_for_itself(text: str) -> None:
    assert as_value(text) == text
    assert as_value(write_value(text)) == text


def test_four_levels_are_read() -> None:
    assert as_value("[[[[1]]]]") == [[[[1]]]]
    assert as_value("{a: {b: [c]}}") == {"a": {"b": ["c"]}}


def test_a_text_that_is_written_like_a_number_is_a_text_where_nothing_else_can_be(config: RunConfig) -> None:
    typed = {
        "registry.model_name": "2024",
        "data.columns.text": "no",
        "data.columns.id": "null",
        "fine_tune.epochs": "7",
    }
    assert changed(config, typed) == {
        "registry.model_name": "2024", "data.columns.text": "no", "data.columns.id": None, "fine_tune.epochs": 7,
    }  # fmt: skip

"""Errors on one line: what a library says, what pydantic finds, and what must not be told."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agile_classifier.errors import InputError, explain_validation, one_line


class Inner(BaseModel):
    """What stands in another model."""

    model_config = ConfigDict(extra="forbid")

    size: int | Literal["all"] = "all"
    share: float = Field(default=0.5, lt=1)


class Outer(BaseModel):
    """A model with models inside, by name, in a list and perhaps."""

    model_config = ConfigDict(extra="forbid")

    inner: Inner = Inner()
    named: dict[str, Inner] = {}
    listed: list[Inner] = []
    perhaps: Inner | None = None
    title: str

    @model_validator(mode="after")
    def _require_capital(self) -> Outer:
        if self.title.islower():
            raise ValueError(f"title begins with a capital, found {self.title!r}")
        return self


ALLOWED = "unknown field; allowed here: share, size; did you mean size?"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"titel": "A"},
            "study.titel: unknown field; allowed here: inner, listed, named, perhaps, title; did you mean title?",
        ),
        ({"title": "A", "inner": {"siz": 1}}, f"study.inner.siz: {ALLOWED}"),
        ({"title": "A", "named": {"a.b": {"siz": 1}}}, f"study.named.a.b.siz: {ALLOWED}"),
        ({"title": "A", "listed": [{}, {"siz": 1}]}, f"study.listed.1.siz: {ALLOWED}"),
        ({"title": "A", "perhaps": {"siz": 1}}, f"study.perhaps.siz: {ALLOWED}"),
        ({}, "study.title: Field required"),
        ({"title": 3}, "study.title: Input should be a valid string; found 3"),
        ({"title": "A", "inner": {"share": 1}}, "study.inner.share: Input should be less than 1; found 1"),
        (
            {"title": "A", "inner": {"size": "some"}},
            "study.inner.size: Input should be a valid integer, unable to parse string as an integer or Input should be"
            " 'all'; found 'some'",
        ),
        ({"title": "a"}, "study: title begins with a capital, found 'a'"),
        (3, "study: Input should be a valid dictionary or instance of Outer; found 3"),
    ],
)
def test_the_first_thing_that_is_wrong_is_said_with_its_field_and_what_was_found_or_is_allowed(
    values: object, said: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        Outer.model_validate(values)
    assert explain_validation(refused.value, Outer, within="study") == said


def test_a_value_that_may_be_a_secret_is_not_repeated_and_a_model_need_not_be_named() -> None:
    with pytest.raises(ValidationError) as refused:
        Inner.model_validate({"share": "hunter2"})
    assert explain_validation(refused.value, tells_found=False).startswith("share: Input should be a valid number")
    assert "hunter2" not in explain_validation(refused.value, tells_found=False)
    with pytest.raises(ValidationError) as refused:
        Inner.model_validate({"siz": 1})
    assert explain_validation(refused.value) == "siz: unknown field"


def test_words_of_several_lines_become_one() -> None:
    assert one_line(InputError("a\n  b\tc")) == "a b c"
    assert one_line(b"not \xff allowed\n") == "not \ufffd allowed"
    assert one_line(KeyError()) == "KeyError"
    assert one_line("") == ""
    assert one_line("a long tale", longest=6) == "a long…"
    assert one_line("a long", longest=6) == "a long"

"""What a person has said about a file, and what must still be asked: one question, its answers, their options."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.scores import Decimal
from agile_classifier.errors import InputError, did_you_mean

OPTIONS = {
    "text": "--text", "score": "--score", "labels": "--label", "many": "--many", "raters": "--rater",
    "rater": "--rated-by", "group": "--group", "id": "--id", "class_1": "--class-1",
    **{name: f"--{name.replace('_', '-')}" for name in Dialect.model_fields},
}  # fmt: skip
"""The option of `agile init` that settles each choice."""


@dataclass(frozen=True)
class Choices:
    """Roles and readings that a person has settled; they override every guess."""

    text: str | None = None
    """Column of the texts."""
    score: str | None = None
    """Column of the score."""
    labels: tuple[str, ...] = ()
    """Column of the classes; several: kinds of which any makes a text class 1."""
    many: bool = False
    """Whether several `labels` are labels of their own, of which a text may carry any number."""
    raters: tuple[str, ...] = ()
    """Columns of what each rater said."""
    rater: str | None = None
    """Column that names who gave the answer of a row."""
    group: str | None = None
    """Column of the groups."""
    id: str | None = None
    """Column that names the examples."""
    class_1: str | None = None
    """Class that is to be class 1; of a score, its `high` or `low` end."""
    encoding: str | None = None
    """Character encoding of the file."""
    delimiter: str | None = None
    """Column delimiter of the file."""
    column_names: tuple[str, ...] | None = None
    """Names of the columns of a file without a header line."""
    quoting: bool | None = None
    """Whether double quotes enclose cells."""
    escape: str | None = None
    """Character that makes the next one plain."""
    decimal: Decimal | None = None
    """Decimal mark of the file's numbers."""
    sheet: str | None = None
    """Sheet of a workbook that holds the rows."""
    empty: tuple[str, ...] | None = None
    """Words for a cell that holds nothing."""

    def __post_init__(self) -> None:
        learnt = {"--score": self.score, "--label": self.labels, "--rater": self.raters}
        said = [option for option, choice in learnt.items() if choice]
        if len(said) > 1:
            raise InputError(f"{' and '.join(said)} exclude each other: each names what is to be learnt")
        if self.many and not self.labels:
            raise InputError("--many goes with --label: a column a label, or one that lists the labels of a text")
        if self.rater and self.raters:
            raise InputError("--rater and --rated-by exclude each other: a rater has a column, or his rows")

    @property
    def dialect(self) -> dict[str, Any]:
        """Fields of `Dialect` that are settled."""
        settled = {name: getattr(self, name) for name in Dialect.model_fields}
        return {name: value for name, value in settled.items() if value is not None}

    @property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """Option → columns that it names."""
        single = {OPTIONS[role]: getattr(self, role) for role in ("text", "score", "rater", "group", "id")}
        named = {option: (name,) for option, name in single.items() if name is not None}
        return {**named, "--label": self.labels, "--rater": self.raters}

    def require_columns(self, names: Sequence[str]) -> None:
        """Refuse options that name no column of the file, or one column twice.

        Raises
        ------
        InputError
            Names the option, the column and the nearest one that is there.
        """
        for option, wanted in self.columns.items():
            for name in wanted:
                if name not in names:
                    there = ", ".join(map(repr, names))
                    raise InputError(f"{option}: no column {name!r}; there are {there}{did_you_mean(name, names)}")
        roles = {
            "--text": (self.text,), "--score": (self.score,), "--label": self.labels, "--rater": self.raters,
            "--rated-by": (self.rater,),
        }  # fmt: skip
        for name in {each for wanted in roles.values() for each in wanted if each is not None}:
            said = [option for option, wanted in roles.items() for each in wanted if each == name]
            if len(said) > 1:
                raise InputError(f"{' and '.join(said)} name the same column {name!r}")


@dataclass(frozen=True)
class Answer:
    """One answer to a question: what it settles, and why it may be right."""

    settles: Mapping[str, Any]
    """Field of `Choices` → its value."""
    why: str
    """What the answer means, for a person: the column and what it holds."""

    @property
    def options(self) -> str:
        """The command line's options that give this answer."""
        words = []
        for role, value in self.settles.items():
            if isinstance(value, bool):
                words += [OPTIONS[role]] * value
                continue
            for each in value if isinstance(value, tuple) else (value,):
                words += [OPTIONS[role], shlex.quote(str(each))]
        return " ".join(words)


@dataclass(frozen=True)
class Question:
    """What the file leaves open."""

    asks: str
    """The question, without its mark."""
    answers: tuple[Answer, ...]
    """Answers, the likeliest first."""
    rows: tuple[Mapping[str, str], ...] = field(default=(), compare=False)
    """First rows of the file as the pipeline reads them, to be shown with the question."""


class OpenQuestion(InputError):
    """A file that can be read in two ways; its line names them, with the options that decide."""

    def __init__(self, where: str, question: Question) -> None:
        self.where, self.question = where, question
        readings = " or ".join(f"{answer.why} ({answer.options})" for answer in question.answers[:2])
        more = [answer.options for answer in question.answers[2:]]
        others = f"; also possible: {'; '.join(more)}" if more else ""
        super().__init__(f"{where}: {question.asks}? {readings}{others}")


def settle(choices: Choices, answer: Answer) -> Choices:
    """The choices with an answer added."""
    known = {each.name for each in fields(Choices)}
    return replace(choices, **{role: value for role, value in answer.settles.items() if role in known})

"""Guesses: what `agile init` makes of an upload and of what a person says of it, and ten rows as a run will read them.

The file is read in a process of its own (`agile_classifier.ops.web.apart`); what came of it is kept beside the file.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel

from agile_classifier.config.files import read_parameters
from agile_classifier.config.labels.many import MANY
from agile_classifier.data.label_and_split import label_examples
from agile_classifier.data.tables import read_table
from agile_classifier.data.text import is_missing
from agile_classifier.drafts.choices import Answer, Choices, OpenQuestion, settle
from agile_classifier.drafts.columns import make_columns
from agile_classifier.drafts.draft import Draft, Project, make_draft, write_draft
from agile_classifier.drafts.forecast import HINDRANCE
from agile_classifier.drafts.guess import read_dialect
from agile_classifier.errors import InputError, one_line
from agile_classifier.files import write_whole
from agile_classifier.label_sets import part_labels
from agile_classifier.ops import project
from agile_classifier.ops.web.apart import Allowance, call_apart
from agile_classifier.ops.web.uploads import Upload

SHOWN_ROWS, SHOWN_CHARACTERS = 10, 300
"""Rows, and characters of a text, that are shown."""
ROWS_LOOKED_AT = 2_000
"""Rows from which it is told what a column may be."""
MOST_SHOWN_CLASSES = 50
GIVEN, FOUND = "given", ("no", "yes")
"""Rule by which a file names its classes; and what they are called where it does not: whether it is found."""
BASE_CONFIG = "quickstart"
"""Config whose base model a draft takes."""
CHOSEN, READING, CONFIG = "chosen.json", "reading.json", "config.yaml"

_reading = threading.Lock()
"""Held while a file is read: one at a time, for each takes memory."""


class Chosen(BaseModel, frozen=True):
    """What a person has said of a file."""

    choices: Choices = Choices()
    nothing_together: bool = False
    """Whether no column's values are kept together, whatever is guessed."""


class SeenColumn(BaseModel, frozen=True):
    """A column, and what it may be."""

    name: str
    may_be_text: bool
    may_be_score: bool
    may_be_classes: bool


class Asked(BaseModel, frozen=True):
    """A question that the file leaves open."""

    asks: str
    answers: tuple[str, ...]
    """What each answer means, the likeliest first."""
    settles: tuple[dict[str, Any], ...]
    """Field of `Choices` → its value, for each answer."""
    rows: tuple[dict[str, str], ...]
    """First rows, column → cell."""


class SeenRow(BaseModel, frozen=True):
    """A row as the pipeline reads it."""

    id: str
    text: str
    score: str | None = None
    label: str | None = None
    """Name of its class."""
    group: str | None = None


class Drafted(BaseModel, frozen=True):
    """A config for the file, and what it was made of."""

    yaml: str
    reasons: tuple[str, ...]
    hindrances: tuple[str, ...]
    """Why a run would be refused."""
    rows: tuple[SeenRow, ...]
    n_rows: int
    text: str
    learnt: tuple[str, ...]
    """Columns that are learnt from."""
    rule: str
    """`labels.rule`."""
    class_names: tuple[str, ...]
    """Names of classes 0, 1, …; where there are more, the first of them."""
    group: str | None

    @property
    def is_score(self) -> bool:
        """Whether what is learnt from are scores that are cut."""
        return self.rule not in (GIVEN, "any")


class Reading(BaseModel, frozen=True):
    """What came of reading a file: a draft, a question, or the line that says why neither."""

    columns: tuple[SeenColumn, ...] = ()
    refusal: str = ""
    asked: Asked | None = None
    drafted: Drafted | None = None


def read(upload: Upload, *, allowance: Allowance = Allowance()) -> Reading:
    """What was made of a file with what was said of it; it is read once.

    Raises
    ------
    InputError
        Reading took more time or memory than it may.
    """
    if (kept := _find_reading(upload)) is not None:
        return kept
    with _reading:
        if (kept := _find_reading(upload)) is not None:  # of whoever held it
            return kept
        model = read_parameters(project.configs() / f"{BASE_CONFIG}.yaml")["model"]
        here = Project(model, suites=project.configs())
        reading: Reading = call_apart(read_file, upload.path, here, find_chosen(upload), allowance=allowance)
        if reading.drafted is not None:
            write_whole(upload.folder / CONFIG, reading.drafted.yaml)
        write_whole(upload.folder / READING, reading.model_dump_json())
        return reading


def config_path(upload: Upload) -> Path:
    """Path of the config that was made for a file."""
    return upload.folder / CONFIG


def find_chosen(upload: Upload) -> Chosen:
    """What was said of a file so far."""
    kept = upload.folder / CHOSEN
    return Chosen.model_validate_json(kept.read_text(encoding="utf-8")) if kept.exists() else Chosen()


def choose(upload: Upload, chosen: Chosen) -> None:
    """Note what was said of a file, which is read anew then."""
    with _reading:
        if chosen != find_chosen(upload):
            (upload.folder / READING).unlink(missing_ok=True)
            write_whole(upload.folder / CHOSEN, chosen.model_dump_json())


def answer(upload: Upload, asked: Asked, number: int) -> None:
    """Note an answer, counted from 0, to the question that a file leaves open.

    Raises
    ------
    InputError
        There is no such answer.
    """
    if not 0 <= number < len(asked.settles):
        raise InputError(f"answer {number}: the question has the answers 0 to {len(asked.settles) - 1}")
    chosen = find_chosen(upload)
    choices = settle(chosen.choices, Answer(asked.settles[number], asked.answers[number]))
    choose(upload, Chosen.model_validate({**chosen.model_dump(), "choices": asdict(choices)}))


def read_file(path: Path, here: Project, chosen: Chosen) -> Reading:
    """Read a file as `agile init` does, and look at its first rows as a run will; nothing is written."""
    columns: tuple[SeenColumn, ...] = ()
    try:
        columns = _look_at_columns(path, chosen.choices)
        made = make_draft([path], project=here, output=path.with_name(CONFIG), choices=chosen.choices)
    except OpenQuestion as open_question:
        return Reading(columns=columns, asked=_as_asked(open_question))
    except InputError as error:
        return Reading(columns=columns, refusal=_short(error, path))
    made = _without_group(made) if chosen.nothing_together else made
    return Reading(columns=columns, drafted=_as_drafted(made, path))


def _find_reading(upload: Upload) -> Reading | None:
    """What was made of a file with all that was said of it; None where it is to be read."""
    try:
        return Reading.model_validate_json((upload.folder / READING).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def _look_at_columns(path: Path, choices: Choices) -> tuple[SeenColumn, ...]:
    dialect, _ = read_dialect([path], choices)
    frame = read_table(path, dialect, limit=ROWS_LOOKED_AT)
    return tuple(
        SeenColumn(
            name=column.name,
            may_be_text=column.is_text,
            may_be_score=bool(column.numbers) and column.n_distinct > 1,
            may_be_classes=column.is_simple and column.repeats,
        )
        for column in make_columns(frame, decimal=dialect.decimal)
    )


def _as_asked(open_question: OpenQuestion) -> Asked:
    question = open_question.question
    return Asked(
        asks=question.asks,
        answers=tuple(each.why for each in question.answers),
        settles=tuple(dict(each.settles) for each in question.answers),
        rows=tuple(dict(row) for row in question.rows),
    )


def _as_drafted(made: Draft, path: Path) -> Drafted:
    labels, columns = made.config.labels, made.config.data.columns
    score = (columns.score,) if columns.score else columns.raters
    names, rows = _look_at_rows(made)
    return Drafted(
        yaml=write_draft(made, [path], output=path.with_name(CONFIG)),
        reasons=tuple(remark for remark in made.remarks if not remark.startswith(HINDRANCE)),
        hindrances=tuple(_short(remark, path) for remark in made.remarks if remark.startswith(HINDRANCE)),
        rows=rows,
        n_rows=len(made.examples),
        text=columns.text,
        learnt=tuple(score if labels.needs_score else labels.columns),
        rule=labels.rule,
        class_names=names[:MOST_SHOWN_CLASSES],
        group=columns.group,
    )


def _look_at_rows(made: Draft) -> tuple[tuple[str, ...], tuple[SeenRow, ...]]:
    """Names of the classes, and the first rows with theirs, where they can be labelled."""
    examples, rule = made.examples.head(SHOWN_ROWS), made.config.labels
    try:
        label, names, _ = label_examples(made.examples, rule)
    except InputError:  # a hindrance says so
        names, labels = (), list[str | None]([None] * len(examples))
    else:
        names = FOUND if rule.rule != GIVEN and not rule.class_names else names
        is_many = rule.rule == MANY
        said = [part_labels([code], len(names))[0] if is_many else code for code in label.head(SHOWN_ROWS)]
        labels = [_named(names, each) for each in said]
    rows = (
        SeenRow(
            id=str(row["id"]),
            text=_shown(row["text"]) or "",
            score=_shown(row.get("score")),
            group=_shown(row.get("group")),
            label=name,
        )
        for row, name in zip(examples.to_dict("records"), labels, strict=True)
    )
    return tuple(names), tuple(rows)


def _named(names: Sequence[str], code: Any) -> str | None:
    """What a row is called: its class, or of several labels those that it carries."""
    if np.ndim(code):
        return ", ".join(name for name, is_held in zip(names, code, strict=True) if is_held) or "none"
    return None if pd.isna(code) else names[int(code)]


def _without_group(made: Draft) -> Draft:
    """The draft in which no column's values are kept together."""
    columns = {role: name for role, name in made.sections["data"]["columns"].items() if role != "group"}
    sections = {**made.sections, "data": {**made.sections["data"], "columns": columns}}
    if sections.get("split", {}).get("method") == "group":
        sections["split"] = {name: value for name, value in sections["split"].items() if name != "method"}
    of_columns = made.config.data.columns.model_copy(update={"group": None})
    config = made.config.model_copy(update={"data": made.config.data.model_copy(update={"columns": of_columns})})
    examples = made.examples.drop(columns="group", errors="ignore")
    return Draft(sections, config, examples, (*made.remarks, "Nothing is kept together, as was chosen."))


def _shown(cell: Any) -> str | None:
    if is_missing(cell):
        return None
    return f"{cell:g}" if isinstance(cell, float) else one_line(cell, longest=SHOWN_CHARACTERS)


def _short(words: object, path: Path) -> str:
    """A line without the folder in which the file is kept."""
    return str(words).replace(str(path), path.name)

"""Config writing: the first config of a person's own file, with the reason of each guess, as `agile init` writes it."""

from __future__ import annotations

import math
import re
import shlex
import textwrap
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from agile_classifier.config.bounds import LONGEST_MODEL_NAME
from agile_classifier.config.files import parse_config
from agile_classifier.config.run import RunConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.drafts.choices import Answer, Choices, OpenQuestion, Question, settle
from agile_classifier.drafts.forecast import choose_split, forecast, forecast_parts
from agile_classifier.drafts.guess import Guess, guess
from agile_classifier.errors import InputError
from agile_classifier.files import write_whole

COMMENT_WIDTH = 118
GZIP = ".gz"
TOGETHER = (
    "Equal texts are one example, and near copies stay in one part of the split (data_quality.duplicates together), so "
    "that no text is tested that was learnt."
)
MODEL_NAME = "classifier"
"""Where the file's name holds no letter or digit that a model name may hold."""
ROUND_SCALES_FROM = 100
"""Above this, a scale ends at a power of ten: scores up to 800 are of a scale to 1000."""

Ask = Callable[[Question], Answer]
"""Puts a question to a person; the reading that was chosen."""


@dataclass(frozen=True)
class Project:
    """What a draft takes from the project that it is made in."""

    model: Mapping[str, Any]
    """The `model` section."""
    suites: Path
    """Folder that `validation.suite` is relative to."""


@dataclass(frozen=True)
class Draft:
    """A first config for a file, and what it was made of."""

    sections: dict[str, dict[str, Any]]
    """Sections of the config that differ from the defaults."""
    config: RunConfig
    examples: pd.DataFrame
    """The examples as the step `ingest` makes them, of shape (n, 2 or more)."""
    remarks: tuple[str, ...]
    """Why it is as it is, and what a run will make of it."""


def compose(
    sources: Sequence[Path], *, project: Project, output: Path, choices: Choices = Choices(), ask: Ask | None = None
) -> str:
    """A YAML that describes a run on the file, loads as a config, and says why it is as it is.

    Parameters
    ----------
    sources : sequence of Path
        The file, or files of the same columns; each is written relative to the YAML's folder where it lies there, else
        as an absolute path.
    output : Path
        Where the YAML will stand.
    choices : Choices
        What a person has settled.
    ask : callable, optional
        Answers what is in doubt; without it a doubt is an error.

    Raises
    ------
    OpenQuestion
        The file can be read in two ways, and there is nobody to ask.
    InputError
        The file cannot be read, or nothing in it can be learnt.
    """
    made = make_draft(sources, project=project, output=output, choices=choices, ask=ask)
    return write_draft(made, sources, output=output)


def make_draft(
    sources: Sequence[Path], *, project: Project, output: Path, choices: Choices = Choices(), ask: Ask | None = None
) -> Draft:
    """Guess a first config for the files, and foretell what a run will make of it; as `compose`."""
    sources = [source.expanduser().absolute() for source in sources]
    name = _model_name(_stem(sources[0]))
    guessed = guess_with_answers(sources, choices, ask)
    bare = parse_config(_sections(guessed, project, name=name), name=str(output))
    kept = tuple(dict.fromkeys((*bare.kept_columns, *guessed.of_parts)))
    examples = read_examples(bare.data, keep=kept, not_rated=bare.labels.not_rated, absent=bare.labels.absent)
    bounds = _score_bounds(examples)
    bounded = parse_config(_sections(guessed, project, name=name, bounds=bounds), name=str(output))
    config, labelled, why_split = choose_split(examples, bounded)
    sections = _sections(guessed, project, name=name, bounds=bounds, split=config.split)
    foretold = forecast(examples, config, suite=project.suites / config.validation.suite, labelled=labelled)
    foretold += [forecast_parts(examples, config, column) for column in guessed.of_parts]
    remarks = (*guessed.reasons, *_bounds_reason(config, bounds), TOGETHER, why_split, *foretold)
    return Draft(sections, config, examples, remarks)


def write_draft(made: Draft, sources: Sequence[Path], *, output: Path) -> str:
    """The YAML of a draft, its remarks as the comment that it opens with; sources as `compose` places them."""
    places = [place_source(source.expanduser().absolute(), output) for source in sources]
    sections = {**made.sections, "data": {**made.sections["data"], "source": places if places[1:] else places[0]}}
    head = _head(sources, output=output, remarks=made.remarks)
    body = yaml.safe_dump({"parameters": sections}, sort_keys=False, allow_unicode=True, width=10_000)
    return f"{head}{body}"


def write_config(
    sources: Sequence[Path],
    *,
    project: Project,
    output: Path | None,
    force: bool,
    choices: Choices = Choices(),
    ask: Ask | None = None,
) -> Path:
    """Write what `compose` makes; returns where. An existing file is overwritten only by force.

    Raises
    ------
    InputError
        As `compose`; the place is taken or cannot be written.
    """
    output = output or Path(f"{_stem(sources[0])}.yaml")
    if output.is_dir():
        raise InputError(f"{output}: is a folder; name a file with --output")
    if output.exists() and not force:
        raise InputError(f"{output}: exists already; --force overwrites it, --output names another file")
    text = compose(sources, project=project, output=output, choices=choices, ask=ask)
    try:
        write_whole(output, text)
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise InputError(f"{output}: cannot be written ({error.strerror})") from None
    return output


def guess_with_answers(sources: Sequence[Path], choices: Choices, ask: Ask | None) -> Guess:
    """The guess, with each doubt settled by a question, one at a time; without `ask` the first doubt is raised."""
    while True:
        try:
            return guess(sources, choices)
        except OpenQuestion as open_question:
            if ask is None:
                raise
            choices = settle(choices, ask(open_question.question))


def place_source(source: Path, output: Path) -> str:
    """A source as the config names it: relative where it lies beside the config or below it, else absolute."""
    folder = output.expanduser().absolute().parent
    if not source.is_relative_to(folder):
        return str(source)
    relative = source.relative_to(folder).as_posix()
    return relative if "://" not in relative and "!/" not in relative and not relative.startswith("~") else str(source)


def _sections(
    guessed: Guess,
    project: Project,
    *,
    name: str,
    bounds: tuple[int, int] = (0, 1),
    split: SplitConfig | None = None,
) -> dict[str, dict[str, Any]]:
    chosen = SplitConfig.model_validate(guessed.split) if split is None else split
    sections: dict[str, Mapping[str, Any]] = {
        "data": guessed.data,
        "validation": {} if bounds == (0, 1) else {"score_min": bounds[0], "score_max": bounds[1]},
        "labels": guessed.labels,
        "split": chosen.model_dump(mode="json", exclude_defaults=True),
        "data_quality": {"duplicates": "together"},
        "model": project.model,
        "registry": {"model_name": name},
    }
    return {section: dict(values) for section, values in sections.items() if values}


def _score_bounds(examples: pd.DataFrame) -> tuple[int, int]:
    """Smallest and largest score, rounded outward; 0 and 1 without scores."""
    scores = examples["score"].dropna() if "score" in examples else pd.Series(dtype="float64")
    if not len(scores) or not math.isfinite(scores.min()) or not math.isfinite(scores.max()):
        return (0, 1)
    low, high = math.floor(scores.min()), math.ceil(scores.max())
    if high > ROUND_SCALES_FROM:
        return (min(0, low), 10 ** math.ceil(math.log10(high)))
    return (low, high) if low < 0 or high > 1 else (0, 1)


def _bounds_reason(config: RunConfig, bounds: tuple[int, int]) -> list[str]:
    if not config.labels.needs_score:
        return []
    if bounds == (0, 1):
        return ["Scores may lie from 0 to 1, the default."]
    low, high = bounds
    return [f"Scores may lie from {low} to {high}: what the file holds, rounded outward; set the scale's true ends."]


def _stem(source: Path) -> str:
    """The file's name without its suffixes: `comments` of `comments.csv.gz`."""
    return Path(source.stem).stem if source.suffix.lower() == GZIP else source.stem


def _model_name(stem: str) -> str:
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", plain)[:LONGEST_MODEL_NAME].strip("-_.") or MODEL_NAME


def _head(sources: Sequence[Path], *, output: Path, remarks: Sequence[str]) -> str:
    is_beside = place_source(sources[0], output) != str(sources[0])
    place = (
        "relative to this file's folder, so that both can move together"
        if is_beside
        else "as an absolute path, so that this file works from any folder"
    )
    names = ", ".join(source.name for source in sources)
    opening = [
        f"A first config for {names}, guessed by `agile init`: read it, mend it, then run",
        "",
        f"    agile train {shlex.quote(str(output))}",
        "",
        f"The source stands below {place}. Why it is as it is:",
    ]
    lines = [*map(_printable, opening), *(line for remark in remarks for line in _item(_printable(remark)))]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _item(remark: str) -> list[str]:
    return textwrap.wrap(remark, width=COMMENT_WIDTH, initial_indent="- ", subsequent_indent="  ")


def _printable(text: str) -> str:
    """A comment is one line, and YAML allows no control characters in it."""
    return "".join(character if character.isprintable() else " " for character in text)

"""Config writing: the first config of a person's own file, with the reason of each guess, as `agile init` writes it."""

from __future__ import annotations

import math
import re
import shlex
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from agile_classifier.config.data import DataConfig
from agile_classifier.config.files import parse_config
from agile_classifier.config.run import RunConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.data.label_and_split import label_and_split, label_examples
from agile_classifier.drafts.guess import Guess, guess
from agile_classifier.errors import InputError

COMMENT_WIDTH = 118
MODEL_NAME = "classifier"
"""Where the file's name holds no letter or digit that a model name may hold."""


def compose(source: Path, *, model: Mapping[str, Any], output: Path) -> str:
    """A YAML that describes a run on the file, loads as a config, and says why it is as it is.

    Parameters
    ----------
    source : Path
        The file; its absolute path is written, so that the config works from any folder.
    model : mapping
        The `model` section.
    output : Path
        Where the YAML will stand, for the command in its head.

    Raises
    ------
    InputError
        The file cannot be read, or nothing in it can be learnt.
    """
    source = source.expanduser().absolute()
    found = guess(source)
    examples = _read_examples(found)
    sections = _sections(found, examples, model=model, model_name=_model_name(source.stem))
    config = parse_config(sections, name=str(output))
    remarks = [*_reasons(found, sections), *_forecast(examples, config)]
    head = _head(source, output=output, remarks=remarks)
    body = yaml.safe_dump({"parameters": sections}, sort_keys=False, allow_unicode=True, width=10_000)
    return f"{head}{body}"


def write_config(source: Path, *, model: Mapping[str, Any], output: Path | None, force: bool) -> Path:
    """Write what `compose` makes; returns where. An existing file is overwritten only by force.

    Raises
    ------
    InputError
        As `compose`; the place is taken or cannot be written.
    """
    output = output or Path(f"{source.stem}.yaml")
    if output.is_dir():
        raise InputError(f"{output}: is a folder; name a file with --output")
    if output.exists() and not force:
        raise InputError(f"{output}: exists already; --force overwrites it, --output names another file")
    text = compose(source, model=model, output=output)
    try:
        output.write_text(text, encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise InputError(f"{output}: cannot be written ({error.strerror})") from None
    return output


def _read_examples(found: Guess) -> pd.DataFrame:
    """The whole file, as a run will see it."""
    labels: dict[str, Any] = dict(found.labels)
    return read_examples(
        DataConfig.model_validate(found.data),
        keep=tuple(labels.get("columns", ())),
        not_rated=tuple(labels.get("not_rated", ())),
        absent=tuple(labels.get("absent", ())),
    )


def _sections(found: Guess, examples: pd.DataFrame, *, model: Mapping[str, Any], model_name: str) -> dict[str, Any]:
    bounds = _score_bounds(examples)
    split = {} if found.split == {"method": "stratified"} else found.split
    sections: dict[str, Mapping[str, Any]] = {
        "data": found.data,
        "validation": {} if bounds == (0, 1) else {"score_min": bounds[0], "score_max": bounds[1]},
        "labels": found.labels,
        "split": split,
        "model": model,
        "registry": {"model_name": model_name},
    }
    return {name: dict(section) for name, section in sections.items() if section}


def _score_bounds(examples: pd.DataFrame) -> tuple[int, int]:
    """Smallest and largest score, rounded outward; 0 and 1 without scores."""
    scores = examples["score"].dropna() if "score" in examples else pd.Series(dtype="float64")
    return (math.floor(scores.min()), math.ceil(scores.max())) if len(scores) else (0, 1)


def _model_name(stem: str) -> str:
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", plain).strip("-_.") or MODEL_NAME


def _reasons(found: Guess, sections: Mapping[str, Any]) -> list[str]:
    """The guess's own, but for the advice that is followed here."""
    reasons = [reason for reason in found.reasons if "validation.score_min" not in reason]
    if "validation" in sections:
        low, high = sections["validation"]["score_min"], sections["validation"]["score_max"]
        reasons.append(
            f"Scores may lie from {low} to {high}: what the file holds, rounded outward; set the scale's true ends."
        )
    elif "score" in sections["data"]["columns"]:
        reasons.append("Scores may lie from 0 to 1, the default.")
    return reasons


def _forecast(examples: pd.DataFrame, config: RunConfig) -> list[str]:
    """Whether a run will get through, by doing what it does before it trains."""
    limits = config.validation
    if len(examples) < limits.min_rows:
        return [f"It cannot train yet: {len(examples)} rows, and validation.min_rows asks for {limits.min_rows}."]
    if examples["text"].isna().any():
        return [f"It cannot train yet: {int(examples['text'].isna().sum())} rows have no text."]
    if "score" in examples and examples["score"].isna().any():
        return [f"It cannot train yet: {int(examples['score'].isna().sum())} rows have no score."]
    try:
        smallest = label_examples(examples, config.labels)[0].value_counts().min()
        if smallest < limits.min_class_rows:
            return [
                f"It cannot train yet: the smallest class has {smallest} rows, and validation.min_class_rows asks for "
                f"{limits.min_class_rows}."
            ]
        parts = label_and_split(examples, config.labels, config.split, config.data_quality).parts
    except InputError as error:
        return [f"It cannot train yet: {error}."]
    return _expected_parts({part: len(frame) for part, frame in parts.items()}, fewest=config.promotion.min_rows)


def _expected_parts(sizes: Mapping[str, int], *, fewest: int) -> list[str]:
    expected = [f"That makes {', '.join(f'{size} {part}' for part, size in sizes.items())} rows."]
    if sizes["test"] < fewest:
        expected.append(
            f"{sizes['test']} test rows are too few for promotion (promotion.min_rows asks for {fewest}): the version "
            "will be "
            "registered as candidate, and no champion."
        )
    return expected


def _head(source: Path, *, output: Path, remarks: Sequence[str]) -> str:
    opening = [
        f"A first config for {source.name}, guessed by `agile init`: read it, mend it, then run",
        "",
        f"    agile train {shlex.quote(str(output))}",
        "",
        "The source stands below as an absolute path, so that this file works from any folder. Why it is as it is:",
    ]
    lines = [*map(_printable, opening), *(line for remark in remarks for line in _item(_printable(remark)))]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _item(remark: str) -> list[str]:
    return textwrap.wrap(remark, width=COMMENT_WIDTH, initial_indent="- ", subsequent_indent="  ")


def _printable(text: str) -> str:
    """A comment is one line, and YAML allows no control characters in it."""
    return "".join(character if character.isprintable() else " " for character in text)

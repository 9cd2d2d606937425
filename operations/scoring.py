"""Scoring: texts of a person or of a file, by the champion; a file is answered whole or not at all."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

from classifier.errors import InputError
from classifier.tables import SUFFIXES, read_table
from classifier.text import is_blank
from operations import registry

SHOWN_LENGTH = 60
"""Characters of a text in a table."""
LABEL, MODEL_VERSION = "label", "model_version"


@dataclass(frozen=True)
class Champion:
    """A registered model and its version in service."""

    model_name: str
    version: str


def find_champion(model_name: str | None) -> Champion:
    """The champion of the named model, or of the only model that has one.

    Raises
    ------
    InputError
        None has one, several have one and none was named, or the named one has none.
    """
    champions = registry.list_champions()
    if not champions:
        raise InputError(
            "no registered model has a champion: train one first, as with `agile train configs/quickstart.yaml`"
        )
    if model_name is None and len(champions) > 1:
        raise InputError(f"several models have a champion: name one with --model: {', '.join(sorted(champions))}")
    name = next(iter(champions)) if model_name is None else model_name
    if name not in champions:
        raise InputError(f"--model {name}: has no champion; models with one: {', '.join(sorted(champions))}")
    return Champion(name, champions[name])


def score_texts(texts: Sequence[str], *, model_name: str | None) -> pd.DataFrame:
    """One row a text: `label`, `probability_NAME` of every class, `model_version`.

    Raises
    ------
    InputError
        A text is blank, or no champion can be found.
    """
    for number, text in enumerate(texts, start=1):
        _require_text(text, where=f"text {number}")
    champion = find_champion(model_name)
    scores = registry.score_with_version(champion.model_name, champion.version, texts)
    return scores.assign(**{MODEL_VERSION: champion.version})


def as_table(texts: Sequence[str], scores: pd.DataFrame) -> str:
    """One line a text, for a terminal."""
    lines = [" ".join(text.split()) for text in texts]
    cut = [line if len(line) <= SHOWN_LENGTH else f"{line[: SHOWN_LENGTH - 1]}…" for line in lines]
    shown = scores.assign(text=[line.ljust(max(map(len, cut))) for line in cut])
    return shown.to_string(index=False, float_format=lambda number: f"{number:.3f}", justify="left")


def score_file(source: Path, *, output: Path, column: str, delimiter: str | None, model_name: str | None) -> int:
    """Write the file's rows, in their order, with the columns of `score_texts` added; returns their number.

    Parameters
    ----------
    source, output : Path
        The suffixes name the formats; `output` may be of another one, and is replaced only once all is scored.
    column : str
        Holds the texts.
    delimiter, model_name : str or None
        Of `source`, None goes by its suffix; whose champion answers, None where there is but one.

    Raises
    ------
    InputError
        A file cannot be read or written, a text is missing or blank (names the row), a column would be overwritten.
    """
    _check_output(output, source)
    frame = read_table(source, delimiter=delimiter)
    _require_free(frame, (LABEL, MODEL_VERSION), source)
    scores = score_texts(_read_texts(frame, source, column), model_name=model_name)
    _require_free(frame, scores.columns, source)
    _write_table(pd.concat([frame.reset_index(drop=True), scores.reset_index(drop=True)], axis=1), output)
    return len(frame)


def _require_text(text: Any, *, where: str) -> None:
    is_missing = text is None or text is pd.NA or (isinstance(text, float) and math.isnan(text))
    if not isinstance(text, str) or is_blank(text):
        raise InputError(
            f"{where}: the text is {'missing' if is_missing else repr(text)}; a text with visible characters is needed"
        )
    if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError(f"{where}: {text!r} is not UTF-8")


def _read_texts(frame: pd.DataFrame, source: Path, column: str) -> list[str]:
    if column not in frame.columns:
        there = ", ".join(map(repr, frame.columns))
        raise InputError(f"{source}: no column {column!r} (--column); there are {there}")
    texts = frame[column].tolist()
    for number, text in enumerate(texts, start=1):
        _require_text(text, where=f"{source}: column {column!r}, row {number}")
    return texts


def _require_free(frame: pd.DataFrame, names: Iterable[str], source: Path) -> None:
    taken = [name for name in names if name in frame.columns]
    if taken:
        raise InputError(f"{source}: has a column {taken[0]!r} already, which the scores need: rename it")


def _check_output(output: Path, source: Path) -> None:
    if output.suffix.lower() not in SUFFIXES:
        raise InputError(f"--output {output}: found suffix {output.suffix!r}; allowed are {', '.join(SUFFIXES)}")
    if not output.absolute().parent.is_dir():
        raise InputError(f"--output {output}: no folder {output.absolute().parent}")
    if output.is_dir():
        raise InputError(f"--output {output}: is a folder, not a file")
    if output.exists() and source.exists() and output.samefile(source):
        raise InputError(f"--output {output}: is the input itself; name another file")


def _write_table(frame: pd.DataFrame, output: Path) -> None:
    """In a file beside it first, so that a reader never sees half."""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{output.stem}-", dir=output.absolute().parent) as folder:
            part = Path(folder) / output.name
            _write_part(frame, part)
            part.replace(output)
    except PermissionError as error:
        raise InputError(f"--output {output}: cannot be written ({error.strerror})") from None
    except pa.ArrowException as error:
        raise InputError(f"--output {output}: parquet cannot hold a column: {' '.join(str(error).split())}") from None


def _write_part(frame: pd.DataFrame, part: Path) -> None:
    suffix = part.suffix.lower()
    if suffix == ".parquet":
        frame.to_parquet(part, index=False)
    elif suffix == ".jsonl":
        frame.to_json(part, orient="records", lines=True, force_ascii=False, double_precision=15, date_format="iso")
    else:
        frame.to_csv(part, index=False, sep=SUFFIXES[suffix] or ",", lineterminator="\n")

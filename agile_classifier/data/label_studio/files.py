"""Files of labels that came back, a row for each annotator's label, in CSV, TSV, JSON lines or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agile_classifier.data.formats.several import QUEUED
from agile_classifier.data.label_studio.labels import Pulled
from agile_classifier.data.row_parts import JSON_LINES, Layout
from agile_classifier.errors import InputError
from agile_classifier.files import require_place, write_whole

FIRST = "annotation_id"
"""First column of a file, by which one that was pulled before is known, and may be replaced."""
DELIMITED = (".csv", ".tsv")
SUFFIXES = (*DELIMITED, *JSON_LINES, ".json")

Rows = Sequence[Mapping[str, Any]]


def require_output(output: Path) -> None:
    """Raise InputError where a file cannot be written, or would replace one that was not pulled."""
    if output.suffix not in SUFFIXES:
        raise InputError(
            f"--output {output}: found suffix {output.suffix or 'none'}; allowed are {', '.join(SUFFIXES)}"
        )
    begins = {".json": f'[{{"{FIRST}"', **dict.fromkeys(JSON_LINES, f'{{"{FIRST}"')}.get(output.suffix, FIRST)
    require_place(output, begins=begins, what="file of labels that was pulled before")


def write_labels(pulled: Pulled, output: Path) -> None:
    """Write the labels, whole or not at all; what a queue said of a text is left out.

    Raises
    ------
    InputError
        The project holds no labels yet.
    """
    rows = [_ordered(row) for row in pulled.rows()]
    if not rows:
        raise InputError(f"{pulled.project.named}: holds no labels yet")
    write_whole(output, _as_delimited(rows, output) if output.suffix in DELIMITED else _as_json(rows, output))


def in_words(pulled: Pulled, output: Path) -> str:
    """Summary for a person."""
    rows = list(pulled.rows())
    annotators = {row.get("annotator") for row in rows}
    skipped = f"; {pulled.n_skipped} tasks were skipped" if pulled.n_skipped else ""
    by = f"{len(annotators)} annotator{'s' if len(annotators) > 1 else ''}"
    return f"{pulled.project.named}: {len(rows)} labels of {pulled.n_texts} texts by {by}{skipped}; written to {output}"


def _ordered(row: Mapping[str, Any]) -> dict[str, Any]:
    return {FIRST: row.get(FIRST), **{name: cell for name, cell in row.items() if name not in (FIRST, *QUEUED)}}


def _as_delimited(rows: Rows, output: Path) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    layout = Layout.of(output)
    return layout.write_head(names) + layout.write([[_as_cell(row.get(name)) for name in names] for row in rows])


def _as_cell(value: Any) -> Any:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict | bool) else value


def _as_json(rows: Rows, output: Path) -> str:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    return "".join(f"{line}\n" for line in lines) if output.suffix in JSON_LINES else "[" + ",\n ".join(lines) + "]\n"

"""Page of differences: what came, changed and went between two snapshots, as a table and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from agile_classifier.data.snapshots.differences import KNOWN, compare
from agile_classifier.data.snapshots.identity import source_names
from agile_classifier.data.snapshots.manifest import Previous
from agile_classifier.data.tables import as_name, source_name
from agile_classifier.data.text import is_missing
from agile_classifier.errors import one_line

SHOWN = 10
"""Rows of each kind that a terminal shows."""
LONGEST = 60
"""Characters of a cell that a terminal shows."""
ADDED, CHANGED, WITHDRAWN = "added", "changed", "withdrawn"


def list_differences(before: Previous, after: Previous) -> pd.DataFrame:
    """Every example that differs between two snapshots.

    Returns
    -------
    DataFrame of shape (n, 6)
        `change` (added, changed, withdrawn), `source`, `id`, `column`, `before`, `after`: of a changed example a row
        for each column that differs, of the others one for its text.
    """
    left, right = before.examples, after.examples
    found = compare(left, right, ways_before=before.manifest.known_by, ways_after=after.manifest.known_by)
    rows = [
        *_lone(right, found.added, ADDED),
        *_changed(left.iloc[found.changed_from], right.iloc[found.changed_to]),
        *_lone(left, found.withdrawn, WITHDRAWN),
    ]
    return pd.DataFrame(rows, columns=["change", "source", "id", "column", "before", "after"])


def as_lines(before: Previous, after: Previous, differences: pd.DataFrame) -> Iterator[str]:
    """What differs between two snapshots, counted by source, then the first examples of each kind."""
    counts = differences.drop_duplicates(["change", "source", "id"]).groupby("source")["change"].value_counts()
    sources = dict.fromkeys(facts.name for each in (after, before) for facts in each.manifest.sources)
    for name in sources:
        said = ", ".join(f"{int(counts.get((name, kind), 0)):,} {kind}" for kind in (ADDED, CHANGED, WITHDRAWN))
        yield f"{name}: {_n_rows(before, name):,} rows, then {_n_rows(after, name):,}; {said}"
    if differences.empty:
        yield "the same examples"
    for kind, rows in differences.groupby("change", sort=False):
        for row in rows.head(SHOWN).itertuples(index=False):
            yield f"{kind} {row.id}: {_said(row)}"
        if len(rows) > SHOWN:
            yield f"{kind}: and {len(rows) - SHOWN:,} more"


def _lone(examples: pd.DataFrame, rows: Any, kind: str) -> Iterator[tuple[str, ...]]:
    chosen = examples.iloc[rows]
    for source, id_, text in zip(source_names(chosen), chosen["id"], chosen["text"], strict=True):
        text = "" if is_missing(text) else text
        yield (kind, source, id_, "text", *(("", text) if kind == ADDED else (text, "")))


def _changed(left: pd.DataFrame, right: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    columns = [name for name in right.columns if name in left.columns and name not in KNOWN]
    pairs = [(name, left[name].map(_cell), right[name].map(_cell)) for name in columns]
    for place, (source, id_) in enumerate(zip(source_names(right), right["id"], strict=True)):
        for name, was, now in pairs:
            if was.iloc[place] != now.iloc[place]:
                yield CHANGED, source, id_, source_name(name), was.iloc[place], now.iloc[place]


def _cell(cell: Any) -> str:
    return "" if is_missing(cell) else as_name(cell)


def _n_rows(snapshot: Previous, source: str) -> int:
    return sum(facts.n_rows for facts in snapshot.manifest.sources if facts.name == source)


def _said(row: Any) -> str:
    if row.change != CHANGED:
        return one_line(row.after or row.before, longest=LONGEST)
    was, now = (one_line(cell, longest=LONGEST) if cell else "nothing" for cell in (row.before, row.after))
    return f"{row.column} {was} → {now}"

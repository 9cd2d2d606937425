"""Tables of the benchmark: means over splits, and half of their 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agile_classifier.studies.report.statistics import mean_over_splits

TITLES = {"roc_auc": "ROC AUC", "f1": "F1", "flips": "Flip rate: class-1 texts that are found plain, and lost"}
Cell = Mapping[str, Any]


def in_words(cells: Sequence[Cell], *, part: str) -> str:
    """A table in Markdown for each figure: a row an attack, a column an arm."""
    tables = [_table(cells, part, figure) for figure in TITLES]
    first = cells[0]
    n_splits = len({cell["split"] for cell in cells})
    head = (
        f"{first['model']}: {n_splits} splits of {first['n_train']} train, {first['n_validation']} validation and"
        f" {first['n_test']} test texts; figures of {part}, mean ± half of the 95 % interval over splits"
    )
    return "\n\n".join([head, *filter(None, tables)])


def _table(cells: Sequence[Cell], part: str, figure: str) -> str:
    arms = list(dict.fromkeys(cell["arm"] for cell in cells))
    attacks = [name for name in cells[0][part] if _value(cells[0][part][name], figure) is not None]
    if not attacks:
        return ""
    rows = [[name.replace("_", " "), *(_mean(cells, arm, part, name, figure) for arm in arms)] for name in attacks]
    lines = [[TITLES[figure], *arms], ["---"] * (len(arms) + 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _mean(cells: Sequence[Cell], arm: str, part: str, attack: str, figure: str) -> str:
    own = [cell for cell in cells if cell["arm"] == arm]
    values = [value for cell in own if (value := _value(cell[part][attack], figure)) is not None]
    found = mean_over_splits(values, test_share=own[0][f"n_{part}"] / own[0]["n_train"])
    return f"{found.mean:.3f} ± {found.half:.3f}" if found.n > 1 else f"{found.mean:.3f}"


def _value(facts: Mapping[str, Any], figure: str) -> float | None:
    if figure == "flips":
        return facts["n_flipped"] / facts["n"] if facts.get("n") else None
    value = facts.get(figure)
    return None if value is None else float(value)

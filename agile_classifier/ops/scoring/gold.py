"""Gold: the scores of a file held against the labels that it came with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.labels.many import MANY
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.data.labels.cells import is_empty, plain_number, unwrap
from agile_classifier.data.labels.known_classes import Classes
from agile_classifier.data.labels.many import read_many
from agile_classifier.data.rows import open_rows
from agile_classifier.data.tables import to_table
from agile_classifier.errors import InputError, did_you_mean
from agile_classifier.metrics.bootstrap import bootstrap_intervals
from agile_classifier.metrics.metrics import DecisionThreshold, evaluate_scores, part_tasks
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.registry.contents import version_files
from agile_classifier.ops.scoring.answer_columns import LABEL, find_earlier
from agile_classifier.ops.scoring.reading import find_scored

SHOWN = {"accuracy": "accuracy", "f1": "F1", "roc_auc": "ROC AUC"}
"""Metrics that are printed, with their names for a person."""
MOST_UNKNOWN_SHOWN = 5
"""Unknown classes that are named; of more, the number is said."""
RESAMPLES, DRAWN_ROWS = (200, 1000), 2e8
"""Fewest and most resamples of an interval, and rows drawn in all: the larger the file, the fewer it takes."""


@dataclass
class Gold:
    """Gold labels and scores of a file's rows."""

    column: str
    classes: Classes
    y_true: list[int] = field(default_factory=list)
    y_score: list[list[float]] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    """Rows by a class that the version does not know."""
    n_missing: int = 0

    def add(self, cell: object, y_score: list[float]) -> None:
        """Take in a row's gold label, as its cell says it, and its probabilities."""
        word = _word_of(cell)
        number = self.classes.find(word)
        if not word:
            self.n_missing += 1
        elif number is None:
            self.unknown[word] += 1
        else:
            self.y_true.append(number)
            self.y_score.append(y_score)

    def in_words(self, decision_threshold: DecisionThreshold) -> str:
        """Metrics with 95 % intervals, and what was left out, a line each.

        Raises
        ------
        InputError
            The labels that the version knows are of fewer than two classes.
        """
        given: Any = {"y_true": self.y_true, "y_score": self.y_score, "decision_threshold": decision_threshold}
        if len(set(self.y_true)) < 2:
            raise InputError(
                f"column {self.column!r} (--label-column): {len(self.y_true)} rows hold fewer than two of the version's"
                f" classes {', '.join(self.classes.names)}{self._left_out()}"
            )
        n_resamples = int(np.clip(DRAWN_ROWS / len(self.y_true), *RESAMPLES))
        metrics = evaluate_scores(**given)
        intervals = bootstrap_intervals(**given, n_resamples=n_resamples, seed=0)
        values = ", ".join(
            f"{shown} {metrics[name]:.3f} [{intervals[name][0]:.3f}, {intervals[name][1]:.3f}]"
            for name, shown in SHOWN.items()
        )
        of = f" of {self.classes.names[1]!r}" if len(self.classes.names) == 2 else ", mean over the classes"
        return f"against column {self.column!r}, {len(self.y_true):,} rows: {values} (F1 and AUC{of}){self._left_out()}"

    def _left_out(self) -> str:
        parts = [f"{self.n_missing:,} rows without a label"] if self.n_missing else []
        if self.unknown:
            named = [f"{word!r} ({n:,})" for word, n in self.unknown.most_common(MOST_UNKNOWN_SHOWN)]
            more = len(self.unknown) - len(named)
            parts.append(
                f"classes that the version does not know: {', '.join(named)}{f' and {more} more' if more else ''}"
            )
        return f"; left out: {'; '.join(parts)}" if parts else ""


def choose_label_column(named: str | None, *, model_name: str, version: str) -> str:
    """Column of the gold labels: the one that is named, else that of the version's config, else `label`."""
    labels = version_files.read_config(model_name, version).get("labels", {})
    columns = labels.get("columns") or [LABEL]
    return named or (str(columns[0]) if labels.get("rule") in ("given", MANY) else LABEL)


def require_label_column(source: Path, dialect: Dialect, column: str) -> None:
    """Raise InputError where a file has no column of gold labels, or where it is the answer of an earlier scoring."""
    names = open_rows(source, dialect).names()
    if column in find_earlier(names):
        raise InputError(f"{source}: column {column!r} (--label-column) is what an earlier scoring answered")
    if column not in names:
        raise InputError(
            f"{source}: no column {column!r} (--label-column); there are {', '.join(map(repr, names))}"
            f"{did_you_mean(column, names)}"
        )


def evaluate_output(output: Path, facts: Mapping[str, Any], *, label_column: str) -> str:
    """Metrics of a scored file against its own labels, in words; raises as `Gold.in_words`.

    Parameters
    ----------
    facts : mapping
        As `agile_classifier.ops.scoring.batch.score_file` returns them.
    """
    name, version, columns = facts["model_name"], facts["model_version"], facts["columns"]
    names = version_files.read_spec(name, version).class_names
    labels = version_files.read_config(name, version).get("labels", {})
    gold, scored = Gold(label_column, Classes.of(names, labels)), find_scored(output, ReadingOptions())
    rows = open_rows(output, scored.dialect if scored else Dialect())
    if labels.get("rule") == MANY:
        cut = version_files.read_decision_threshold(name, version)
        return _evaluate_labels(to_table(rows), columns, names, _label_rule(labels, label_column, names), cut)
    for row in rows:
        gold.add(row.cells.get(label_column), [float(row.cells[columns[f"{PROBABILITY}{each}"]]) for each in names])
    return gold.in_words(version_files.read_decision_threshold(name, version))


def _label_rule(labels: Mapping[str, Any], column: str, names: Sequence[str]) -> LabelsConfig:
    """How the labels of a file are read: as the version's were, or from another column that lists them."""
    rule = LabelsConfig.model_validate(labels)
    if column == rule.columns[0]:
        return rule.model_copy(update={} if len(rule.columns) > 1 or rule.names else {"names": tuple(names)})
    return LabelsConfig(rule=MANY, columns=(column,), names=tuple(names), joined_by=rule.joined_by, absent=rule.absent)


def _evaluate_labels(
    table: pd.DataFrame,
    columns: Mapping[str, str],
    names: Sequence[str],
    rule: LabelsConfig,
    decision_threshold: DecisionThreshold,
) -> str:
    """Metrics of several labels against the columns that a file came with: their mean, and the worst of them."""
    if missing := [name for name in rule.columns if name not in table]:
        raise InputError(f"no column {missing[0]!r} (--label-column); {', '.join(rule.columns)} hold the labels")
    present = read_many(table[list(rule.columns)], rule)[0]
    kept = present.notna().all(axis=1).to_numpy()
    y_true = present[kept].to_numpy(dtype=np.int64)
    y_score = table.loc[kept, [columns[f"{PROBABILITY}{each}"] for each in names]].to_numpy(dtype=np.float64)
    metrics = evaluate_scores(y_true=y_true, y_score=y_score, decision_threshold=decision_threshold)
    intervals = bootstrap_intervals(
        y_true=y_true, y_score=y_score, decision_threshold=decision_threshold, seed=0,
        n_resamples=int(np.clip(DRAWN_ROWS / len(y_true), *RESAMPLES)),
    )  # fmt: skip
    values = ", ".join(
        f"{shown} {metrics[name]:.3f} [{intervals[name][0]:.3f}, {intervals[name][1]:.3f}]"
        for name, shown in SHOWN.items()
    )
    areas = {
        name: evaluate_scores(y_true=truth, y_score=score, decision_threshold=cut)["roc_auc"]
        for name, (truth, score, cut) in zip(names, part_tasks(y_true, y_score, decision_threshold), strict=True)
        if len(np.unique(truth)) == 2
    }
    worst = min(areas, key=lambda name: areas[name])
    left_out = f"; left out: {(~kept).sum():,} rows without a label" if (~kept).any() else ""
    return (
        f"against {', '.join(map(repr, rule.columns))}, {len(y_true):,} rows: {values} (mean over {len(areas)} labels;"
        f" the worst is {worst!r}, ROC AUC {areas[worst]:.3f}){left_out}"
    )


def _word_of(cell: object) -> str:
    """A cell of labels as a word; empty where it holds nothing."""
    return "" if is_empty(cell) else str(plain_number(unwrap(cell))).strip()

"""Validation of examples before anything is learnt from them, under the labels that they would have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.labels.many import MANY
from agile_classifier.data.expectations.run import ValidationReport, evaluate_expectations, read_suite
from agile_classifier.data.label_and_split import label_examples
from agile_classifier.data.labels.kept import KeptThreshold
from agile_classifier.data.labels.unlabelled import leave_out_unlabelled
from agile_classifier.errors import InputError
from agile_classifier.label_sets import part_labels

RARE_CLASS = "expect_column_smallest_class_to_hold_rows"
"""Expectation whose failure says that a class is rare."""
MAX_RARE_CLASSES = 5
"""Most rare classes named in a refusal."""


def check_examples(
    examples: pd.DataFrame,
    labels: LabelsConfig,
    *,
    suite: Path,
    bounds: Mapping[str, float],
    kept: KeptThreshold | None = None,
) -> ValidationReport:
    """Evaluate the suite under a provisional label, that of the label rule over all rows.

    Parameters
    ----------
    bounds : mapping
        `min_rows`, `min_class_rows`, `score_min`, `score_max`, `max_words`.
    kept : KeptThreshold, optional
        The champion's label threshold, which goes on unless `labels` say otherwise.

    Raises
    ------
    InputError
        Names every critical failure with its first rows.
    """
    examples = leave_out_unlabelled(examples, labels)
    expected = read_suite(suite)
    if not labels.needs_score:
        expected = expected.without("score")
    can_label = not labels.needs_score or examples["score"].notna().any()
    if not can_label:
        expected = expected.without("label")
    provisional, names, _ = label_examples(examples, labels, kept=kept) if can_label else (None, (), None)
    if labels.rule == MANY and provisional is not None:
        provisional, names = _rarest_label(provisional, names)
    report = evaluate_expectations(examples, suite=expected, parameters=bounds, provisional_label=provisional)
    if report.critical:
        sentences = [failure.sentence for failure in report.critical]
        if provisional is not None and RARE_CLASS in {failure.expectation for failure in report.critical}:
            sentences.append(_name_rare_classes(provisional, names, fewest=int(bounds["min_class_rows"])))
        raise InputError(f"the examples cannot be used: {'; '.join(sentences)}")
    return report


def _rarest_label(sets: pd.Series, names: Sequence[str]) -> tuple[pd.Series, tuple[str, str]]:
    """The one of several labels whose smaller side has the fewest rows, as classes 0 and 1, and their names."""
    present = part_labels(sets, len(names))
    held = present.sum(axis=0)
    rarest = int(np.argmin(np.minimum(held, len(present) - held)))
    label = pd.Series(present[:, rarest], index=sets.index, name=sets.name)
    return label, (f"not {names[rarest]}", names[rarest])


def _name_rare_classes(label: pd.Series, names: Sequence[str], *, fewest: int) -> str:
    """Which classes have too few examples, the rarest first, and what can be done about it."""
    counts = np.bincount(label.to_numpy(), minlength=len(names))
    rare = [f"{names[place]!r} has {counts[place]}" for place in np.argsort(counts, kind="stable")]
    n_rare = int((counts < fewest).sum())
    more = f" and {n_rare - MAX_RARE_CLASSES} more" if n_rare > MAX_RARE_CLASSES else ""
    way_out = "" if len(names) == 2 else ", or give classes one name together in labels.names"
    return f"{', '.join(rare[: min(n_rare, MAX_RARE_CLASSES)])}{more}: label more{way_out}"

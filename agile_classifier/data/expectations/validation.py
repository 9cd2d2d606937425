"""Validation: examples against a suite of expectations; critical failures refuse them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from agile_classifier.data.expectations.run import ValidationReport, evaluate_expectations, read_suite
from agile_classifier.data.label_and_split import label_examples
from agile_classifier.errors import InputError


def check_examples(
    examples: pd.DataFrame, *, suite: Path, rule: Mapping[str, Any], bounds: Mapping[str, float]
) -> ValidationReport:
    """Evaluate the suite under a provisional label, that of the label rule over all rows.

    Parameters
    ----------
    rule : mapping
        Arguments of `label_examples`.
    bounds : mapping
        `min_rows`, `min_class_rows`, `score_min`, `score_max`, `max_words`.

    Raises
    ------
    InputError
        Names every critical failure with its first rows.
    """
    expected = read_suite(suite)
    cuts_scores = rule["rule"] in ("median", "quantile", "value")
    if not cuts_scores:
        expected = expected.without("score")
    can_label = not cuts_scores or examples["score"].notna().any()
    if not can_label:
        expected = expected.without("label")
    provisional = label_examples(examples, **rule)[0] if can_label else None
    report = evaluate_expectations(examples, suite=expected, parameters=bounds, provisional_label=provisional)
    if report.critical:
        raise InputError("the examples cannot be used: " + "; ".join(failure.sentence for failure in report.critical))
    return report

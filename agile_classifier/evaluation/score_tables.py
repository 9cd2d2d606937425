"""Score tables: what every contender says of each test row, and the candidate held against baselines on those rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.evaluation.bias.groups import COLUMN
from agile_classifier.evaluation.contenders import BASELINE_NAMES, Evaluation
from agile_classifier.metrics.bootstrap import PairedDifference, paired_differences

Floats = NDArray[np.float64]


def score_table(test: pd.DataFrame, scores: Mapping[str, Floats]) -> pd.DataFrame:
    """Table of one row a test example.

    `id`, `text`, `label`, `group` if any, the groups of people that it names (`evaluation.bias.groups`), and
    `CONTENDER_K`, the probability of class K.
    """
    columns = {f"{name}_{k}": y_score[:, k] for name, y_score in scores.items() for k in range(y_score.shape[1])}
    known = [column for column in ("id", "text", "label", "group") if column in test.columns]
    known += [column for column in test.columns if column.startswith(COLUMN)]
    return pd.concat([test[known].reset_index(drop=True), pd.DataFrame(columns)], axis=1)


def read_scores(table: pd.DataFrame, name: str) -> Floats:
    """Read a contender's probabilities, (n_test, n_classes), from a `score_table`."""
    columns = [column for column in table.columns if column.rpartition("_")[0] == name]
    return table[columns].to_numpy(dtype="float64")


def compare_with_baselines(
    evaluation: Evaluation,
    test_scores: pd.DataFrame,
    *,
    metric: str,
    seed: int = 0,
) -> dict[str, PairedDifference]:
    """Compare the candidate with each baseline of the evaluation on the same test rows."""
    compared = [name for name in BASELINE_NAMES if name in evaluation.metrics]
    answers = {name: (read_scores(test_scores, name), evaluation.thresholds[name]) for name in ("candidate", *compared)}
    y_true, candidate = evaluation.read_truth(test_scores), answers.pop("candidate")
    found = paired_differences(y_true, candidate, answers, metrics=[metric], seed=seed)
    return {name: differences[metric] for name, differences in found.items()}


def list_as_good(differences: Mapping[str, PairedDifference]) -> list[str]:
    """List the baselines that the candidate is not better than beyond noise."""
    return [name for name, difference in differences.items() if not difference.low > 0]

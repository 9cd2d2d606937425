"""Metrics against gold labels: scikit-learn's own values, and whatever a cell of labels may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.errors import InputError
from agile_classifier.ops.scoring.gold import Classes, Gold, require_label_column

CODED = {"codes": ["0", "1"], "names": ["no", "yes"]}


def gold_of(cells: list[Any], positive: list[float], classes: Classes) -> Gold:
    gold = Gold("label", classes)
    for cell, probability in zip(cells, positive, strict=True):
        gold.add(cell, [1 - probability, probability])
    return gold


def test_the_values_are_those_of_scikit_learn_and_lie_in_their_intervals() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200)
    positive = np.clip(truth * 0.3 + rng.random(200) * 0.7, 0, 1)
    gold = gold_of([("no", "yes")[each] for each in truth], list(positive), Classes.of(("no", "yes"), {}))
    said = gold.in_words(0.6)
    predicted = positive >= 0.6
    for name, value in {
        "accuracy": accuracy_score(truth, predicted),
        "F1": f1_score(truth, predicted),
        "ROC AUC": roc_auc_score(truth, positive),
    }.items():
        shown = said.partition(f"{name} ")[2]
        low, high = (float(end) for end in shown.partition("[")[2].partition("]")[0].split(", "))
        assert float(shown.partition(" ")[0]) == round(value, 3)
        assert low < value < high
    assert said.startswith("against column 'label', 200 rows: accuracy ")
    assert said.endswith("(F1 and AUC of 'yes')")


def test_names_codes_numbers_and_lists_of_one_are_classes_and_others_are_named_and_counted() -> None:
    classes = Classes.of(("no", "yes"), CODED)
    cells = ["yes", " no ", "1", "0", 1, 0.0, ["yes"], "maybe", "maybe", "2", "", None, float("nan")]
    gold = gold_of(cells, [0.5] * len(cells), classes)
    assert gold.y_true == [1, 0, 1, 0, 1, 0, 1]
    assert gold.n_missing == 3
    said = gold.in_words(None)
    assert said.endswith(
        "; left out: 3 rows without a label; classes that the version does not know: 'maybe' (2), '2' (1)"
    )


def test_labels_of_one_known_class_or_none_are_refused() -> None:
    gold = gold_of(["1", "0", "x"], [0.1, 0.2, 0.3], Classes.of(("bad", "good"), {}))
    with pytest.raises(InputError) as refused:
        gold.in_words(None)
    assert str(refused.value) == (
        "column 'label' (--label-column): 0 rows hold fewer than two of the version's classes bad, good; left out: classes"
        " that the version does not know: '1' (1), '0' (1), 'x' (1)"
    )


def test_a_column_that_is_not_there_or_is_an_earlier_answer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    pd.DataFrame({"text": ["a"], "labels": ["b"]}).to_csv(path, index=False)
    with pytest.raises(InputError, match=r"no column 'label' \(--label-column\); .*did you mean labels\?"):
        require_label_column(path, Dialect(), "label")
    scored = {"text": ["a"], "label": ["b"], "probability_b": [1.0], "model_version": ["1"], "run_id": ["r"]}
    pd.DataFrame(scored).to_csv(path, index=False)
    with pytest.raises(InputError, match="is what an earlier scoring answered"):
        require_label_column(path, Dialect(), "label")


def test_classes_that_a_version_folds_are_found_as_they_are_written() -> None:
    cells = ["Yes", " NO", "1.0", True, "maybe"]
    gold = gold_of(cells, [0.5] * len(cells), Classes.of(("no", "yes"), {**CODED, "fold": True}))
    assert gold.y_true == [1, 0, 1, 1]
    assert dict(gold.unknown) == {"maybe": 1}
    assert gold_of(cells[:1], [0.5], Classes.of(("no", "yes"), CODED)).unknown == {"Yes": 1}

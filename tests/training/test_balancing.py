"""What is done about rare classes, and what annotators' doubts add to the labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from agile_classifier.config.run import RunConfig
from agile_classifier.data.label_and_split import label_and_split
from agile_classifier.data.labels import cut
from agile_classifier.models.network.losses import class_loss
from agile_classifier.training.balancing import balance

RARE = pd.DataFrame(
    {"id": [str(row) for row in range(10)], "text": [f"t{row}" for row in range(10)], "label": [1, 1, *[0] * 8]}
)


def test_weights_make_every_class_count_the_same_and_keep_the_mean_at_one() -> None:
    weighed = balance(RARE, how="weights", seed=0)
    assert weighed.groupby("label")["weight"].sum().tolist() == pytest.approx([5, 5])
    assert weighed["weight"].mean() == pytest.approx(1)
    doubted = balance(RARE.assign(weight=[2.0, 0.5, *[1.0] * 8]), how="weights", seed=0)
    assert doubted["weight"][0] == pytest.approx(4 * doubted["weight"][1])


def test_resampling_draws_rare_texts_again_until_classes_are_as_large_and_loses_none() -> None:
    drawn = balance(RARE, how="resampling", seed=0)
    assert drawn["label"].value_counts().to_dict() == {0: 8, 1: 8}
    assert set(drawn["text"]) == set(RARE["text"])
    assert drawn.equals(balance(RARE, how="resampling", seed=0))
    assert balance(RARE, how="none", seed=0) is RARE


def test_soft_targets_rise_with_the_score_and_never_contradict_the_label() -> None:
    score = pd.Series([0.0, 0.1, 0.2, 0.5, 0.6, 1.0])
    target = cut.soft_targets(score, label_threshold=0.5, softness=0.08)
    assert target.is_monotonic_increasing
    assert ((target > 0.5) == (score >= 0.5)).all()
    assert cut.soft_targets(pd.Series([0.35 - 0.15, 0.5]), label_threshold=0.5, softness=0.15)[1] == pytest.approx(
        0.731, abs=1e-3
    )


def test_the_loss_of_targets_and_weights_is_the_cross_entropy_that_they_say() -> None:
    logits, label = torch.randn(6, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 1, 0, 1, 0])
    plain = class_loss(logits, label)
    assert plain == pytest.approx(float(torch.nn.functional.cross_entropy(logits, label)))
    assert class_loss(logits, label, target=label.double(), weight=torch.ones(6)) == pytest.approx(
        float(plain), abs=1e-6
    )
    halves = class_loss(logits, label, target=torch.full((6,), 0.5))
    assert halves == pytest.approx(float(-torch.log_softmax(logits, -1).mean()), abs=1e-6)
    only_first = class_loss(logits, label, weight=torch.tensor([6.0, 0, 0, 0, 0, 0]))
    assert only_first == pytest.approx(float(class_loss(logits[:1], label[:1])), abs=1e-6)


def taught(tiny_examples: pd.DataFrame, **fields: Any) -> tuple[pd.DataFrame, int]:
    config = RunConfig.model_validate({
        "data": {"source": "x.csv", "columns": {"text": "text", "score": "score"}},
        "labels": {"rule": "value", "value": 0.5, **fields},
        "split": {"train": 80, "validation": 10, "test": None},
        "model": {"source": "x"},
        "registry": {"model_name": "x"},
    })  # fmt: skip
    labelled = label_and_split(tiny_examples, config.labels, config.split)
    return labelled.parts["train"], labelled.labelling.n_doubtful


def test_train_alone_is_taught_softly_and_doubtful_texts_count_less_or_not_at_all(tiny_examples: pd.DataFrame) -> None:
    plain, n_doubtful = taught(tiny_examples)
    assert {"target", "weight"} & set(plain.columns) == set()
    assert n_doubtful == 0
    soft, _ = taught(tiny_examples, target="soft")
    assert ((soft["target"] > 0.5) == (soft["label"] == 1)).all()
    left_out, n_doubtful = taught(tiny_examples, doubtful_band=0.1)
    assert not (left_out["score"] - 0.5).abs().le(0.1).any()
    assert n_doubtful == len(plain) - len(left_out) > 0
    weighed, _ = taught(tiny_examples, doubtful_band=0.1, doubtful_weight=0.25)
    assert len(weighed) == len(plain)
    assert weighed["weight"].mean() == pytest.approx(1)
    assert np.isclose(weighed["weight"].min() / weighed["weight"].max(), 0.25)


@pytest.mark.parametrize("field", [{"target": "soft"}, {"doubtful_band": 0.1}])
def test_doubt_needs_scores(tiny_examples: pd.DataFrame, field: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"needs annotators' scores; labels\.rule given reads classes"):
        RunConfig.model_validate({
            "data": {"source": "x.csv", "columns": {"text": "text"}},
            "labels": {"rule": "given", "columns": ["kind"], **field},
            "model": {"source": "x"},
            "registry": {"model_name": "x"},
        })  # fmt: skip

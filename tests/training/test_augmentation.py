"""Augmentation: seeded copies of train rows, with their labels, and of nothing else."""

from __future__ import annotations

import pandas as pd
import pytest

from agile_classifier.config.moderation.evasion import AugmentConfig
from agile_classifier.training.augmentation import augment

TRAIN = pd.DataFrame(
    {
        "text": [f"what a nasty remark number {number}" for number in range(40)],
        "label": [number % 2 for number in range(40)],
        "weight": [1 + number / 100 for number in range(40)],
    },
    index=[0, 0, *range(2, 40)],
)


def settings(**changed: object) -> AugmentConfig:
    return AugmentConfig.model_validate({"attacks": "all", **changed})


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_so_many_rows_stand_there_once_more_with_label_and_weight(share: float) -> None:
    found = augment(TRAIN, settings(share=share), seed=3)
    copies = found[len(TRAIN) :]
    assert found[: len(TRAIN)].equals(TRAIN.reset_index(drop=True))
    assert len(copies) == round(share * len(TRAIN))
    assert not set(copies["text"]) & set(TRAIN["text"])
    by_weight = TRAIN.set_index("weight")["label"]
    assert copies["label"].tolist() == by_weight.loc[copies["weight"]].tolist()


def test_the_seed_decides_which_and_how() -> None:
    first, again, other = (augment(TRAIN, settings(), seed=seed)["text"].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_without_attacks_or_rows_train_is_what_it_was() -> None:
    assert augment(TRAIN, AugmentConfig(), seed=0) is TRAIN
    assert augment(TRAIN[:0], settings(), seed=0).empty


def test_a_text_that_cannot_be_changed_is_not_copied() -> None:
    numbers = TRAIN.assign(text="42")
    assert len(augment(numbers, settings(share=1.0), seed=0)) == len(numbers)

"""Balancing: what is done about classes that are rare in train. Validation and test keep their shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd


def balance(train: pd.DataFrame, *, how: str, seed: int) -> pd.DataFrame:
    """Train as it is learnt from.

    Parameters
    ----------
    train : DataFrame
        With a column `label`, perhaps `weight`.
    how : {"none", "weights", "resampling"}
        `weights`: a column `weight` in which every class sums up to the same, of mean 1; `resampling`: texts of the
        rarer classes drawn again until each class has as many as the commonest.
    seed : int
        Of the drawing and of the order.
    """
    return WAYS[how](train, seed)


def _weigh(train: pd.DataFrame, _: int) -> pd.DataFrame:
    weight = train["weight"] if "weight" in train else pd.Series(1.0, index=train.index)
    per_class = weight.groupby(train["label"]).transform("sum")
    return train.assign(weight=weight * len(train) / (per_class * train["label"].nunique()))


def _resample(train: pd.DataFrame, seed: int) -> pd.DataFrame:
    counts = train["label"].value_counts()
    drawn = [
        train[train["label"] == label].sample(counts.max() - n, replace=True, random_state=seed)
        for label, n in counts.items()
    ]
    return pd.concat([train, *drawn]).sample(frac=1, random_state=seed).reset_index(drop=True)


WAYS: Mapping[str, Callable[[pd.DataFrame, int], pd.DataFrame]] = {
    "none": lambda train, _: train,
    "weights": _weigh,
    "resampling": _resample,
}

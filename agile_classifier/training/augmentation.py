"""Augmentation: train texts once more, as people write who want to pass a classifier.

Only train is ever given: what is measured, and what is compared for duplicates and leakage, stays as it was read.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from agile_classifier.config.moderation.evasion import AugmentConfig
from agile_classifier.data.evasion.attacks import attack


def augment(train: pd.DataFrame, settings: AugmentConfig, *, seed: int) -> pd.DataFrame:
    """Train with attacked copies of some of its rows behind it; a copy has its row's label, target and weight.

    The same rows, settings and seed give the same copies. A text that no attack can change is not copied.

    Parameters
    ----------
    train : DataFrame
        With a column `text`.
    """
    if not settings.attacks or train.empty:
        return train
    chance = np.random.default_rng(seed)
    chosen = np.sort(chance.permutation(len(train))[: round(settings.share * len(train))])
    names = chance.choice(settings.attacks, len(chosen))
    rows = train.iloc[chosen]
    texts = [
        attack(text, name, strength=settings.strength, seed=seed)
        for text, name in zip(rows["text"], names, strict=True)
    ]
    copies = rows.assign(text=texts)
    return pd.concat([train, copies[(copies["text"] != rows["text"]).to_numpy()]], ignore_index=True)

"""Ensemble member without a network: a linear support vector machine on TF-IDF.

Where class 1 lives on set phrases, as unfair terms do, words and parts of words know what the network's meaning of a
text has lost, and the other way round (docs/results.md has both, alone and together). It learns from hard labels of
train alone, in seconds; its margins are calibrated on folds of train, so validation stays free to choose; and the log
odds of both are averaged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline

from agile_classifier.errors import InputError
from agile_classifier.metrics.calibration import Calibration, Floats, fit_calibration
from agile_classifier.models.classical.baselines import fit_texts, squash_margins, tfidf_svm

N_FOLDS = 5
"""Folds of train on which margins are calibrated; every class needs as many texts."""
_FACTS, _TENSORS = "member.json", "member.safetensors"


@dataclass(frozen=True)
class Member:
    """Member of an ensemble: a fitted linear SVM on TF-IDF, and the map from its margins to probabilities."""

    machine: Pipeline
    calibration: Calibration

    @property
    def rounding(self) -> float:
        """Largest change of a probability that rounding explains: none, for it computes in float64."""
        return 0.0

    def score(self, texts: Sequence[str]) -> Floats:
        """Its own probabilities, of shape (n, n_classes)."""
        if not texts:  # TF-IDF cannot take none
            return np.empty((0, len(self.machine["svm"].classes_)))
        return self.calibration.apply(squash_margins(self.machine.decision_function(list(texts))))

    def save(self, folder: Path) -> None:
        """Write vocabulary and numbers, as JSON and safetensors, into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        svm = self.machine["svm"]
        tensors = {"coef": svm.coef_, "intercept": svm.intercept_}
        vocabularies = {}
        for name, vectorizer in self.machine["features"].transformer_list:
            tensors[f"idf.{name}"] = vectorizer.idf_
            vocabularies[name] = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
        save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, folder / _TENSORS)
        facts = {"calibration": self.calibration.model_dump(mode="json"), "vocabularies": vocabularies}
        (folder / _FACTS).write_text(json.dumps(facts), encoding="ascii")

    @classmethod
    def load(cls, folder: Path) -> Member:
        """From a folder that `save` wrote."""
        facts = json.loads((folder / _FACTS).read_text(encoding="ascii"))
        tensors = load_file(folder / _TENSORS)
        machine = tfidf_svm(seed=0)
        for name, vectorizer in machine["features"].transformer_list:
            _restore(vectorizer, facts["vocabularies"][name], tensors[f"idf.{name}"])
        svm = machine["svm"]
        svm.coef_, svm.intercept_ = tensors["coef"], tensors["intercept"]
        svm.classes_ = np.arange(max(2, len(svm.coef_)))  # of two classes there is one row
        return cls(machine, Calibration.model_validate(facts["calibration"]))


def fit_member(train: pd.DataFrame, *, class_names: Sequence[str], seed: int) -> Member:
    """Train on every text; calibrate by margins of texts that a machine of the other folds has not seen.

    Parameters
    ----------
    train : DataFrame
        `text`, `label` (0 to n_classes - 1; a margin has no soft target and no weight) and perhaps `group`: folds keep
        groups whole, and a text without one is free.

    Raises
    ------
    InputError
        A class has too few texts, or stands in too few groups, to be calibrated; or no text holds a word.
    """
    texts, y_true = list(train["text"]), train["label"].to_numpy(dtype=np.int64)
    groups = _whole(train["group"]) if "group" in train else None
    _require_texts(y_true, groups, class_names)
    folds = (StratifiedKFold if groups is None else StratifiedGroupKFold)(N_FOLDS, shuffle=True, random_state=seed)
    machine = fit_texts(tfidf_svm(seed=seed), texts, y_true)
    unseen = cross_val_predict(machine, texts, y_true, groups=groups, cv=folds, method="decision_function")
    return Member(machine, fit_calibration("platt", y_true=y_true, y_score=squash_margins(unseen)))


def _whole(group: pd.Series) -> NDArray[np.int64]:
    """A number for each group, of shape (n,), in the order of their names.

    A text without a group has one of its own, so that any fold may hold it.
    """
    numbers, names = pd.factorize(group, sort=True)
    free = numbers < 0
    numbers[free] = len(names) + np.arange(free.sum())
    return np.asarray(numbers, dtype=np.int64)


def _require_texts(y_true: NDArray[np.int64], groups: NDArray[np.int64] | None, class_names: Sequence[str]) -> None:
    what = "texts" if groups is None else "groups"
    for number, name in enumerate(class_names):
        own = y_true == number
        count = int(own.sum()) if groups is None else len(np.unique(groups[own]))
        if count < N_FOLDS:
            raise InputError(
                f"model.members kind tfidf_svm: class {name} has {count} {what} in train;"
                f" {N_FOLDS} are needed to calibrate it; take that member out"
            )


def _restore(vectorizer: TfidfVectorizer, words: Sequence[str], idf: NDArray[np.float64]) -> None:
    vectorizer.vocabulary = {word: number for number, word in enumerate(words)}
    vectorizer.idf_ = idf  # checks that it is as long as the vocabulary

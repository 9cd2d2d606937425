"""Baselines: what a classifier must beat to be worth its electricity.

Each learns from the same train rows and scores the same test rows as ours. `majority` knows only how often each class
occurs; `tfidf` is the model that a careful person would have built in an afternoon, in seconds of computing time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.svm import LinearSVC

from agile_classifier.errors import InputError

Floats = NDArray[np.float64]


class Baseline(Protocol):
    """Learns from train and returns probabilities of test, of shape (n_test, n_classes)."""

    def __call__(
        self, *, train_text: Sequence[str], train_label: ArrayLike, test_text: Sequence[str], n_classes: int, seed: int
    ) -> Floats:
        """Score the test texts."""


def score_majority(*, train_label: ArrayLike, n_test: int, n_classes: int) -> Floats:
    """The class shares of train, for every test row alike: predicts the commonest class, and ranks nothing.

    Parameters
    ----------
    train_label : array of shape (n_train,)
        Classes 0 to n_classes - 1.

    Returns
    -------
    array of shape (n_test, n_classes)
        Probabilities; a class that train misses has 0.
    """
    share = np.bincount(np.asarray(train_label, dtype=np.int64), minlength=n_classes) / np.size(train_label)
    return np.tile(share, (n_test, 1))


def score_tfidf_logistic(
    *, train_text: Sequence[str], train_label: ArrayLike, test_text: Sequence[str], n_classes: int, seed: int = 0
) -> Floats:
    """Logistic regression on TF-IDF of words, word pairs and parts of words, unweighted and untuned.

    Returns
    -------
    array of shape (n_test, n_classes)
        Probabilities; a class that train misses has 0.

    Raises
    ------
    InputError
        Train holds a single class, or no text holds a word.
    """
    model = make_pipeline(_features(), LogisticRegression(max_iter=1000, random_state=seed))
    fit_texts(model, train_text, train_label)
    return _with_missing_classes(model.predict_proba(list(test_text)), model.classes_, n_classes=n_classes)


def score_tfidf_svm(
    *, train_text: Sequence[str], train_label: ArrayLike, test_text: Sequence[str], n_classes: int, seed: int = 0
) -> Floats:
    """Linear support vector machine on the same features.

    It has margins, not probabilities. They are squashed by softmax (of two classes, the logistic function), which keeps
    their order and puts margin 0 at 0.5: ROC AUC, PR AUC and predictions at 0.5 are the machine's own, `brier` says
    nothing. Returns and raises as `score_tfidf_logistic`.
    """
    model = tfidf_svm(seed=seed)
    fit_texts(model, train_text, train_label)
    margin = model.decision_function(list(test_text))
    return _with_missing_classes(squash_margins(margin), model.classes_, n_classes=n_classes)


def tfidf_svm(*, seed: int) -> Pipeline:
    """The machine of `score_tfidf_svm`, not fitted yet: steps `features` and `svm`."""
    return Pipeline([("features", _features()), ("svm", LinearSVC(random_state=seed))])


def squash_margins(margin: Floats) -> Floats:
    """Softmax of a linear machine's margins, of shape (n, n_classes).

    Of two classes scikit-learn gives the second's alone.
    """
    both = np.column_stack([np.zeros_like(margin), margin]) if margin.ndim == 1 else margin
    return np.asarray(softmax(both, axis=1), dtype=np.float64)


def _score_majority_of_texts(
    *,
    train_text: Sequence[str],  # noqa: ARG001  (a baseline's arguments)
    train_label: ArrayLike,
    test_text: Sequence[str],
    n_classes: int,
    seed: int = 0,  # noqa: ARG001
) -> Floats:
    return score_majority(train_label=train_label, n_test=len(test_text), n_classes=n_classes)


def _features() -> FeatureUnion:
    return FeatureUnion([
        ("words", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)),
        ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)),
    ])  # fmt: skip


def fit_texts(model: Pipeline, train_text: Sequence[str], train_label: ArrayLike) -> Pipeline:
    """Fit a pipeline of features and machine; InputError where there is one class alone, or no text holds a word."""
    label = np.asarray(train_label, dtype=np.int64)
    if len(np.unique(label)) < 2:
        raise InputError(f"baselines: the {len(label)} train rows hold a single class; at least two are needed")
    try:
        model.fit(list(train_text), label)
        return model
    except ValueError as error:
        raise InputError(f"baselines: {str(error).splitlines()[0]}") from error


def _with_missing_classes(score: Floats, classes: NDArray[np.int64], *, n_classes: int) -> Floats:
    full = np.zeros((len(score), n_classes))
    full[:, classes] = score
    return full


BASELINES: Mapping[str, Baseline] = {
    "majority": _score_majority_of_texts,
    "tfidf": score_tfidf_logistic,
    "tfidf_svm": score_tfidf_svm,
}
"""Every baseline by the name it has in a result table."""

"""Public data with groups of people, and the two models that are held against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.config.data import DataConfig
from agile_classifier.config.files import load_config
from agile_classifier.config.run import RunConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.data.tables import kept_column, read_kept
from agile_classifier.data.text import text_digest
from agile_classifier.metrics.thresholds import choose_decision_threshold
from agile_classifier.models.classical.baselines import BASELINES
from agile_classifier.models.classical.linear_probe import fit_probe
from agile_classifier.models.embeddings import embed
from agile_classifier.studies.trial import read_base_model, read_parts
from agile_classifier.training.estimator import AgileClassifier
from benchmarks.quality import CONFIGS

_EDOS = "https://raw.githubusercontent.com/rewire-online/edos/b1f1fbcca9d42de0395432ada8fcfb5c35f68c77"
EDOS = DataConfig.model_validate({
    "source": f"{_EDOS}/data/edos_labelled_aggregated.csv",
    "sha256": "607bdbb766e1803a28f0eb8fc21c14b6b9dfa20039f726ba6767438584b47f9b",
    "columns": {"text": "text", "id": "rewire_id"},
})  # fmt: skip
"""EDOS, SemEval 2023 task 10 (CC0): 20,000 texts of Reddit and Gab, sexist or not, in three parts."""
TARGETS = ("gender", "race", "national_origin", "disability", "religion", "sexual_orientation")
"""Identity columns of ETHOS' multi-label file: shares of annotators, of its 433 hateful comments."""
_ETHOS = "https://raw.githubusercontent.com/intelligence-csd-auth-gr/Ethos-Hate-Speech-Dataset/master/ethos/ethos_data"
ETHOS_TARGETS = DataConfig.model_validate({
    "source": f"{_ETHOS}/Ethos_Dataset_Multi_Label.csv", "delimiter": ";", "columns": {"text": "comment"},
    "sha256": "488c72a1582abdaf489a6e9eceeebba505447a00a25bd02e72fd6a56f9a3d83d",
})  # fmt: skip
N_TRAIN, N_VALIDATION = 2_000, 500
"""Texts that EDOS' models learn from, and choose the decision threshold by."""
FOLDS = 5

Floats = NDArray[np.float64]
Score = Callable[[Sequence[str]], Floats]
"""Texts → probabilities of shape (n, 2)."""


@dataclass(frozen=True)
class Fold:
    """What a model learns from, what its threshold is chosen by, and what it is held against."""

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame


@dataclass(frozen=True)
class Fitted:
    """A model with its decision threshold."""

    score: Score
    threshold: float


def ethos_config() -> RunConfig:
    """The shipped config of ETHOS with MiniLM."""
    return load_config(CONFIGS / "ethos.yaml")


def ethos_fold(config: RunConfig) -> Fold:
    """ETHOS as the config splits it: 800 comments to learn from, the last 198 to be held against."""
    parts, _ = read_parts(config)
    return Fold(parts["train"], parts["validation"], parts["test"])


def ethos_folds(config: RunConfig) -> list[Fold]:
    """ETHOS in five folds, so that each of its 998 comments is scored by a model that has not seen it."""
    parts, _ = read_parts(config)
    examples = pd.concat([part for part in parts.values() if len(part)]).reset_index(drop=True)
    fold = np.random.default_rng(0).permutation(len(examples)) % FOLDS
    nothing = examples[:0]
    return [Fold(examples[fold != number], nothing, examples[fold == number]) for number in range(FOLDS)]


def with_targets(examples: pd.DataFrame) -> pd.DataFrame:
    """ETHOS' comments with the identity columns of its multi-label file; missing where that does not hold them."""
    read = read_examples(ETHOS_TARGETS, keep=TARGETS)
    known = read.assign(digest=read["text"].map(text_digest)).drop_duplicates("digest").set_index("digest")
    columns = [kept_column(name) for name in TARGETS]
    found = known.reindex(examples["text"].map(text_digest))[columns].reset_index(drop=True)
    return pd.concat([examples.reset_index(drop=True), found], axis=1)


def edos_fold() -> Fold:
    """EDOS' own parts: a sample of `train` and of `dev`, and all 4,000 texts of `test`."""
    read = read_examples(EDOS, keep=("label_sexist", "split"))
    examples = read.assign(label=(read_kept(read, "label_sexist") == "sexist").astype(int))
    part = read_kept(read, "split")
    train, validation = examples[part == "train"], examples[part == "dev"]
    return Fold(
        train.sample(N_TRAIN, random_state=0), validation.sample(N_VALIDATION, random_state=0), examples[part == "test"]
    )


def fit_tuned(config: RunConfig, fold: Fold) -> Fitted:
    """MiniLM, tuned as the config says."""
    fields: dict[str, Any] = {**config.model.model_dump(), **config.fine_tune.model_dump()}
    model = AgileClassifier(fields.pop("source"), **fields)
    model.fit(list(fold.train["text"]), fold.train["label"].to_numpy())
    return _cut(lambda texts: model.predict_proba(list(texts)), fold)


def fit_frozen(config: RunConfig, fold: Fold) -> Fitted:
    """Logistic regression on what the untuned MiniLM makes of the same texts."""
    base, max_length = read_base_model(config.model), config.model.max_length
    probe = fit_probe(embed(list(fold.train["text"]), base=base, max_length=max_length), fold.train)
    return _cut(lambda texts: probe.predict_proba(embed(list(texts), base=base, max_length=max_length)), fold)


def fit_tfidf(_: RunConfig, fold: Fold) -> Fitted:
    """TF-IDF with logistic regression, on the same texts."""
    text, label = list(fold.train["text"]), fold.train["label"].to_numpy()

    def score(texts: Sequence[str]) -> Floats:
        return np.asarray(
            BASELINES["tfidf"](train_text=text, train_label=label, test_text=list(texts), n_classes=2, seed=0)
        )

    return _cut(score, fold)


MODELS: Mapping[str, Callable[[RunConfig, Fold], Fitted]] = {
    "MiniLM, tuned": fit_tuned,
    "MiniLM, frozen": fit_frozen,
    "TF-IDF": fit_tfidf,
}
CHEAP = ("MiniLM, frozen", "TF-IDF")
"""Models that learn in seconds, and so in five folds and on EDOS."""


def _cut(score: Score, fold: Fold) -> Fitted:
    """The model with the threshold of the best F1 on validation; 0.5 without it, as a run has it."""
    if not len(fold.validation):
        return Fitted(score, 0.5)
    positive = score(list(fold.validation["text"]))[:, 1]
    y_true = fold.validation["label"].to_numpy()
    return Fitted(score, choose_decision_threshold(y_true=y_true, y_score_positive=positive, policy="best_f1"))

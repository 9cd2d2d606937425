"""Drift: whether a batch of scored texts still looks like those that a version was judged on.

A statistic counts as drift only if it is beyond its limit, which a person sets, and beyond what 99 of 100 batches of
this size without any drift would show. So a small batch is not called drifted by chance, and a large one not for a
difference that does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, computed_field
from scipy.stats import chi2, ks_2samp, kstwobign, norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from agile_classifier.evaluation.drift_sample import DriftSample, Floats
from agile_classifier.evaluation.quality import Figure

CHANCE = 0.01
"""Share of batches without drift in which a statistic exceeds its chance level."""
BINS = 10
"""Bins of a population stability index, of equal share in the reference."""
FOLDS = 5
STRENGTH = 0.001
"""Inverse of the L2 penalty: with as many directions as texts, a weaker one tells single texts apart, not subjects."""
FEWEST_EMBEDDED = 50
"""Texts on either side below which embeddings are not compared."""

Level = Literal["drift", "unclear", "same", "unmeasured"]
Measured = tuple[float | None, float | None, str]
"""Value, chance level and sentence of a finding."""


class Finding(BaseModel):
    """One statistic of a batch against its reference."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    name: str
    """Name of the statistic: that of its limit in the config's section `monitoring`."""
    title: str
    value: float | None
    """Value of the statistic; None where there is too little to measure it by."""
    chance: float | None
    """Value that one of a hundred batches of this size reaches without drift."""
    limit: float
    sentence: str
    """Explanation of the number; may be empty."""

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorator above a property
    @property
    def level(self) -> Level:
        """Level of the finding; `unclear` is beyond the limit, but perhaps by chance with so few rows."""
        if self.value is None or self.chance is None:
            return "unmeasured"
        if self.value <= self.limit:
            return "same"
        return "drift" if self.value > self.chance else "unclear"


class Drift(BaseModel):
    """Comparison of a scored batch with the test rows of the version that scored it."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    drift: bool
    """Whether a statistic is beyond its limit, and not by chance."""
    sentence: str
    """Verdict in one sentence."""
    model_name: str
    model_version: str
    source: str
    """Path of the file of texts."""
    n_rows: int
    """Number of rows of the batch."""
    n_reference: int
    """Number of test rows of the version."""
    findings: tuple[Finding, ...]
    expected: tuple[Figure, ...] = ()
    """Precision and recall that the probabilities of the batch lead to expect, if they are calibrated."""


def compare(reference: DriftSample, batch: DriftSample, *, limits: Mapping[str, float], seed: int = 0) -> list[Finding]:
    """Compare a batch with its reference by every statistic, in the order of the limits' fields.

    Parameters
    ----------
    limits : mapping
        `score_psi`, `score_ks`, `class_share`, `length_psi`, `length_ks`, `unknown_share`, `embedding_auc`.
    """
    score = name_scores(reference)
    rows = [
        ("score_psi", "scores (PSI)", *population_stability(reference.scores, batch.scores),
         _medians(score, reference.scores, batch.scores)),
        ("score_ks", "scores (KS)", *kolmogorov_smirnov(reference.scores, batch.scores), ""),
        ("class_share", "predicted classes", *_class_share(reference, batch)),
        ("length_psi", "length (PSI)", *population_stability(reference.lengths, batch.lengths),
         _medians("characters", reference.lengths, batch.lengths)),
        ("length_ks", "length (KS)", *kolmogorov_smirnov(reference.lengths, batch.lengths), ""),
        ("unknown_share", "unknown tokens", *_unknown(reference.unknown, batch.unknown)),
        ("embedding_auc", "embeddings (AUC)", *_embedding(reference, batch, seed=seed)),
    ]  # fmt: skip
    return [
        Finding(name=name, title=title, value=value, chance=chance, limit=limits[name], sentence=said)
        for name, title, value, chance, said in rows
    ]


def name_scores(sample: DriftSample) -> str:
    """What the scores of a sample are, for a person."""
    if sample.several:
        return "probability of the likeliest label"
    names = sample.class_names
    return f"probability of {names[1]}" if len(names) == 2 else "probability of the predicted class"


def population_stability(reference: Floats, batch: Floats) -> tuple[float, float]:
    """PSI over bins of equal share in the reference, and its chance level.

    Without drift it is about chi-square with one degree less than bins, times 1/n + 1/m (Yurdakul 2018). Half a row is
    added to every bin, so that an empty one leaves it finite.
    """
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))
    n_edges = len(edges) + 1
    counts = np.stack([np.bincount(np.searchsorted(edges, values), minlength=n_edges) for values in (reference, batch)])
    counts = counts[:, counts.any(axis=0)]
    n_bins = counts.shape[1]
    if n_bins == 1:
        return 0.0, 0.0
    shares = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
    value = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    return value, float(chi2.ppf(1 - CHANCE, n_bins - 1)) * (1 / len(reference) + 1 / len(batch))


def kolmogorov_smirnov(reference: Floats, batch: Floats) -> tuple[float, float]:
    """Kolmogorov-Smirnov distance of two samples, and its chance level."""
    size = len(reference) * len(batch) / (len(reference) + len(batch))
    return float(ks_2samp(reference, batch).statistic), float(kstwobign.ppf(1 - CHANCE) / np.sqrt(size))


def domain_auc(reference: np.ndarray, batch: np.ndarray, *, seed: int) -> tuple[float, float]:
    """How well a small classifier tells, of texts it has not seen, the batch from the reference; and its chance level.

    Parameters
    ----------
    reference, batch : arrays of shape (n, d), (m, d)

    Returns
    -------
    tuple of float
        ROC AUC over `FOLDS` folds, 0.5 where there is nothing to tell; the level by the rank statistic's own variance.
    """
    values = np.concatenate([reference, batch]).astype(np.float64)
    side = np.repeat([0, 1], [len(reference), len(batch)])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=1000))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    told = cross_val_predict(model, values, side, cv=folds, method="predict_proba")[:, 1]
    n, m = len(reference), len(batch)
    deviation = np.sqrt((n + m + 1) / (12 * n * m))
    return max(0.5, float(roc_auc_score(side, told))), float(0.5 + norm.ppf(1 - CHANCE) * deviation)


def _class_share(reference: DriftSample, batch: DriftSample) -> tuple[float, float, str]:
    """Largest change of a class's share; its chance level allows for the choice of that class."""
    n_classes = len(reference.class_names)
    before, after = reference.shares, batch.shares
    place = int(np.abs(after - before).argmax())
    pooled = (before[place] * reference.n + after[place] * batch.n) / (reference.n + batch.n)
    deviation = np.sqrt(pooled * (1 - pooled) * (1 / reference.n + 1 / batch.n))
    n_choices = 1 if n_classes == 2 and not reference.several else n_classes  # of two, one share gives the other
    level = float(norm.ppf(1 - CHANCE / (2 * n_choices)) * deviation)
    said = f"{reference.class_names[place]}: {before[place]:.1%} before, {after[place]:.1%} now"
    return float(abs(after[place] - before[place])), level, said


def _unknown(reference: Floats, batch: Floats) -> Measured:
    """Change of the mean share of unknown tokens, and its chance level by Welch's deviation."""
    if min(len(reference), len(batch)) < FEWEST_EMBEDDED:
        return None, None, _too_few(reference, batch)
    variance = reference.var(ddof=1) / len(reference) + batch.var(ddof=1) / len(batch)
    level = float(norm.ppf(1 - CHANCE / 2) * np.sqrt(variance))
    said = f"{reference.mean():.2%} of a text's tokens before, {batch.mean():.2%} now"
    return float(abs(batch.mean() - reference.mean())), level, said


def _embedding(reference: DriftSample, batch: DriftSample, *, seed: int) -> Measured:
    if min(len(reference.embeddings), len(batch.embeddings)) < FEWEST_EMBEDDED:
        return None, None, _too_few(reference.embeddings, batch.embeddings)
    value, level = domain_auc(reference.embeddings, batch.embeddings, seed=seed)
    said = (
        f"of a text from before and one of now, embeddings tell which is which {100 * value:.0f} times in 100; 50 is "
        "guessing"
    )
    return value, level, said


def _too_few(reference: np.ndarray, batch: np.ndarray) -> str:
    return f"not measured: {len(reference)} and {len(batch)} texts, {FEWEST_EMBEDDED} of each are needed"


def _medians(what: str, reference: Floats, batch: Floats) -> str:
    shown = ".2f" if what != "characters" else ".0f"
    return f"{what}, median: {np.median(reference):{shown}} before, {np.median(batch):{shown}} now"

"""Quality in service: precision and recall over time, by verdicts of people and by what probabilities lead to expect.

Which predictions were shown to a person is a choice: flagged ones more often than others. So each verdict counts with
the inverse of the chance with which its prediction was shown (`agile_classifier.metrics.sampled`); one whose chance
nobody knows, such as a complaint, is counted and left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from agile_classifier.metrics.sampled import Share, estimate_share, expected_share

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Metric = Literal["precision", "recall", "accuracy"]
OF_A_CLASS: tuple[Metric, ...] = ("precision", "recall")

DEVIATIONS = 3.0
"""Standard deviations past which the weights of the verdicts do not stand for the predictions that were served."""
UNLIKE = 0.1
"""Share of the served predictions by which they must differ too."""


@dataclass(frozen=True)
class Judged:
    """Predictions that people gave verdicts on, with a known chance of being shown to them."""

    predicted: Ints
    """(n,): numbers of the predicted classes."""
    y_share: Floats
    """(n, n_classes): share of the people asked who said that the text is of a class."""
    weight: Floats
    """(n,): predictions that each stands for, the inverse of its chance."""


@dataclass(frozen=True)
class Answered:
    """Predictions of a version in service, or an even spread of them."""

    predicted: Ints
    """(n,): numbers of the predicted classes."""
    y_score: Floats
    """(n, n_classes): their probabilities."""


class Figure(BaseModel):
    """Precision or recall of a class, or accuracy, in one period."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    metric: Metric
    class_name: str
    """Class that it is of; empty of accuracy."""
    value: float | None = None
    """Estimate by verdicts; None where none tells."""
    low: float = 0.0
    """Lower end of its 95 % interval."""
    high: float = 1.0
    """Upper end of its 95 % interval."""
    expected: float | None = None
    """Value that the probabilities lead to expect, if they are calibrated; None where no prediction is at hand."""
    expected_low: float = 0.0
    expected_high: float = 1.0
    test: float | None = None
    """Figure of the version on its test rows; None where the version records none."""

    @property
    def title(self) -> str:
        """What it is, for a person: `precision of 'toxic'`."""
        return f"{self.metric} of {self.class_name!r}" if self.class_name else self.metric

    @property
    def in_words(self) -> str:
        """Estimate and interval, or what is expected, in words."""
        if self.value is not None:
            return f"{self.title} {self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.title} {'unknown' if self.expected is None else f'{self.expected:.2f} expected'}"


class Period(BaseModel):
    """A version's quality in one period."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    begins: datetime
    ends: datetime
    version: str
    n_served: int
    """Predictions that the server has listed."""
    n_judged: int
    """Predictions with a verdict and a known chance of being shown."""
    n_unweighted: int
    """Predictions with verdicts of which nobody knows the chance; they are left out of the figures."""
    figures: tuple[Figure, ...]
    note: str = ""
    """What speaks against the figures; empty where nothing does."""


class Quality(BaseModel):
    """Quality of a model in service, the latest period first."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    model_name: str
    model_version: str
    """Version that is judged."""
    decay: bool
    """Whether a figure of it lies wholly below its test figure."""
    sentence: str
    """Verdict in one sentence."""
    calibration: str
    """What became of the probabilities that expected figures rest on."""
    periods: tuple[Period, ...]


def measure_figures(
    class_names: Sequence[str],
    *,
    judged: Judged | None,
    answered: Answered | None,
    test: Mapping[str, float],
) -> tuple[Figure, ...]:
    """Figures of predictions: precision and recall of class 1 of two; of more, accuracy first, then those of each.

    Parameters
    ----------
    judged, answered
        None where there is none.
    test : mapping
        Metric → figure on the test rows, as a version records them.
    """
    is_binary = len(class_names) == 2
    figures = [] if is_binary else [_figure("accuracy", "", _accuracy(judged), _expect_accuracy(answered), test)]
    for number in [1] if is_binary else range(len(class_names)):
        told = test if is_binary else {}  # of more, a version records means over its classes
        name = class_names[number]
        by_verdicts = (_precision(judged, number), _recall(judged, number))
        expected = (_expect_precision(answered, number), _expect_recall(answered, number))
        figures += [
            _figure(metric, name, estimate, expectation, told)
            for metric, estimate, expectation in zip(OF_A_CLASS, by_verdicts, expected, strict=True)
        ]
    return tuple(figures)


def find_decayed(figures: Sequence[Figure], *, decay: float) -> list[Figure]:
    """Figures whose whole interval lies below their test figure by more than `decay`."""
    return [
        figure
        for figure in figures
        if figure.value is not None and figure.test is not None and figure.high < figure.test - decay
    ]


def find_latest(periods: Sequence[Period], *, version: str, min_verdicts: int) -> Period | None:
    """The latest period in which a version has enough verdicts; None where it has none."""
    enough = (each for each in periods if each.version == version and each.n_judged >= min_verdicts)
    return max(enough, key=lambda period: period.begins, default=None)


def compare_weights(judged: Judged, n_served: Mapping[int, int]) -> str:
    """Why the weights of verdicts do not stand for what was served; empty where they do.

    Parameters
    ----------
    n_served : mapping
        Predicted class → predictions that were served.
    """
    for number, n in sorted(n_served.items()):
        weight = judged.weight[judged.predicted == number]
        stood_for, deviation = float(weight.sum()), float((weight * (weight - 1)).sum()) ** 0.5
        if abs(stood_for - n) > max(DEVIATIONS * max(deviation, 1.0), UNLIKE * n):
            return (
                f"the verdicts stand for {stood_for:,.0f} predictions of a class of which {n:,} were served: some that"
                " were marked have no verdict yet, or the sampling probabilities are not those of what was shown"
            )
    return ""


def _figure(metric: Metric, name: str, found: Share, expected: Share, test: Mapping[str, float]) -> Figure:
    return Figure(
        metric=metric, class_name=name, value=found.value, low=found.low, high=found.high, expected=expected.value,
        expected_low=expected.low, expected_high=expected.high, test=test.get(metric),
    )  # fmt: skip


NOTHING = Share(None, 0.0, 1.0)


def _precision(judged: Judged | None, number: int) -> Share:
    if judged is None:
        return NOTHING
    is_predicted = judged.predicted == number
    weight, hit = judged.weight[is_predicted], judged.y_share[is_predicted, number]
    return estimate_share(weight * hit, weight * (1 - hit), largest_hit=_most(weight), largest_miss=_most(weight))


def _recall(judged: Judged | None, number: int) -> Share:
    if judged is None:
        return NOTHING
    is_predicted = judged.predicted == number
    held = judged.weight * judged.y_share[:, number]
    found, missed = (_most(judged.weight[rows]) for rows in (is_predicted, ~is_predicted))
    share = estimate_share(held[is_predicted], held[~is_predicted], largest_hit=found, largest_miss=missed)
    is_known = np.isfinite([found, missed]).all()  # of what is never shown nobody knows what was missed
    return share if is_known else Share(None, share.low, share.high)


def _accuracy(judged: Judged | None) -> Share:
    if judged is None:
        return NOTHING
    hit = judged.y_share[np.arange(len(judged.predicted)), judged.predicted]
    most = _most(judged.weight)
    return estimate_share(judged.weight * hit, judged.weight * (1 - hit), largest_hit=most, largest_miss=most)


def _most(weight: Floats) -> float:
    return float(weight.max()) if len(weight) else np.inf


def _expect_precision(answered: Answered | None, number: int) -> Share:
    if answered is None:
        return NOTHING
    score = answered.y_score[answered.predicted == number, number]
    return _expect_mean(score)


def _expect_accuracy(answered: Answered | None) -> Share:
    if answered is None:
        return NOTHING
    return _expect_mean(answered.y_score[np.arange(len(answered.predicted)), answered.predicted])


def _expect_mean(score: Floats) -> Share:
    if not len(score):
        return NOTHING
    value, half = float(score.mean()), 1.96 * float((score * (1 - score)).sum()) ** 0.5 / len(score)
    return Share(value, max(0.0, value - half), min(1.0, value + half))


def _expect_recall(answered: Answered | None, number: int) -> Share:
    if answered is None:
        return NOTHING
    is_predicted = answered.predicted == number
    return expected_share(answered.y_score[is_predicted, number], answered.y_score[~is_predicted, number])


def describe(figures: Sequence[Figure]) -> Iterator[str]:
    """The figures that have a test figure, each in words beside it."""
    for figure in figures:
        if figure.test is not None:
            yield f"{figure.in_words} (test {figure.test:.2f})"

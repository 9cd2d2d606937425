"""Bias: whether a model ranks texts that name a group as well as others, and errs on them as often.

Borkan et al. (2019), "Nuanced Metrics for Measuring Unintended Bias with Real Data for Text Classification",
arXiv 1903.04561: three areas under ROC curves, each of some of the rows.

| area | positive texts | negative texts | low where |
| --- | --- | --- | --- |
| subgroup | of the group | of the group | the model cannot tell within the group |
| BPSN | of the others | of the group | harmless texts that name the group are scored too high |
| BNSP | of the group | of the others | harmful texts that name the group are scored too low |
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from agile_classifier.errors import InputError
from agile_classifier.metrics.bootstrap import INTERVAL, resample
from agile_classifier.metrics.metrics import Floats, measure_roc_auc

Mask = NDArray[np.bool_]

AREAS = ("subgroup_auc", "bpsn_auc", "bnsp_auc")
"""Names of the three areas."""
POWER = -5.0
"""Exponent of the generalised mean, Borkan et al.'s: it lies near the worst group's area."""


@dataclass(frozen=True)
class Positive:
    """Truth and answers on the positive class, all of shape (n,)."""

    truth: Mask
    score: Floats
    """Probability of the positive class."""
    called: Mask
    """Whether a text is given the positive class."""


@dataclass(frozen=True)
class Figure:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Area:
    """One area of a group, and what it lacks of the area of all rows."""

    n_positive: int
    n_negative: int
    """Rows on either side of it."""
    area: Figure
    drop: Figure
    """AUC of all rows less this one, on the same resamples; above 0 the group is worse off."""


@dataclass(frozen=True)
class Areas:
    """The areas of every group."""

    overall: Figure
    groups: Mapping[str, Mapping[str, Area]]
    """Group → area's name → area; an area that lacks one side is left out."""
    means: Mapping[str, Figure]
    """Area's name → generalised mean over the groups that have enough rows for it; left out where none has."""


@dataclass(frozen=True)
class Rates:
    """Errors at the decision threshold, each None where no row could be so wrong; 95 % intervals by Wilson."""

    n: int
    n_positive: int
    false_positive: Figure | None
    """Share of the negative rows that are given the positive class."""
    false_negative: Figure | None
    """Share of the positive rows that are not."""


def measure_areas(
    answers: Positive, groups: Mapping[str, Floats], *, min_rows: int, n_resamples: int = 1000, seed: int
) -> Areas:
    """Measure every group's three areas, with intervals over the same resampled rows.

    Parameters
    ----------
    groups : mapping of name to array of shape (n,)
        1 where a text names the group, 0 where it does not, NaN where nobody said: such a row counts neither way.
    min_rows : int
        Fewest positive and negative rows of an area that the generalised mean counts.

    Raises
    ------
    InputError
        The rows are all positive, or all negative.
    """
    if answers.truth.all() or not answers.truth.any():
        raise InputError(f"groups: all {len(answers.truth)} rows are of one side, so nothing can be told apart")
    sides = {(group, area): rows for group, told in groups.items() for area, rows in _sides(answers.truth, told)}
    whole = np.ones(len(answers.truth), dtype=bool)
    point, drawn = _draw(answers, {("", ""): whole, **sides}, n_resamples=n_resamples, seed=seed)
    overall = ("", "")
    found: dict[str, dict[str, Area]] = {group: {} for group in groups}
    for (group, area), rows in sides.items():
        key = (group, area)
        drop = _figure(point[overall] - point[key], drawn[overall] - drawn[key])
        n_positive = int(answers.truth[rows].sum())
        found[group][area] = Area(n_positive, int(rows.sum()) - n_positive, _figure(point[key], drawn[key]), drop)
    means = {area: mean for area in AREAS if (mean := _mean(found, area, point, drawn, min_rows)) is not None}
    return Areas(_figure(point[overall], drawn[overall]), found, means)


def measure_rates(answers: Positive, rows: Mask) -> Rates:
    """Count the errors on some of the rows."""
    truth, called = answers.truth[rows], answers.called[rows]
    return Rates(
        n=len(truth),
        n_positive=int(truth.sum()),
        false_positive=measure_share(int((called & ~truth).sum()), int((~truth).sum())),
        false_negative=measure_share(int((~called & truth).sum()), int(truth.sum())),
    )


def measure_share(count: int, n: int) -> Figure | None:
    """A share with Wilson's 95 % interval; None of nothing.

    >>> measure_share(0, 0), round(measure_share(5, 10).high, 3)
    (None, 0.763)
    """
    if not n:
        return None
    between = binomtest(count, n).proportion_ci(method="wilson")
    return Figure(count / n, float(between.low), float(between.high))


def generalised_mean(areas: Sequence[float], *, power: float = POWER) -> float:
    """Generalised mean of areas; 0 if one of them is 0.

    >>> generalised_mean([0.9, 0.9]), round(generalised_mean([0.9, 0.6]), 3)
    (0.9, 0.675)
    """
    return float(_power_mean(np.asarray(areas, dtype=np.float64)[:, None], power)[0])


def _sides(truth: Mask, told: Floats) -> Iterator[tuple[str, Mask]]:
    """Each area's rows, where it has both sides."""
    inside, outside = told == 1, told == 0
    rows = (inside, (inside & ~truth) | (outside & truth), (inside & truth) | (outside & ~truth))
    for area, mask in zip(AREAS, rows, strict=True):
        if (mask & truth).any() and (mask & ~truth).any():
            yield area, mask


def _draw(
    answers: Positive, sides: Mapping[tuple[str, str], Mask], *, n_resamples: int, seed: int
) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], Floats]]:
    """The area of each side's rows, and of its resamples, NaN where a resample holds one side alone."""
    once = np.ones((1, len(answers.truth)))
    point = {name: float(_area(answers, rows, once)[0]) for name, rows in sides.items()}
    drawn: dict[tuple[str, str], list[Floats]] = {name: [] for name in sides}
    for weights in resample(answers.truth.astype(np.int64), n_resamples=n_resamples, seed=seed):
        for name, rows in sides.items():
            drawn[name].append(_area(answers, rows, weights))
    return point, {name: np.concatenate(chunks) for name, chunks in drawn.items()}


def _area(answers: Positive, rows: Mask, weights: Floats) -> Floats:
    """Area of some rows under each weighting, of shape (n_resamples,)."""
    truth, drawn = answers.truth[rows], weights[:, rows]
    areas = measure_roc_auc(truth, answers.score[rows], drawn)
    has_both = (drawn[:, truth].sum(axis=1) > 0) & (drawn[:, ~truth].sum(axis=1) > 0)
    return np.where(has_both, areas, np.nan)


def _figure(value: float, drawn: Floats) -> Figure:
    """A value with the percentiles of its resamples, those without a value left out."""
    low, high = np.nanpercentile(drawn, INTERVAL)
    return Figure(value, float(low), float(high))


def _mean(
    found: Mapping[str, Mapping[str, Area]],
    area: str,
    point: Mapping[tuple[str, str], float],
    drawn: Mapping[tuple[str, str], Floats],
    min_rows: int,
) -> Figure | None:
    """Generalised mean over the groups with enough rows for an area; None where there are none."""
    names = [group for group, areas in found.items() if area in areas and has_rows(areas[area], min_rows)]
    if not names:
        return None
    resampled = _power_mean(np.stack([drawn[group, area] for group in names]), POWER)
    return _figure(generalised_mean([point[group, area] for group in names]), resampled)


def has_rows(area: Area, min_rows: int) -> bool:
    """Whether both sides of an area have so many rows."""
    return min(area.n_positive, area.n_negative) >= min_rows


def _power_mean(areas: Floats, power: float) -> Floats:
    """Generalised mean over the first axis; NaN areas are left out."""
    with np.errstate(divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a resample that no group has both sides of
        return np.asarray(np.nanmean(areas**power, axis=0) ** (1 / power), dtype=np.float64)

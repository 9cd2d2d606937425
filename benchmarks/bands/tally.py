"""Tally of the simulation: what becomes of promises on a split's test rows, and on rows that are drawn again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.evaluation.bands import OnTest, choose_independent, measure_bands
from agile_classifier.metrics.bands import Bands
from agile_classifier.metrics.risk_control import ExactShare, Promised, fit_bands

if TYPE_CHECKING:  # what trains classifiers is slow to import
    from benchmarks.bands.scores import Scored

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ASKED = ((0.8, 0.2), (0.9, 0.1), (0.95, 0.05))
"""Precision of removals and miss rate that are promised together."""
CONFIDENCE = 0.9
Judged = tuple[Ints, Floats]
"""Classes, of shape (n,), and probabilities, of shape (n, 2), of rows that stand for themselves."""
COLUMNS = "data | model | promise | made | below the level on test | beyond chance | held, drawn again | decided alone"


@dataclass
class Tally:
    """What became of one pair of promises over all splits."""

    data: str
    model: str
    precision: float
    miss_rate: float
    n_rows: int = 0
    """Validation rows that the promises rest on, in the last split."""
    n_splits: int = 0
    removal_made: int = 0
    release_made: int = 0
    broken: int = 0
    """Splits in which a promise is not met by the test rows' own rate."""
    contradicted: int = 0
    """Splits in which the whole 95 % interval of that rate is beyond the level."""
    drawn: int = 0
    drawn_broken: int = 0
    automated: float = 0.0
    """Sum over the splits of the share of test rows that is decided without a person."""

    @property
    def line(self) -> str:
        """One line of the table."""
        n, held = self.n_splits, ExactShare(k=self.drawn - self.drawn_broken, n=self.drawn)
        return " | ".join((
            self.data, self.model, f"precision {self.precision:g}, miss rate {self.miss_rate:g}",
            f"{self.removal_made}, {self.release_made} of {n}", f"{self.broken} of {n}", f"{self.contradicted} of {n}",
            held.words, f"{self.automated / max(1, n):.1%}",
        ))  # fmt: skip

    @property
    def fails(self) -> bool:
        """Whether promises hold less often than promised, beyond chance."""
        return self.drawn > 0 and ExactShare(k=self.drawn - self.drawn_broken, n=self.drawn).high < CONFIDENCE


def tally_splits(
    splits: Iterable[Scored], data: str, model: str, *, draws: int, n_choices: int, each_row: bool
) -> list[Tally]:
    """Count over all splits what becomes of each pair of promises."""
    tallies = [Tally(data, model, precision, miss_rate) for precision, miss_rate in ASKED]
    for number, scored in enumerate(splits):
        by_group = scored.by_group and not each_row
        validation = _judged(scored.validation, scored.y_score_validation, by_group=by_group)
        test = _judged(scored.test, scored.y_score_test, by_group=by_group)
        for tally in tallies:
            promised = Promised(tally.precision, tally.miss_rate, CONFIDENCE, n_choices=n_choices)
            count_split(tally, promised, validation, test, share=scored.share)
            if draws:
                _draw_again(tally, promised, validation, test, share=scored.share, draws=draws, seed=number)
    return tallies


def _judged(rows: pd.DataFrame, y_score: Floats, *, by_group: bool) -> Judged:
    """Classes and probabilities, of shape (n, 2), of rows that stand for themselves."""
    places = choose_independent(rows, by_group=by_group)
    score = y_score[places]
    return rows["label"].to_numpy()[places], np.column_stack([1 - score, score])


def count_split(tally: Tally, promised: Promised, validation: Judged, test: Judged, *, share: float) -> None:
    """Count what becomes of a pair of promises on one split."""
    bands = fit_bands(y_true=validation[0], y_score=validation[1], promised=promised, expected_share=share)
    found = measure_bands(bands, *test)
    tally.n_splits, tally.n_rows = tally.n_splits + 1, bands.n_rows
    tally.removal_made += bands.removal is not None and bands.removal.is_kept
    tally.release_made += bands.release is not None and bands.release.is_kept
    tally.broken += _is_broken(bands, found)
    tally.contradicted += _is_contradicted(bands, found)
    tally.automated += found.automated.value or 0.0


def _is_broken(bands: Bands, found: OnTest) -> bool:
    """Whether a promise that is made is not met by the rate of these rows."""
    precision, missed = found.precision.value, found.miss_rate.value
    return bool(
        (bands.removal and bands.removal.is_kept and precision is not None and precision < bands.removal.level)
        or (bands.release and bands.release.is_kept and missed is not None and missed > bands.release.level)
    )


def _is_contradicted(bands: Bands, found: OnTest) -> bool:
    """Whether the interval of that rate lies wholly beyond the level."""
    return bool(
        (bands.removal and bands.removal.is_kept and found.precision.n and found.precision.high < bands.removal.level)
        or (bands.release and bands.release.is_kept and found.miss_rate.low > bands.release.level)
    )


def _draw_again(
    tally: Tally,
    promised: Promised,
    validation: Judged,
    test: Judged,
    *,
    share: float,
    draws: int,
    seed: int,
) -> None:
    """Draw validation rows from all held-out rows, with replacement, and hold the promises against all of these."""
    y_true, y_score = (np.concatenate(pair) for pair in zip(validation, test, strict=True))
    generator = np.random.default_rng(seed)
    for _ in range(draws):
        rows = generator.integers(0, len(y_true), len(validation[0]))
        bands = fit_bands(y_true=y_true[rows], y_score=y_score[rows], promised=promised, expected_share=share)
        tally.drawn += 1
        tally.drawn_broken += _is_broken(bands, measure_bands(bands, y_true, y_score))

"""How often the promises of three bands hold, against how often they are promised to.

    python -m benchmarks.bands [--data NAME …] [--models NAME …] [--splits 20] [--draws 200] [--json FILE]

Trains on a third of the texts, finds bands on a third, and looks on the last third whether what they promise is so. A
rate on so few test rows may be below a level by chance, so each split's held-out rows are also taken for all texts
that there are: validation rows are drawn from them anew, `draws` times, and what bands found on those promise is held
against the very truth. Exit status 1 where promises that were drawn so hold less often than promised, beyond chance.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from agile_classifier.evaluation.bands import OnTest, choose_independent, measure_bands
from agile_classifier.metrics.bands import Bands
from agile_classifier.metrics.risk_control import ExactShare, Promised, fit_bands
from benchmarks.bands.scores import CHOICES, DATA, MODELS, Floats, Ints, Scored, score_splits

ASKED = ((0.8, 0.2), (0.9, 0.1), (0.95, 0.05))
"""Precision of removals and miss rate that are promised together."""
CONFIDENCE = 0.9
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
    """Those in which the whole 95 % interval of that rate is beyond the level."""
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


def main(arguments: list[str] | None = None) -> int:
    """Print the table; see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    quick = [name for name in DATA if "train" not in name]
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=quick)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=["tfidf", "probe"])
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--choices", type=int, help="checkpoints that are allowed for, in place of all there are")
    parser.add_argument("--rows", action="store_true", help="count rows of one group as if each stood for itself")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    print(COLUMNS)
    tallies = []
    for data in given.data:
        for model in given.models:
            n_choices = given.choices or CHOICES[model]
            scored = score_splits(data, model, splits=given.splits)
            for tally in tally_splits(scored, data, model, draws=given.draws, n_choices=n_choices, each_row=given.rows):
                tallies.append(tally)
                print(tally.line, flush=True)
    if given.json:
        given.json.write_text(json.dumps([asdict(tally) for tally in tallies], indent=1) + "\n", encoding="utf-8")
    return int(any(tally.fails for tally in tallies))


def tally_splits(
    splits: Iterator[Scored], data: str, model: str, *, draws: int, n_choices: int, each_row: bool
) -> list[Tally]:
    """Count over all splits what becomes of each pair of promises."""
    tallies = [Tally(data, model, precision, miss_rate) for precision, miss_rate in ASKED]
    for number, scored in enumerate(splits):
        by_group = scored.by_group and not each_row
        validation = _judged(scored.validation, scored.y_score_validation, by_group=by_group)
        test = _judged(scored.test, scored.y_score_test, by_group=by_group)
        for tally in tallies:
            promised = Promised(tally.precision, tally.miss_rate, CONFIDENCE, n_choices=n_choices)
            _count(tally, promised, validation, test, share=scored.share)
            if draws:
                _draw_again(tally, promised, validation, test, share=scored.share, draws=draws, seed=number)
    return tallies


def _judged(rows: pd.DataFrame, y_score: Floats, *, by_group: bool) -> tuple[Ints, Floats]:
    """Classes and probabilities, of shape (n, 2), of rows that stand for themselves."""
    places = choose_independent(rows, by_group=by_group)
    score = y_score[places]
    return rows["label"].to_numpy()[places], np.column_stack([1 - score, score])


def _count(
    tally: Tally, promised: Promised, validation: tuple[Ints, Floats], test: tuple[Ints, Floats], *, share: float
) -> None:
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
    validation: tuple[Ints, Floats],
    test: tuple[Ints, Floats],
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


if __name__ == "__main__":
    raise SystemExit(main())

"""Frame of a study: a row a finished cell or blend, and what its rows say about contenders, sizes and splits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from agile_classifier.studies.blend import Result, with_blends
from agile_classifier.studies.file import Study
from agile_classifier.studies.plan import Plan
from agile_classifier.studies.report.statistics import Curve, Mean, fit_curve, mean_over_splits

SCORES = ("y_true", "y_score", "y_true_validation", "y_score_validation")
"""Columns that hold an array each: truth and probabilities of the rows that a cell was evaluated on."""
FACTS = ("n_train", "train_seconds", "cpu_seconds", "seconds", "peak_gigabytes")
"""Columns that hold a number each beside the metrics and the decision threshold."""


@dataclass(frozen=True)
class Standing:
    """Mean of a contender at one training size."""

    contender: str
    """Key of the contender."""
    title: str
    size: int
    mean: Mean
    cpu_seconds: float
    """Median of what its trainings took, all cores together; NaN where one has not told."""


def list_results(planned: Plan) -> list[Result]:
    """List the finished cells of a study in its order, and blends of them."""
    done = [(cell.place, planned.done[cell.key]) for cell in planned.cells if cell.key in planned.done]
    return with_blends(planned.study, [Result(place, cell, cell.key, cell.made.commit) for place, cell in done])


def to_frame(results: Iterable[Result]) -> pd.DataFrame:
    """Frame of a row a result: place, metrics, decision threshold, times and `SCORES`.

    Where a study names no sizes, `size` is the median of what the splits leave.
    """
    frame = pd.DataFrame([_row(result) for result in results])
    if not frame.empty:
        frame["cpu_seconds"] = frame["cpu_seconds"].astype("float")
        frame["size"] = frame["size"].astype("float").fillna(frame["n_train"].median()).astype("int64")
    return frame


def to_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Frame of a row a cell, without the scores of its rows."""
    return frame.drop(columns=list(SCORES))


def work_done(study: Study, frame: pd.DataFrame) -> str:
    """Finished cells and what they took, in words; a cell that several contenders share counts once, a blend never."""
    own = frame[frame["contender"].isin(study.trained)].drop_duplicates("key")
    return f"{len(own)} cells, {own['seconds'].sum() / 3600:.1f} hours of reading, training and judging"


def by_contender(study: Study, frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Contenders that have rows, in the study's order, with their rows."""
    present = [name for name in study.contenders if (frame["contender"] == name).any()]
    return [(name, frame[frame["contender"] == name]) for name in present]


def over_splits(cells: pd.DataFrame, metric: str) -> Mean:
    """Mean of a metric over splits, each the mean of its seeds."""
    return mean_over_splits(cells.groupby("split")[metric].mean().to_numpy(), test_share=_test_share(cells))


def cost_of(cells: pd.DataFrame) -> float:
    """Median of what the trainings of some cells took, in CPU-seconds; NaN where one of them has not told."""
    return float(cells["cpu_seconds"].median(skipna=False))


def list_standings(study: Study, frame: pd.DataFrame) -> list[Standing]:
    """List every contender's mean at every size, the best first."""
    standings = [
        Standing(name, study.title_of(name), size, over_splits(here, study.metric), cost_of(here))
        for name, cells in by_contender(study, frame)
        for size in sorted(map(int, cells["size"].unique()))
        for here in [cells[cells["size"] == size]]
    ]
    return sorted(standings, key=lambda standing: -standing.mean.mean)


def list_curves(study: Study, frame: pd.DataFrame) -> dict[str, tuple[list[int], list[float], Curve | None]]:
    """Learning curves of contenders with several sizes: title → sizes, means at them, and the curve, if one fits."""
    curves = {}
    for name, cells in by_contender(study, frame):
        sizes = sorted(map(int, cells["size"].unique()))
        means = {size: over_splits(cells[cells["size"] == size], study.metric) for size in sizes}
        if len(means) > 1:
            fitted = _fit_curve(cells, means, metric=study.metric)
            curves[study.title_of(name)] = (sizes, [mean.mean for mean in means.values()], fitted)
    return curves


def paired_difference(frame: pd.DataFrame, one: str, other: str, *, metric: str) -> Mean | None:
    """Paired difference of two contenders on the splits that both have; None if they share fewer than two."""
    means = {
        name: frame[frame["contender"] == name].groupby("split")[metric].mean().rename(name) for name in (one, other)
    }
    pairs = (means[one] - means[other]).dropna()
    if len(pairs) < 2:
        return None
    return mean_over_splits(pairs.to_numpy(), test_share=_test_share(frame[frame["contender"] == one]))


def _row(result: Result) -> dict[str, object]:
    trial = result.trial
    facts = trial.model_dump(include=set(FACTS))
    scores = {
        "y_true": trial.truth("test"), "y_score": trial.score("test"),
        "y_true_validation": trial.truth("validation"), "y_score_validation": trial.score("validation"),
    }  # fmt: skip
    key = {"key": result.key, "commit": result.commit, "decision_threshold": trial.cut}
    return {**result.place.model_dump(), **trial.metrics, **facts, **scores, **key}


def _fit_curve(cells: pd.DataFrame, means: dict[int, Mean], *, metric: str) -> Curve | None:
    """Fit the learning curve through sizes with more than one split."""
    sure = {size: mean for size, mean in means.items() if mean.n > 1}
    by_split = cells.pivot_table(index="split", columns="size", values=metric)[list(sure)]
    return fit_curve(
        list(sure),
        [mean.mean for mean in sure.values()],
        sd=[max(mean.half / 1.96, 1e-3) for mean in sure.values()],
        correlation=by_split.corr().fillna(0).to_numpy(),
    )


def _test_share(cells: pd.DataFrame) -> float:
    return float(np.mean([len(truth) / n for truth, n in zip(cells["y_true"], cells["n_train"], strict=True)]))

"""Tables of a study: what its cells say, generated, never typed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.evaluation.titles import METRICS
from agile_classifier.metrics.bootstrap import bootstrap_intervals
from agile_classifier.metrics.calibration import calibration_error, fit_calibration
from agile_classifier.studies.file import Study
from agile_classifier.studies.report.frame import by_contender, cost_of, list_curves, over_splits, paired_difference
from agile_classifier.studies.report.statistics import Curve, Mean

Answer = tuple[NDArray[Any], NDArray[Any]]
"""Truth and probabilities of a cell's rows."""
SHOWN = ("roc_auc", "f1", "pr_auc", "accuracy", "brier")
COMPARED = ("roc_auc", "f1", "pr_auc")
"""Metrics whose paired differences are told, after the study's own."""
PUBLISHED = ("roc_auc", "f1", "f1_macro", "accuracy")
"""Metrics that a published figure may be of."""
MORE = (100, 200, 400)
"""Further labels whose worth the learning curve is asked for."""
LEAST_WORTH = 0.005
"""Smallest gain in the metric for which 100 more labels are worth asking."""
FARTHEST = 10_000
"""Training examples up to which the curve is followed."""
TOLD = "*: told apart; the interval excludes zero."


@dataclass(frozen=True)
class Table:
    """A table and its title."""

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    note: str = ""


def list_tables(study: Study, frame: pd.DataFrame) -> list[Table]:
    """List the tables of a study; `frame` as `to_frame` makes it, of at least one cell."""
    means = [_means(study, frame[frame["size"] == size], size) for size in sorted(frame["size"].unique())]
    further = (_differences, _noise, _worth_of_labels, _published)
    filled = [table for make in further if (table := make(study, frame)).lines]
    alone = sorted({found.split for found in study.published if found.split is not None} & set(frame["split"]))
    return [*means, *filled, *(_on_one_split(study, frame[frame["split"] == split], split) for split in alone)]


def _means(study: Study, frame: pd.DataFrame, size: int) -> Table:
    metrics = (METRICS[metric] for metric in SHOWN)
    costs = ["CPU-seconds"] * any(not math.isnan(cost_of(cells)) for _, cells in by_contender(study, frame))
    head = ["contender", "splits", "seeds", *metrics, "ECE", "ECE, calibrated", "training, s", *costs]
    lines = [[
        study.title_of(name), str(cells["split"].nunique()), str(cells["seed"].nunique()),
        *(_in_words(over_splits(cells, metric)) for metric in SHOWN),
        _error(_answers(cells)), _calibrated_error(cells), f"{cells['train_seconds'].median():.0f}",
        *(_whole(cost_of(cells)) for _ in costs),
    ] for name, cells in by_contender(study, frame)]  # fmt: skip
    return Table(f"{size} training examples", head, lines)


def _differences(study: Study, frame: pd.DataFrame) -> Table:
    """Table of every contender against the reference, on the splits that both have."""
    metrics = _compared(study)
    lines = []
    for size, name, _ in _by_size(study, frame):
        here = frame[frame["size"] == size]
        pairs = [paired_difference(here, name, study.reference, metric=metric) for metric in metrics]
        found = [pair for pair in pairs if pair is not None and name != study.reference]
        if found:
            told = [f"{_in_words(pair, sign='+')}{' *' if pair.excludes_zero else ''}" for pair in found]
            lines.append([study.title_of(name), str(size), str(found[0].n), *told])
    head = ["contender", "examples", "splits", *(f"{METRICS[metric]}, difference" for metric in metrics)]
    return Table(f"Against {study.title_of(study.reference)}, split by split", head, lines, TOLD)


def _noise(study: Study, frame: pd.DataFrame) -> Table:
    """Table of the spread of a config over seeds of one split, and over splits with one seed."""
    lines = []
    for name, cells in by_contender(study, frame):
        for size, same in cells.groupby("size"):
            over_seeds = same.groupby("split")[study.metric].std().dropna()
            strays = [over_seeds, same.groupby("seed")[study.metric].std().dropna()]
            if len(over_seeds):
                lines.append([study.title_of(name), str(size), *(_number(_pooled(stray)) for stray in strays)])
    head = ["contender", "examples", "over seeds, same split", "over splits, same seed"]
    return Table(f"Run noise: standard deviation of {METRICS[study.metric]}", head, lines)


def _worth_of_labels(study: Study, frame: pd.DataFrame) -> Table:
    """What further labels would bring by the learning curve, and from where on hundred more bring next to nothing."""
    lines = []
    for title, (sizes, _, curve) in list_curves(study, frame).items():
        if curve is not None:
            most = max(sizes)
            now, gains = curve.at(most), [curve.gain(most, more) for more in MORE]
            told = [f"{gain:+.3f} ± {half:.3f}{' *' if gain > half else ''}" for gain, half in gains]
            lines.append([title, str(most), f"{now[0]:.3f} ± {now[1]:.3f}", *told, _stops_paying(curve)])
    more = (f"{more} more bring" for more in MORE)
    head = ["contender", "examples", f"{METRICS[study.metric]} now", *more, "pays until"]
    note = (
        f"By a power law through the means at each size; ± is half its 95 % band. {TOLD}"
        f" Pays until: where 100 more examples bring less than {LEAST_WORTH}."
    )
    return Table("What more labels would bring", head, lines, note)


def _stops_paying(curve: Curve) -> str:
    """First size, in hundreds, from which 100 more examples bring less than `LEAST_WORTH`."""
    for size in range(100, FARTHEST + 1, 100):
        if curve.gain(size, 100)[0] < LEAST_WORTH:
            return str(size)
    return f"over {FARTHEST}"


def _published(study: Study, _: pd.DataFrame) -> Table:
    told = [metric for metric in PUBLISHED if any(getattr(found, metric) is not None for found in study.published)]
    lines = [
        [found.name, str(found.size or ""), *(_number(getattr(found, metric)) for metric in told), found.source]
        for found in study.published
    ]
    return Table("Published by others", ["who", "examples", *(METRICS[metric] for metric in told), "source"], lines)


def _on_one_split(study: Study, frame: pd.DataFrame, split: int) -> Table:
    """Every contender on the very rows that a published figure is of, with the interval that so few test rows leave."""
    lines, metrics = [], _compared(study)
    for size, name, cells in _by_size(study, frame):
        cell = cells.iloc[0]
        y_true, y_score, threshold = cell[["y_true", "y_score", "decision_threshold"]]
        ends = bootstrap_intervals(y_true=y_true, y_score=y_score, decision_threshold=threshold, seed=0)
        told = [f"{cell[metric]:.3f} ({ends[metric][0]:.3f} to {ends[metric][1]:.3f})" for metric in metrics]
        lines.append([study.title_of(name), str(size), *told])
    used = ", ".join(dict.fromkeys(found.source for found in study.published if found.split == split))
    note = f"The split of {used}. In brackets, the 95 % interval over resampled test rows: one split settles little."
    head = ["contender", "examples", *(METRICS[metric] for metric in metrics)]
    return Table(f"On split {split} alone", head, lines, note)


def _compared(study: Study) -> tuple[str, ...]:
    return tuple(dict.fromkeys((study.metric, *COMPARED)))


def _by_size(study: Study, frame: pd.DataFrame) -> list[tuple[int, str, pd.DataFrame]]:
    """Size, contender and its rows at that size."""
    return [
        (size, name, cells)
        for size in sorted(frame["size"].unique())
        for name, cells in by_contender(study, frame[frame["size"] == size])
    ]


def _error(answers: Sequence[Answer]) -> str:
    """Calibration error of the rows of all cells, and the mean of single cells'.

    The one lets opposite errors cancel, the other is never 0 by chance.
    """
    pooled = calibration_error(*(np.concatenate(part) for part in zip(*answers, strict=True)))
    return f"{pooled:.3f} / {np.mean([calibration_error(*answer) for answer in answers]):.3f}"


def _calibrated_error(cells: pd.DataFrame) -> str:
    """Calibration error as `_error`, each cell calibrated on its validation first; empty if a cell has none."""
    if not all(map(len, cells["y_true_validation"])):
        return ""
    known, answers = _answers(cells, "_validation"), _answers(cells)
    maps = [fit_calibration("auto", y_true=y_true, y_score=y_score) for y_true, y_score in known]
    return _error([(y_true, one.apply(y_score)) for one, (y_true, y_score) in zip(maps, answers, strict=True)])


def _answers(cells: pd.DataFrame, ending: str = "") -> list[Answer]:
    return list(zip(cells[f"y_true{ending}"], cells[f"y_score{ending}"], strict=True))


def _pooled(deviations: pd.Series) -> float:
    return float(np.sqrt((deviations**2).mean())) if len(deviations) else math.nan


def _in_words(mean: Mean, *, sign: str = "") -> str:
    return f"{mean.mean:{sign}.3f}" + ("" if math.isnan(mean.half) else f" ± {mean.half:.3f}")


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.3f}"


def _whole(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.0f}"

"""Study report: what the cells of a study say, as tables, and as one Markdown page; generated, never typed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.metrics.bootstrap import bootstrap_intervals
from agile_classifier.metrics.calibration import calibration_error, fit_calibration
from agile_classifier.studies.blend import as_two
from agile_classifier.studies.file import Study
from agile_classifier.studies.statistics import Curve, Mean, fit_curve, mean_over_splits

SHOWN = ("roc_auc", "f1", "pr_auc", "accuracy", "brier")
NAMES = {"roc_auc": "ROC AUC", "f1": "F1", "pr_auc": "PR AUC", "accuracy": "accuracy", "brier": "Brier"}
COMPARED = ("roc_auc", "f1", "pr_auc")
"""Metrics whose paired differences are told, after the study's own."""
MORE = (100, 200, 400)
"""Further labels whose worth the learning curve is asked for."""
LEAST_WORTH = 0.005
"""Of the metric: what 100 more labels must bring to be worth asking for."""
FARTHEST = 10_000
"""Training examples up to which the curve is followed."""
TOLD = "*: told apart; the interval excludes zero."
ABOUT = "± is half a 95 % interval over splits, widened by what splits share (Nadeau and Bengio 2003); of one split there is none. ECE: of the rows of all splits / mean of single splits, which is never 0 by chance. Seconds are of shared machines of several kinds."


@dataclass(frozen=True)
class Section:
    """A table under its title."""

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Place:
    """A contender's mean at one training size."""

    contender: str
    """Its key."""
    title: str
    size: int
    found: Mean


def to_frame(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """A row a cell; where a study names no sizes, `size` is the median of what the splits leave.

    Parameters
    ----------
    rows : iterable of dict
        A finished cell each: `contender`, `size` (None: as many as the split leaves), `split`, `seed`, metrics, `y_true`, `y_score`, `n_train`, `train_seconds`.
    """
    frame = pd.DataFrame(list(rows))
    if not frame.empty:
        frame["size"] = frame["size"].astype("float").fillna(frame["n_train"].median()).astype("int64")
    return frame


def write_report(study: Study, rows: Iterable[dict[str, Any]], *, command: str) -> str:
    """The Markdown of one study; `rows` as `to_frame`."""
    frame = to_frame(rows)
    if frame.empty:
        return f"## {study.title}\n\n`{command}`: no cell is finished.\n"
    parts = [f"## {study.title}", f"`{command}`: {work_done(study, frame)}. {ABOUT}"]
    for section in list_sections(study, frame):
        parts += [
            f"### {section.title}",
            _table(section.head, section.lines),
            *([section.note] if section.note else []),
        ]
    return "\n\n".join(parts) + "\n"


def work_done(study: Study, frame: pd.DataFrame) -> str:
    """Finished cells and what they took, without those that several contenders share and blends, which took nothing."""
    trained = [name for name, contender in study.contenders.items() if not contender.blend]
    own = frame[frame["contender"].isin(trained)].drop_duplicates("key")
    return f"{len(own)} cells, {own['seconds'].sum() / 3600:.1f} hours of reading, training and judging"


def list_sections(study: Study, frame: pd.DataFrame) -> list[Section]:
    """Everything that a study's cells say, table by table."""
    means = [_means(study, frame[frame["size"] == size], size) for size in sorted(frame["size"].unique())]
    further = (_differences, _noise, _worth_of_labels, _published)
    told = [section for tell in further if (section := tell(study, frame)) is not None]
    alone = sorted({found.split for found in study.published if found.split is not None} & set(frame["split"]))
    return [*means, *told, *(_on_one_split(study, frame[frame["split"] == split], split) for split in alone)]


def list_places(study: Study, frame: pd.DataFrame) -> list[Place]:
    """Every contender's mean at every size, the best first."""
    found = [
        Place(name, _title(study, name), int(size), _over_splits(cells[cells["size"] == size], study.metric))
        for name, cells in _by_contender(study, frame)
        for size in sorted(cells["size"].unique())
    ]
    return sorted(found, key=lambda place: -place.found.mean)


def list_curves(study: Study, frame: pd.DataFrame) -> dict[str, tuple[list[int], list[float], Curve | None]]:
    """Title → training sizes, means at them, and the learning curve where one can be fitted, through sizes with more than one split."""
    found = {}
    for name, cells in _by_contender(study, frame):
        sizes = sorted(map(int, cells["size"].unique()))
        at = {size: _over_splits(cells[cells["size"] == size], study.metric) for size in sizes}
        if len(at) > 1:
            sure = {size: mean for size, mean in at.items() if mean.n > 1}
            by_split = cells.pivot_table(index="split", columns="size", values=study.metric)[list(sure)]
            curve = fit_curve(
                list(sure),
                [mean.mean for mean in sure.values()],
                sd=[max(mean.half / 1.96, 1e-3) for mean in sure.values()],
                correlation=by_split.corr().fillna(0).to_numpy(),
            )
            found[_title(study, name)] = (sizes, [mean.mean for mean in at.values()], curve)
    return found


def _means(study: Study, frame: pd.DataFrame, size: int) -> Section:
    metrics = (NAMES[metric] for metric in SHOWN)
    head = ["contender", "splits", "seeds", *metrics, "ECE", "ECE, calibrated", "training, s"]
    lines = [[
        _title(study, name), str(cells["split"].nunique()), str(cells["seed"].nunique()),
        *(_said(_over_splits(cells, metric)) for metric in SHOWN), _error(cells), _calibrated_error(cells), f"{cells['train_seconds'].median():.0f}",
    ] for name, cells in _by_contender(study, frame)]  # fmt: skip
    return Section(f"{size} training examples", head, lines)


def paired_difference(frame: pd.DataFrame, one: str, other: str, *, metric: str) -> Mean | None:
    """By how much one contender is better than another, on the splits that both have; None of fewer than two."""
    means = {
        name: frame[frame["contender"] == name].groupby("split")[metric].mean().rename(name) for name in (one, other)
    }
    pairs = (means[one] - means[other]).dropna()
    if len(pairs) < 2:
        return None
    return mean_over_splits(pairs.to_numpy(), test_share=_test_share(frame[frame["contender"] == one]))


def _differences(study: Study, frame: pd.DataFrame) -> Section | None:
    """Every contender against the reference, on the splits that both have."""
    metrics = tuple(dict.fromkeys((study.metric, *COMPARED)))
    lines = []
    for size in sorted(frame["size"].unique()):
        here = frame[frame["size"] == size]
        for name, _ in _by_contender(study, here):
            pairs = [paired_difference(here, name, study.reference, metric=metric) for metric in metrics]
            found = [pair for pair in pairs if pair is not None and name != study.reference]
            if found:
                told = [f"{_said(pair, sign='+')}{' *' if pair.excludes_zero else ''}" for pair in found]
                lines.append([_title(study, name), str(size), str(found[0].n), *told])
    if not lines:
        return None
    head = ["contender", "examples", "splits", *(f"{NAMES[metric]}, difference" for metric in metrics)]
    return Section(f"Against {_title(study, study.reference)}, split by split", head, lines, TOLD)


def _noise(study: Study, frame: pd.DataFrame) -> Section | None:
    """How far the same config strays over seeds of one split, and over splits with one seed."""
    lines = []
    for name, cells in _by_contender(study, frame):
        for size, same in cells.groupby("size"):
            over_seeds = same.groupby("split")[study.metric].std().dropna()
            over_splits = same.groupby("seed")[study.metric].std().dropna()
            if len(over_seeds):
                lines.append(
                    [_title(study, name), str(size), _number(_pooled(over_seeds)), _number(_pooled(over_splits))]
                )
    head = ["contender", "examples", "over seeds, same split", "over splits, same seed"]
    return Section(f"Run noise: standard deviation of {NAMES[study.metric]}", head, lines) if lines else None


def _worth_of_labels(study: Study, frame: pd.DataFrame) -> Section | None:
    """What further labels would bring by the learning curve, and from where on hundred more bring next to nothing."""
    lines = []
    for title, (sizes, _, curve) in list_curves(study, frame).items():
        if curve is not None:
            most = max(sizes)
            now, gains = curve.at(most), [curve.gain(most, more) for more in MORE]
            told = [f"{gain:+.3f} ± {half:.3f}{' *' if gain > half else ''}" for gain, half in gains]
            lines.append([title, str(most), f"{now[0]:.3f} ± {now[1]:.3f}", *told, _stops_paying(curve)])
    metric = NAMES[study.metric]
    head = ["contender", "examples", f"{metric} now", *(f"{more} more bring" for more in MORE), "pays until"]
    note = f"By a power law through the means at each size; ± is half its 95 % band. {TOLD} Pays until: where 100 more examples bring less than {LEAST_WORTH}."
    return Section("What more labels would bring", head, lines, note) if lines else None


def _stops_paying(curve: Curve) -> str:
    """The first size, in hundreds, from which 100 more examples bring less than `LEAST_WORTH`."""
    for size in range(100, FARTHEST + 1, 100):
        if curve.gain(size, 100)[0] < LEAST_WORTH:
            return str(size)
    return f"over {FARTHEST}"


def _published(study: Study, _: pd.DataFrame) -> Section | None:
    names = {"roc_auc": "ROC AUC", "f1": "F1", "f1_macro": "F1, macro", "accuracy": "accuracy"}
    told = [metric for metric in names if any(getattr(found, metric) is not None for found in study.published)]
    lines = [
        [
            found.name,
            "" if found.size is None else str(found.size),
            *(_number(getattr(found, metric)) for metric in told),
            found.source,
        ]
        for found in study.published
    ]
    head = ["who", "examples", *(names[metric] for metric in told), "source"]
    return Section("Published by others", head, lines) if lines else None


def _on_one_split(study: Study, frame: pd.DataFrame, split: int) -> Section:
    """Every contender on the very rows that a published figure is of, with the interval that so few test rows leave."""
    lines, metrics = [], tuple(dict.fromkeys((study.metric, *COMPARED)))
    for size in sorted(frame["size"].unique()):
        for name, cells in _by_contender(study, frame[frame["size"] == size]):
            cell = cells.iloc[0]
            ends = bootstrap_intervals(
                y_true=cell["y_true"],
                y_score=as_two(cell["y_score"]),
                decision_threshold=cell["decision_threshold"],
                seed=0,
            )
            told = [f"{cell[metric]:.3f} ({ends[metric][0]:.3f} to {ends[metric][1]:.3f})" for metric in metrics]
            lines.append([_title(study, name), str(size), *told])
    used = ", ".join(dict.fromkeys(found.source for found in study.published if found.split == split))
    note = f"The split of {used}. In brackets, the 95 % interval over resampled test rows: one split settles little."
    return Section(
        f"On split {split} alone", ["contender", "examples", *(NAMES[metric] for metric in metrics)], lines, note
    )


def _by_contender(study: Study, frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [
        (name, frame[frame["contender"] == name]) for name in study.contenders if (frame["contender"] == name).any()
    ]


def _over_splits(cells: pd.DataFrame, metric: str) -> Mean:
    return mean_over_splits(cells.groupby("split")[metric].mean().to_numpy(), test_share=_test_share(cells))


def _test_share(cells: pd.DataFrame) -> float:
    return float(np.mean([len(truth) / n for truth, n in zip(cells["y_true"], cells["n_train"], strict=True)]))


def _error(cells: pd.DataFrame) -> str:
    """Calibration error of the rows of all cells, and the mean of single cells': the one lets opposite errors cancel, the other is never 0 by chance."""
    answers = [(np.asarray(truth), as_two(said)) for truth, said in zip(cells["y_true"], cells["y_score"], strict=True)]
    pooled = calibration_error(*(np.concatenate(part) for part in zip(*answers, strict=True)))
    return f"{pooled:.3f} / {np.mean([calibration_error(*answer) for answer in answers]):.3f}"


def _calibrated_error(cells: pd.DataFrame) -> str:
    """As `_error`, each cell calibrated on its own validation first; empty where a cell has none."""
    if "y_true_validation" not in cells or not all(map(len, cells["y_true_validation"])):
        return ""
    calibrated = [
        fit_calibration("auto", y_true=y_true, y_score=as_two(said)).apply(as_two(y_score))[:, 1]
        for y_true, said, y_score in zip(
            cells["y_true_validation"], cells["y_score_validation"], cells["y_score"], strict=True
        )
    ]
    return _error(cells.assign(y_score=pd.Series(calibrated, index=cells.index)))


def _pooled(deviations: pd.Series) -> float:
    return float(np.sqrt((deviations**2).mean())) if len(deviations) else math.nan


def _title(study: Study, name: str) -> str:
    return study.contenders[name].title or name


def _said(found: Mean, *, sign: str = "") -> str:
    return f"{found.mean:{sign}.3f}" + ("" if math.isnan(found.half) else f" ± {found.half:.3f}")


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.3f}"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)

"""Study report: what the cells of a study say, as one Markdown page; generated, never typed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from classifier.calibration_fit import fit_calibration
from classifier.study_file import Study
from classifier.study_statistics import Mean, calibration_error, fit_curve, mean_over_splits

SHOWN = ("roc_auc", "f1", "pr_auc", "accuracy", "brier")
NAMES = {"roc_auc": "ROC AUC", "f1": "F1", "pr_auc": "PR AUC", "accuracy": "accuracy", "brier": "Brier"}
MORE = (100, 200, 400)
"""Further labels whose worth the learning curve is asked for."""


def write_report(study: Study, rows: Iterable[dict[str, Any]], *, command: str) -> str:
    """The page of one study.

    Parameters
    ----------
    rows : iterable of dict
        A finished cell each: `contender`, `size` (None: as many as the split leaves, here given by their median), `split`, `seed`, metrics, `y_true`, `y_score`, `n_train`, `train_seconds`.
    """
    frame = pd.DataFrame(list(rows))
    parts = [f"## {study.title}", f"`{command}`: {len(frame)} cells. ± is half a 95 % interval over splits, widened by what splits share"
             " (Nadeau and Bengio 2003); of one split there is none."]  # fmt: skip
    if frame.empty:
        return "\n\n".join([*parts, "No cell is finished."]) + "\n"
    frame["size"] = frame["size"].astype("float").fillna(frame["n_train"].median()).astype("int64")
    for size in sorted(frame["size"].unique()):
        parts += [f"### {size} training examples", _means(study, frame[frame["size"] == size])]
    parts += [*_differences(study, frame), *_noise(study, frame), *_curves(study, frame), *_published(study)]
    return "\n\n".join(parts) + "\n"


def _means(study: Study, frame: pd.DataFrame) -> str:
    head = [
        "contender",
        "splits",
        "seeds",
        *(NAMES[metric] for metric in SHOWN),
        "ECE, rows pooled",
        "ECE, calibrated",
        "training, s",
    ]
    lines = [[
        _title(study, name), str(cells["split"].nunique()), str(cells["seed"].nunique()),
        *(_said(_over_splits(cells, metric)) for metric in SHOWN), _pooled_error(cells), _calibrated_error(cells), f"{cells['train_seconds'].median():.0f}",
    ] for name, cells in _by_contender(study, frame)]  # fmt: skip
    return _table(head, lines)


def _differences(study: Study, frame: pd.DataFrame) -> list[str]:
    """Every contender against the reference, on the splits and seeds that both have."""
    lines = []
    for size in sorted(frame["size"].unique()):
        here = frame[frame["size"] == size]
        reference = here[here["contender"] == study.reference].groupby("split")[study.metric].mean()
        for name, cells in _by_contender(study, here):
            pairs = (cells.groupby("split")[study.metric].mean() - reference).dropna()
            if name != study.reference and len(pairs) > 1:
                found = mean_over_splits(pairs.to_numpy(), test_share=_test_share(cells))
                told = "yes" if found.excludes_zero else "no"
                lines.append([_title(study, name), str(size), str(found.n), _said(found, sign="+"), told])
    if not lines:
        return []
    head = ["contender", "examples", "splits", f"{NAMES[study.metric]}, difference", "told apart"]
    return [f"### Against {_title(study, study.reference)}, split by split", _table(head, lines)]


def _noise(study: Study, frame: pd.DataFrame) -> list[str]:
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
    if not lines:
        return []
    return [f"### Run noise: standard deviation of {NAMES[study.metric]}",
            _table(["contender", "examples", "over seeds, same split", "over splits, same seed"], lines)]  # fmt: skip


def _curves(study: Study, frame: pd.DataFrame) -> list[str]:
    lines = []
    for name, cells in _by_contender(study, frame):
        by_size = cells.groupby("size")[study.metric]
        sizes, means = list(by_size.mean().index), list(by_size.mean())
        curve = fit_curve(sizes, means, sd=list(by_size.sem().fillna(0.02).clip(lower=1e-3)))
        if curve is not None:
            worth = [curve.at(max(sizes) + more) for more in MORE]
            lines.append(
                [
                    _title(study, name),
                    str(max(sizes)),
                    _number(means[-1]),
                    *(f"{at:.3f} ± {half:.3f}" for at, half in worth),
                ]
            )
    if not lines:
        return []
    head = ["contender", "examples", f"{NAMES[study.metric]} now", *(f"with {more} more" for more in MORE)]
    return ["### What more labels would bring", _table(head, lines)]


def _published(study: Study) -> list[str]:
    if not study.published:
        return []
    lines = [[found.name, "" if found.size is None else str(found.size), _number(found.f1), _number(found.roc_auc), found.source]
             for found in study.published]  # fmt: skip
    return [
        "### Published by others, on splits of their own",
        _table(["who", "examples", "F1", "ROC AUC", "source"], lines),
    ]


def _by_contender(study: Study, frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [
        (name, frame[frame["contender"] == name]) for name in study.contenders if (frame["contender"] == name).any()
    ]


def _over_splits(cells: pd.DataFrame, metric: str) -> Mean:
    return mean_over_splits(cells.groupby("split")[metric].mean().to_numpy(), test_share=_test_share(cells))


def _test_share(cells: pd.DataFrame) -> float:
    return float(np.mean([len(truth) / n for truth, n in zip(cells["y_true"], cells["n_train"], strict=True)]))


def _pooled_error(cells: pd.DataFrame) -> str:
    y_true = np.concatenate(cells["y_true"].tolist())
    return _number(calibration_error(y_true, np.concatenate(cells["y_score"].tolist())))


def _calibrated_error(cells: pd.DataFrame) -> str:
    """As `_pooled_error`, each cell calibrated on its own validation first; empty where a cell has none."""
    if "y_true_validation" not in cells or not all(map(len, cells["y_true_validation"])):
        return ""
    calibrated = [
        fit_calibration("auto", y_true=y_true, y_score=_of_two(said)).apply(_of_two(y_score))[:, 1]
        for y_true, said, y_score in zip(
            cells["y_true_validation"], cells["y_score_validation"], cells["y_score"], strict=True
        )
    ]
    return _number(calibration_error(np.concatenate(cells["y_true"].tolist()), np.concatenate(calibrated)))


def _of_two(positive: Sequence[float]) -> NDArray[np.float64]:
    """Probabilities of shape (n, 2) from those of class 1."""
    return np.column_stack([1 - np.asarray(positive), np.asarray(positive)])


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

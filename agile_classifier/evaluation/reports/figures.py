"""Figures of an evaluation, a drift page and a study: drawn once, shown as inline SVG or as PNG."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from agile_classifier.evaluation.many_classes import MOST_SHOWN, fold_others
from agile_classifier.evaluation.reports.drawing import (
    PALETTE,
    SERIES,
    add_legend,
    new_plot,
    new_square,
    shorten,
    styled,
)
from agile_classifier.metrics.metrics import DecisionThreshold

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BINS = [step / 20 for step in range(21)]
"""Edges of a histogram of probabilities."""
FEWEST_IN_BIN, MOST_BINS = 15, 10
"""Fewest texts in a bin, and most bins, of a reliability diagram."""
CHANCE: dict[str, Any] = {"color": PALETTE["muted"], "linewidth": 0.8, "linestyle": (0, (2, 3))}
MARKED: dict[str, Any] = {"color": PALETTE["ink"], "linewidth": 1, "linestyle": (0, (4, 3))}


@styled
def draw_roc(*, y_true: Ints, models: Mapping[str, Floats], class_names: Sequence[str]) -> Figure:
    """ROC curves: of two classes one for each model, of more one for each class, or label, of the first model.

    Parameters
    ----------
    y_true : array of shape (n,), or of several labels (n, n_labels)
    models : mapping of names to arrays of shape (n, n_classes)
        The model in question first. A model that gives every text the same score has no curve and is left out.
    """
    figure, axes = new_square("share of other texts flagged (false positive rate)", "share found (true positive rate)")
    axes.plot([0, 1], [0, 1], label="guessing", **CHANCE)
    for name, positive, score, style in _curves(y_true, models, class_names):
        false_rate, true_rate, _ = roc_curve(positive, score)
        axes.plot(false_rate, true_rate, label=name, **style)
    add_legend(axes, "lower right")
    return figure


@styled
def draw_precision_recall(*, y_true: Ints, models: Mapping[str, Floats], class_names: Sequence[str]) -> Figure:
    """Precision against recall, with the parameters of `draw_roc`; dotted, for two classes, the share of class 1."""
    figure, axes = new_square("share found (recall)", "share right among flagged (precision)")
    if len(class_names) == 2 and y_true.ndim == 1:
        axes.axhline(float(np.mean(y_true == 1)), label="guessing", **CHANCE)
    for name, positive, score, style in _curves(y_true, models, class_names):
        precision, recall, _ = precision_recall_curve(positive, score)
        axes.plot(recall, precision, label=name, drawstyle="steps-post", **style)
    add_legend(axes, "lower left")
    return figure


@styled
def draw_confusion(*, counts: Ints, class_names: Sequence[str]) -> Figure:
    """Confusion matrix: rows are the truth, colour and percentage the share of the row.

    Of many classes those that take part in most errors, and one row for the others.

    Parameters
    ----------
    counts : array of shape (n_classes, n_classes)
    """
    counts, class_names = fold_others(counts, class_names)
    n_classes = len(class_names)
    side = float(np.clip(1.9 + 0.45 * n_classes, 3.4, 11))
    figure, axes = new_plot(max(side, 4.6), side)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for (row, column), value in np.ndenumerate(share):
        corner, alpha = (column - 0.48, row - 0.48), 0.06 + 0.9 * value
        axes.add_patch(Rectangle(corner, 0.96, 0.96, color=SERIES[0], alpha=alpha, linewidth=0))
        if n_classes <= 12:
            cell = f"{counts[row, column]}\n{value:.0%}" if n_classes <= 6 else f"{counts[row, column]}"
            axes.text(column, row, cell, ha="center", va="center", color=PALETTE["paper" if value > 0.5 else "ink"])
    names = [shorten(name) for name in class_names]
    turned: dict[str, Any] = {"rotation": 45, "ha": "right"} if n_classes > 3 else {}
    axes.set_xticks(range(n_classes), names, **turned)
    axes.set_yticks(range(n_classes), names)
    axes.set(xlim=(-0.5, n_classes - 0.5), ylim=(n_classes - 0.5, -0.5), xlabel="predicted", ylabel="truth")
    axes.tick_params(length=0, colors=PALETTE["ink"])
    axes.spines[:].set_visible(False)
    return figure


@styled
def draw_scores(
    *, y_true: Ints, y_score: Floats, y_pred: Ints, decision_threshold: DecisionThreshold, class_names: Sequence[str]
) -> Figure:
    """How probabilities are spread: of class 1 by truth; of more, of the predicted class by right and wrong."""
    figure, axes = new_plot(4.6, 3.4)
    if len(class_names) == 2:
        shown, label = y_score[:, 1], f"probability of {shorten(class_names[1])}"
        parts = {f"truth: {shorten(name)}": y_true == place for place, name in enumerate(class_names)}
        cut = decision_threshold if isinstance(decision_threshold, float) else 0.5
        axes.axvline(cut, label=f"decision threshold {cut:.2f}", **MARKED)
    else:
        shown, label = y_score.max(axis=1), "probability of the predicted class"
        parts = {"wrong": y_pred != y_true, "right": y_pred == y_true}
    for (name, rows), colour in zip(parts.items(), (SERIES[1], SERIES[0]), strict=True):
        axes.hist(shown[rows], bins=BINS, color=colour, alpha=0.5, label=f"{name} ({rows.sum()})")
    axes.set(xlim=(0, 1), xlabel=label, ylabel="test texts")
    axes.grid(axis="y")
    add_legend(axes, "best")
    return figure


@styled
def draw_reliability(*, y_true: Ints, y_score: Floats, class_names: Sequence[str]) -> Figure:
    """Reliability diagram: stated probability against the share of hits, in bins of equally many texts.

    With Wilson's 95 % intervals; on the diagonal the probabilities hold. Of two classes it is the probability of class
    1 and its share, of more the probability of the predicted class and the share right.
    """
    if len(class_names) == 2:
        stated, is_hit = y_score[:, 1], y_true == 1
        names = (f"probability of {shorten(class_names[1])}", "share that is")
    else:
        stated, is_hit = y_score.max(axis=1), y_score.argmax(axis=1) == y_true
        names = ("probability of the predicted class", "share right")
    figure, axes = new_square(*names)
    axes.plot([0, 1], [0, 1], label="probabilities that hold", **CHANCE)
    bins = np.array_split(np.argsort(stated, kind="stable"), int(np.clip(len(stated) // FEWEST_IN_BIN, 1, MOST_BINS)))
    for rows in bins:
        low, high = binomtest(int(is_hit[rows].sum()), len(rows)).proportion_ci(method="wilson")
        axes.plot([stated[rows].mean()] * 2, [low, high], color=SERIES[0], linewidth=1)
    points = [(stated[rows].mean(), is_hit[rows].mean()) for rows in bins]
    axes.plot(*zip(*points, strict=True), color=SERIES[0], marker="o", markersize=4, linewidth=1.6, label="this model")
    add_legend(axes, "upper left")
    return figure


@styled
def draw_training(
    *, history: Sequence[Mapping[str, float]], metrics: Mapping[str, str], best_epoch: float | None
) -> Figure:
    """Loss on train and validation beside validation metrics, over the epochs.

    Parameters
    ----------
    history : sequence of rows
        `epoch`, `train_loss` and, where there is a validation part, `validation_loss` and other `validation_…`.
    metrics : mapping
        Columns to draw beside the losses, each with its title.
    best_epoch : float or None
        Marked by a vertical line.
    """
    figure = Figure(figsize=(9.4, 2.9), layout="constrained")
    panels: list[tuple[str, dict[str, str]]] = [("loss", {"train_loss": "train", "validation_loss": "validation"})]
    held = {column: title for column, title in metrics.items() if any(column in row for row in history)}
    panels += [("validation", held)] if held else []
    for axes, (title, columns) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for (column, name), colour in zip(columns.items(), SERIES, strict=False):
            points = [(row["epoch"], row[column]) for row in history if column in row]
            if points:
                axes.plot(*zip(*points, strict=True), color=colour, marker="o", markersize=3, linewidth=1.6, label=name)
        if best_epoch is not None:
            axes.axvline(best_epoch, label="chosen", **MARKED)
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y")
        axes.legend(ncols=len(columns) + 1, borderpad=0, handlelength=1.2, loc="lower right", bbox_to_anchor=(1, 1))
    return figure


@styled
def draw_intervals(*, rows: Sequence[tuple[str, float, float, float]], label: str) -> Figure:
    """One metric of each model as a point with its 95 % interval, the model in question first and in colour.

    Parameters
    ----------
    rows : sequence of (name, value, low, high)
    """
    figure, axes = new_plot(9.4, 0.75 + 0.36 * len(rows))
    for place, (_, value, low, high) in enumerate(rows):
        colour = PALETTE["muted"] if place else SERIES[0]
        axes.plot([low, high], [place, place], color=colour, linewidth=5, alpha=0.35, solid_capstyle="round")
        axes.plot([value], [place], color=colour, marker="o", markersize=7, linestyle="none")
        axes.annotate(f"{value:.3f}", (value, place), (0, 6), textcoords="offset points", ha="center", fontsize=8.5)
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows])
    axes.set(ylim=(len(rows) - 0.5, -0.7), xlabel=f"{label}, with its 95 % interval")
    axes.tick_params(axis="y", length=0, labelcolor=PALETTE["ink"])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    return figure


@styled
def draw_costs(*, points: Sequence[tuple[str, float, float, float, float]], label: str) -> Figure:
    """A metric with its 95 % interval against what training took, a point and a name for each, best first.

    Parameters
    ----------
    points : sequence of (name, CPU-seconds above 0, value, low, high)
    """
    figure, axes = new_plot(9.4, 4.4)
    for place, (name, seconds, value, low, high) in enumerate(points):
        colour = PALETTE["muted"] if place else SERIES[0]
        axes.plot([seconds, seconds], [low, high], color=colour, linewidth=4, alpha=0.3, solid_capstyle="round")
        axes.plot([seconds], [value], color=colour, marker="o", markersize=6, linestyle="none")
        side = 5 if place % 2 else -12  # neighbours in quality, whose names would else cover each other
        axes.annotate(name, (seconds, value), (7, side), textcoords="offset points", fontsize=8.5, color=PALETTE["ink"])
    costs = [seconds for _, seconds, *_ in points]
    axes.set(xlabel="CPU-seconds of training, all cores together", ylabel=label, xscale="log")
    axes.set_xlim(min(costs) / 1.5, max(costs) * 30)  # room for the names
    axes.xaxis.set_major_formatter("{x:g}")  # text stays text: no formula
    axes.grid()
    return figure


@styled
def draw_learning_curves(
    *,
    curves: Mapping[str, tuple[Sequence[int], Sequence[float], Callable[[float], tuple[float, float]] | None]],
    label: str,
) -> Figure:
    """A metric against the number of training examples, with a fitted curve and its 95 % band where there is one.

    Parameters
    ----------
    curves : mapping of names to (sizes, means, function of a size to the expected metric and half its band, or None)
    """
    figure, axes = new_plot(9.4, 4.0)
    largest = max(max(sizes) for sizes, _, _ in curves.values())
    for (name, (sizes, means, at)), colour in zip(curves.items(), itertools.cycle(SERIES), strict=False):
        axes.plot(sizes, means, color=colour, marker="o", markersize=4, linewidth=0 if at else 1.2, label=name)
        if at:
            grid = np.geomspace(min(sizes), 1.5 * largest, 60)
            found = np.asarray([at(size) for size in grid])  # (60, 2)
            axes.plot(grid, found[:, 0], color=colour, linewidth=1.6)
            axes.fill_between(
                grid, found[:, 0] - found[:, 1], found[:, 0] + found[:, 1], color=colour, alpha=0.12, linewidth=0
            )
    axes.set(xlabel="training examples", ylabel=label, xscale="log")
    sizes = sorted({size for found, _, _ in curves.values() for size in found})
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.grid(axis="y")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), borderpad=0)
    return figure


def _curves(
    y_true: Ints, models: Mapping[str, Floats], class_names: Sequence[str]
) -> list[tuple[str, NDArray[np.bool_], Floats, dict[str, Any]]]:
    """Name, positives (n,), score (n,) and line style of every curve that can be drawn.

    Of many classes those that are told apart worst. Several labels have a table of truth, of shape (n, n_labels).
    """
    is_binary = len(class_names) == 2 and y_true.ndim == 1
    if is_binary:
        lines = [(name, y_true == 1, score[:, 1]) for name, score in models.items()]
    else:
        first = next(iter(models.values()))
        truth = y_true if y_true.ndim == 2 else y_true[:, None] == np.arange(len(class_names))
        lines = [(shorten(name), truth[:, place] == 1, first[:, place]) for place, name in enumerate(class_names)]
    lines = [line for line in lines if line[1].any() and np.ptp(line[2])]
    if len(lines) > MOST_SHOWN:
        lines = sorted(lines, key=lambda line: float(roc_auc_score(line[1], line[2])))[:MOST_SHOWN]
    if len(lines) > len(SERIES):
        return [("", *line[1:], {"color": SERIES[0], "alpha": 0.35, "linewidth": 0.9}) for line in lines]
    widths = [2.2] + [1.3] * len(SERIES) if is_binary else [1.6] * len(SERIES)
    styles = [{"color": colour, "linewidth": width} for colour, width in zip(SERIES, widths, strict=False)]
    return [(*line, style) for line, style in zip(lines, styles, strict=False)]

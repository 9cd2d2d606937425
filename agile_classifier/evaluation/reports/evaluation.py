"""Report: one self-contained HTML page that says, to someone who did not build it, how good this classifier is.

The verdict stands first, in words; the numbers, curves and errors behind it follow. The page needs no network and no
scripts. Texts are hostile input: everything is escaped, and a content security policy forbids the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from agile_classifier.evaluation.evasion.measure import worst_flip_rate
from agile_classifier.evaluation.many_classes import MOST_SHOWN, ClassRow, worst_classes
from agile_classifier.evaluation.reports.bands import draw_bands, show_bands
from agile_classifier.evaluation.reports.drawing import to_svg
from agile_classifier.evaluation.reports.figures import (
    draw_confusion,
    draw_intervals,
    draw_precision_recall,
    draw_reliability,
    draw_roc,
    draw_scores,
    draw_training,
)
from agile_classifier.evaluation.reports.groups import describe_groups, draw_groups
from agile_classifier.evaluation.reports.inputs import ReportInput
from agile_classifier.evaluation.reports.page import UNDECIDED, fill, list_facts, without_direction
from agile_classifier.evaluation.score_tables import list_as_good
from agile_classifier.evaluation.slices import SLICE_METRICS, Slice
from agile_classifier.evaluation.titles import METRICS
from agile_classifier.metrics.bootstrap import PairedDifference
from agile_classifier.metrics.calibration import Floats, Ints, calibration_error
from agile_classifier.metrics.metrics import DecisionThreshold, confusion, predict

TEMPLATE = Path(__file__).with_suffix(".html.j2")
HEADLINE = ("roc_auc", "f1", "accuracy")
"""Metrics in the verdict and over the epochs, beside the one that the verdict rests on."""
WORST_ERRORS = 20
"""Wrong predictions shown, at most, and texts that were cut."""
TEXT_LENGTH = 600
"""Characters shown of a text."""
MEANINGS = {
    "roc_auc": "chance that a text of the class ranks above another; 0.5 is guessing",
    "pr_auc": "precision, averaged over all recalls",
    "f1": "balance of precision and recall",
    "f1_macro": "F1 of each class, averaged",
    "f1_micro": "F1 of all predictions together: here, the accuracy",
    "accuracy": "share of texts with the right class",
    "precision": "share right among the texts flagged",
    "recall": "share flagged among the texts of the class",
    "brier": "squared error of the probabilities; lower is better",
}
"""Metrics of the result table, in its order."""


@dataclass(frozen=True)
class Verdict:
    """The first thing a reader sees."""

    level: str
    """`good`, `unclear` or `bad`: the colour of the page's head."""
    headline: str
    sentences: tuple[str, ...]


def render_report(report: ReportInput) -> str:
    """The page, as HTML. The same input gives the same bytes.

    Raises
    ------
    jinja2.UndefinedError
        The template asks for what is not there: a defect, never an input.
    """
    report = replace(report, class_names=[without_direction(name) for name in report.class_names])
    chosen = report.results[0]
    repeated = {"f1"} if len(report.class_names) > 2 else set[str]()  # of more than two classes it is f1_macro
    small = [part for part in report.review.slices if part.is_small]
    shown = [name for name in MEANINGS if name in chosen.metrics and name not in repeated]
    return fill(
        TEMPLATE,
        report=report,
        chosen=chosen,
        undecided=f"{UNDECIDED}{list_facts(report.about)}",
        verdict=decide_verdict(report),
        titles=METRICS,
        meanings=MEANINGS,
        shown=sorted(shown, key=lambda name: name != report.metric),
        headline=dict.fromkeys((report.metric, *HEADLINE)),
        figures={name: to_svg(figure, label=label) for name, (label, figure) in _figures(report).items()},
        worst=worst_errors(report),
        slice_metrics=SLICE_METRICS,
        slices=[part for part in report.review.slices if not part.is_small],
        small=small,
        small_sentence=describe_small(small),
        suspects=[
            {"text": shorten_text(found.text), "label": report.class_names[found.label], "given": found.given}
            for found in (report.review.suspects.listed if report.review.suspects else ())
        ],
        cut_texts=[shorten_text(report.texts[row]) for row in report.review.cut[:WORST_ERRORS]],
        calibration_error=calibration_error(report.y_true, chosen.y_score),
        most_shown=MOST_SHOWN,
        worst_classes=_worst_classes(report),
        **show_bands(report.banding),
        groups=None if report.groups is None else describe_groups(report.groups),
        worst_flip_rate=worst_flip_rate(report.evasion),
    )


def decide_verdict(report: ReportInput) -> Verdict:
    """What the paired differences say about the chosen checkpoint, in plain words.

    `good`: better than every baseline beyond noise. `bad`: worse than one beyond noise. `unclear`: all else, also where
    nothing was compared.
    """
    found = report.differences
    worse = [name for name, difference in found.items() if difference.high < 0]
    as_good = list_as_good(found)
    closest = sorted(found.items(), key=lambda item: item[1].difference)[:1]  # of the others the table tells
    sentences = (*_in_plain_words(report), *(_compared(name, difference) for name, difference in closest))
    if not found:
        return Verdict("unclear", "Not compared with any baseline", sentences)
    if worse:
        return Verdict("bad", f"Worse than {_listed(worse)}", sentences)
    if as_good:
        return Verdict("unclear", f"A simpler model is as good, within noise: {_listed(as_good)}", sentences)
    return Verdict("good", f"Better than {_listed(list(found))}", sentences)


def wrong_rows(y_true: Ints, y_score: Floats, decision_threshold: DecisionThreshold) -> list[int]:
    """Test rows that are predicted wrongly, the most confident first, at most `WORST_ERRORS`.

    With several labels a row is wrong where one of its labels is, and the most confident of those counts.
    """
    is_wrong = predict(y_score, decision_threshold) != y_true
    if y_true.ndim == 2:
        right = np.where(y_true == 1, y_score, 1 - y_score)  # probability of the truth of each label
        least = np.where(is_wrong, right, np.inf).min(axis=1)
        wrong, given = np.flatnonzero(is_wrong.any(axis=1)), least[is_wrong.any(axis=1)]
    else:
        wrong = np.flatnonzero(is_wrong)
        given = y_score[wrong, y_true[wrong]]  # (n_wrong,)
    return [int(row) for row in wrong[np.argsort(given, kind="stable")[:WORST_ERRORS]]]


def worst_errors(report: ReportInput) -> list[dict[str, Any]]:
    """Wrong predictions of the chosen checkpoint, as `wrong_rows` orders them.

    Returns
    -------
    list of dict
        `text` (cut), `truth`, `predicted` (class names), `given`, the probability that the true class was given, and
        `neighbours`, train texts near to it (`text`, cut, and `label`, a class name): called like the truth they say a
        hard case, called like the prediction, perhaps a wrong label. And `explanation`, what its words did, or None.
    """
    chosen, names = report.results[0], report.class_names
    y_pred = predict(chosen.y_score, chosen.decision_threshold)
    return [
        {
            "text": shorten_text(report.texts[row]),
            "truth": names[report.y_true[row]],
            "predicted": names[y_pred[row]],
            "given": float(chosen.y_score[row, report.y_true[row]]),
            "explanation": report.review.explained.get(row),
            "neighbours": [
                {"text": shorten_text(near.text), "label": names[near.label]}
                for near in report.review.neighbours.get(row, ())
            ],
        }
        for row in wrong_rows(report.y_true, chosen.y_score, chosen.decision_threshold)
    ]


def describe_small(slices: Sequence[Slice]) -> str:
    """What the slices of few texts are, as the line that they are folded under; empty where there are none.

    >>> few = [Slice(f"group {n}", n, 1, {}, {}) for n in (5, 13)]
    >>> describe_small(few), describe_small(few[:1])
    ('2 groups of 5 to 13 texts say little', '1 group of 5 texts says little')
    """
    if not slices:
        return ""
    what = "group" if all(part.name.startswith("group ") for part in slices) else "slice"
    least, most = min(part.n for part in slices), max(part.n for part in slices)
    size = f"{least} to {most}" if least < most else f"{least}"
    texts = "text" if most == 1 else "texts"
    if len(slices) == 1:
        return f"1 {what} of {size} {texts} says little"
    return f"{len(slices)} {what}s of {size} {texts} say little"


def _in_plain_words(report: ReportInput) -> list[str]:
    metrics, names = report.results[0].metrics, report.class_names
    if report.y_true.ndim == 2:
        return [
            f"Of 100 texts that it gives a label, {_hundred(metrics['precision'])} carry it; of 100 that carry it, it"
            f" finds {_hundred(metrics['recall'])}: means over {len(names)} labels."
        ]
    if len(names) > 2:
        return [f"Of 100 texts, {_hundred(metrics['accuracy'])} get the right one of {len(names)} classes."]
    return [
        f"Of 100 texts it calls “{names[1]}”, {_hundred(metrics['precision'])} are;"
        f" of 100 that are, it finds {_hundred(metrics['recall'])}.",
        f"Given one “{names[1]}” text and one “{names[0]}” text, it tells which is which"
        f" {_hundred(metrics['roc_auc'])} times in 100.",
    ]


def _compared(name: str, found: PairedDifference) -> str:
    return (
        f"Gain over {name}, the strongest baseline, on the same {found.n} texts:"
        f" {found.difference:+.3f} {METRICS[found.metric]} (95 % interval {found.low:+.3f} to {found.high:+.3f})."
    )


def _worst_classes(report: ReportInput) -> list[ClassRow]:
    """List the classes that are found worst, where there are more than two."""
    if len(report.class_names) == 2:
        return []
    chosen, names = report.results[0], report.class_names
    y_pred = predict(chosen.y_score, chosen.decision_threshold)
    counts = confusion(y_true=report.y_true, y_pred=y_pred, n_classes=len(names))
    return worst_classes(counts, names, n_train=report.parts.get("train", [0] * len(names)))


def _figures(report: ReportInput) -> dict[str, tuple[str, Figure]]:
    """What a screen reader says of each figure, and the figure."""
    chosen, names, y_true = report.results[0], report.class_names, report.y_true
    cut = chosen.decision_threshold
    y_pred = predict(chosen.y_score, cut)
    models = {result.name: result.y_score for result in report.results}
    counts = confusion(y_true=y_true, y_pred=y_pred, n_classes=len(names))
    with_interval = [
        (result.name, result.metrics[report.metric], *result.intervals[report.metric])
        for result in report.results
        if report.metric in result.intervals
    ]
    figures = {
        "roc": ("ROC curves", draw_roc(y_true=y_true, models=models, class_names=names)),
        "pr": ("precision-recall curves", draw_precision_recall(y_true=y_true, models=models, class_names=names)),
        "confusion": ("confusion matrix", draw_confusion(counts=counts, class_names=names)),
        "scores": (
            "histogram of probabilities",
            draw_scores(
                y_true=y_true, y_score=chosen.y_score, y_pred=y_pred, class_names=names,
                decision_threshold=None if isinstance(cut, tuple) else cut,
            ),
        ),
        "reliability": (
            "reliability diagram", draw_reliability(y_true=y_true, y_score=chosen.y_score, class_names=names),
        ),
    }  # fmt: skip
    if with_interval:
        figures["intervals"] = ("intervals", draw_intervals(rows=with_interval, label=METRICS[report.metric]))
    if report.history:
        metrics = {f"validation_{name}": METRICS[name] for name in dict.fromkeys((report.metric, *HEADLINE))}
        training = draw_training(history=report.history, metrics=metrics, best_epoch=report.best_epoch)
        figures["training"] = ("training curves", training)
    figures |= draw_bands(report.banding)
    if report.groups is not None and report.groups.judged:
        figures["groups"] = ("areas of each group with intervals", draw_groups(report.groups))
    return figures


def _hundred(share: float) -> str:
    return f"{100 * share:.0f}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def shorten_text(text: str) -> str:
    """A text as a page shows it, of `TEXT_LENGTH` characters at most."""
    return text if len(text) <= TEXT_LENGTH else f"{text[:TEXT_LENGTH]}…"

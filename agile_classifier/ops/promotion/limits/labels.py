"""Several labels at the gate: the mean decides, and the worst label can refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.config.labels.limits import LabelLimits
from agile_classifier.metrics.bootstrap import PairedDifference
from agile_classifier.metrics.comparison import Answers, compare
from agile_classifier.metrics.metrics import evaluate_scores, part_tasks
from agile_classifier.ops.promotion.gate import Limit

Ints = NDArray[np.int64]


def compare_labels(
    y_true: Ints, candidate: Answers, comparator: Answers, *, names: Sequence[str], metric: str
) -> dict[str, PairedDifference]:
    """Paired difference on each of several labels, as of classifiers of two classes; empty where a text has one class.

    Labels that no row carries, or every one, are left out.

    Parameters
    ----------
    y_true : array of shape (n, n_labels)
    """
    if y_true.ndim == 1:
        return {}
    ours, theirs = (part_tasks(y_true, who.y_score, who.threshold) for who in (candidate, comparator))
    return {
        name: compare(truth, Answers(new, cut), Answers(*old[1:]), metrics=[metric])[metric]
        for name, (truth, new, cut), old in zip(names, ours, theirs, strict=True)
        if len(np.unique(truth)) == 2
    }


def limit_label_losses(differences: Mapping[str, PairedDifference], limits: LabelLimits) -> Iterator[Limit]:
    """A limit for each label: no loss beyond noise that is larger than allowed."""
    for name, found in differences.items():
        yield Limit(
            what=f"the upper end of its difference in {found.metric} on label {name!r}",
            value=found.high,
            at_least=-limits.largest_loss,
        )


def limit_worst(
    y_true: Ints, answers: Callable[[], Answers], *, names: Sequence[str], settings: PromotionConfig
) -> Iterator[Limit]:
    """Limit of the worst of several labels, where the config sets one; `answers` is asked only then.

    Labels that no row carries, or every one, tell nothing, and are left out.
    """
    least, metric = settings.labels.least, settings.metric
    if y_true.ndim == 1 or least is None:
        return
    tasks = part_tasks(y_true, answers().y_score, answers().threshold)
    measured = {
        name: evaluate_scores(y_true=truth, y_score=score, decision_threshold=cut)[metric]
        for name, (truth, score, cut) in zip(names, tasks, strict=True)
        if len(np.unique(truth)) == 2
    }
    worst = min(measured, key=lambda name: measured[name])
    yield Limit(what=f"its {metric} on its worst label, {worst!r},", value=measured[worst], at_least=least)

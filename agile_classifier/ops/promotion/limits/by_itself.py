"""Limits that a candidate must keep by itself: calibration, parity, size, latency, and its worst label."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.metrics.calibration import calibration_error
from agile_classifier.metrics.comparison import Answers
from agile_classifier.ops.promotion.gate import Limit
from agile_classifier.ops.promotion.limits.labels import limit_worst
from agile_classifier.ops.promotion.measured_version import MeasuredVersion


def limit_candidate(
    candidate: MeasuredVersion,
    y_true: NDArray[np.int64],
    answers: Callable[[], Answers],
    texts: list[str],
    settings: PromotionConfig,
) -> Iterator[Limit]:
    """The limits that the config sets; only those are measured, and `answers` is asked only where one needs it.

    Parameters
    ----------
    y_true : array of shape (n,) or (n, n_labels)
        Truth of the texts.
    """
    ways: dict[str, tuple[str, Callable[[], float | None]]] = {
        "calibration_limit": ("its calibration error", lambda: calibration_error(y_true, answers().y_score)),
        "parity_limit": ("the largest change of a probability by reloading", candidate.parity_error),
        "size_limit": ("its size in MB", candidate.megabytes),
        "latency_limit": ("its median time for one text in ms", lambda: candidate.milliseconds(texts)),
    }
    for field, (what, measure) in ways.items():
        if (limit := getattr(settings, field)) is not None:
            yield Limit(what=what, value=measure(), at_most=limit)
    yield from limit_worst(y_true, answers, names=candidate.class_names, settings=settings)

"""Test rows since the champion: how candidate and champion do on those that are new since then, and on the old ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from agile_classifier.metrics.bootstrap import bootstrap_intervals
from agile_classifier.metrics.comparison import Answers
from agile_classifier.metrics.metrics import evaluate_scores

NEW, OLD = "new", "old"


class Figure(BaseModel):
    """A metric of one model on some rows, with its 95 % interval."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    value: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """The metric with its interval, as a sentence states them."""
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


class RowsApart(BaseModel):
    """Candidate and champion on some of the compared rows."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    n_rows: int
    metric: str
    """Metric of the figures: `promotion.metric`."""
    candidate: Figure | None = None
    """None where the rows are too few, or of one class."""
    champion: Figure | None = None
    """None where the rows are too few, or of one class."""

    @property
    def words(self) -> str:
        """Clause that states both figures, or that there are none."""
        if self.candidate is None or self.champion is None:
            return "too few for figures"
        return f"{self.metric} {self.candidate.words} for it, {self.champion.words} for the champion"


def measure_apart(
    y_true: NDArray[np.int64],
    candidate: Answers,
    champion: Answers,
    *,
    is_new: NDArray[np.bool_],
    metric: str,
    min_rows: int,
) -> dict[str, RowsApart]:
    """Measure both models on the new and on the old rows, where there are any; `new` or `old` → what was found.

    Parameters
    ----------
    is_new : array of shape (n,)
        Whether a row is new since the champion.
    min_rows : int
        Fewer rows are counted alone.
    """
    found = {}
    for name, rows in {NEW: is_new, OLD: ~is_new}.items():
        n_rows = int(rows.sum())
        can_measure = n_rows >= min_rows and len(np.unique(y_true[rows], axis=0)) > 1
        models = {"candidate": candidate, "champion": champion} if can_measure else {}
        figures = {who: _measure(y_true[rows], model.on(rows), metric) for who, model in models.items()}
        if n_rows:
            found[name] = RowsApart(n_rows=n_rows, metric=metric, **figures)
    return found


def tell_apart(n_new: int, n_rows: int, apart: Mapping[str, RowsApart], *, champion: str) -> str:
    """Sentence that says how many of the compared rows are new since the champion, and how both do on them."""
    share = "None" if not n_new else "All" if n_new == n_rows else str(n_new)
    opening = f"{share} of these rows {'is' if n_new in (0, 1) else 'are'} new since champion {champion}"
    figures = [f"{title}: {apart[name].words}" for name, title in {NEW: "new", OLD: "old"}.items() if name in apart]
    return f"{opening} ({'; '.join(figures)})." if figures else f"{opening}."


def _measure(y_true: NDArray[np.int64], answers: Answers, metric: str) -> Figure:
    y_score, threshold = answers.y_score, answers.threshold
    drawn = bootstrap_intervals(y_true=y_true, y_score=y_score, decision_threshold=threshold, metrics=[metric], seed=0)
    value = evaluate_scores(y_true=y_true, y_score=y_score, decision_threshold=threshold)[metric]
    return Figure(value=value, low=drawn[metric][0], high=drawn[metric][1])

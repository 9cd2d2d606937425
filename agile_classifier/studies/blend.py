"""Study blend: what an ensemble of several contenders is worth, from cells that are there already.

Each member's probabilities are calibrated on its own validation first, unless the blend says otherwise, since log odds on different scales have
no mean; then the decision threshold is chosen on the blend's own validation. Every seed of a contender is a member, so the blend of one contender
is the ensemble of its seeds; of a single cell it is that cell, calibrated and cut by validation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agile_classifier.errors import InputError
from agile_classifier.metrics.calibration import average_log_odds, fit_calibration
from agile_classifier.metrics.metrics import DEFAULT_THRESHOLD, evaluate_scores
from agile_classifier.metrics.thresholds import choose_decision_threshold
from agile_classifier.studies.file import Study

Floats = NDArray[np.float64]
FITTED_BY = "platt"
"""Two numbers a member: validation has a few hundred rows."""


def with_blends(study: Study, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of finished cells, and one of each blend for every place in the grid where all its members have theirs, of every seed.

    Raises
    ------
    InputError
        Members were judged on other rows.
    """
    known = [dict(row) for row in rows]
    wanted = {name: 1 if it.baseline else len(it.seeds or study.seeds) for name, it in study.contenders.items()}
    at: dict[tuple[Any, ...], dict[str, list[dict[str, Any]]]] = {}
    for row in known:
        at.setdefault((row["size"], row["split"]), {}).setdefault(row["contender"], []).append(row)
    blends = {name: contender for name, contender in study.contenders.items() if contender.blend}
    return known + [
        _blend(name, [row for member in contender.blend for row in found[member]], calibrate=contender.calibrate)
        for found in at.values()
        for name, contender in blends.items()
        if all(len(found.get(member, ())) == wanted[member] for member in contender.blend)
    ]


def _blend(name: str, members: Sequence[Mapping[str, Any]], *, calibrate: bool) -> dict[str, Any]:
    first = members[0]
    y_true, y_validation = np.asarray(first["y_true"]), np.asarray(first["y_true_validation"])
    can_fit = len(np.unique(y_validation)) > 1 and all(len(member["y_score_validation"]) for member in members)
    for part in ("y_true", *(("y_true_validation",) if can_fit else ())):
        if any(list(member[part]) != list(first[part]) for member in members):
            raise InputError(f"blend {name}: its members were judged on other rows; leave out what differs")
    said, on_validation = [], []
    for member in members:
        y_score = as_two(member["y_score"])
        if can_fit:
            validation = as_two(member["y_score_validation"])
            fitted = fit_calibration(FITTED_BY if calibrate else "none", y_true=y_validation, y_score=validation)
            y_score = fitted.apply(y_score)
            on_validation.append(fitted.apply(validation))
        said.append(y_score)
    blended = average_log_odds(*said)  # (n, 2)
    threshold = DEFAULT_THRESHOLD
    validation_score: list[float] = []
    if can_fit:
        positive = average_log_odds(*on_validation)[:, 1]
        validation_score = positive.tolist()
        threshold = choose_decision_threshold(
            y_true=y_validation, y_score_positive=positive, policy="best_f1", least=0.0, false_negative_cost=1.0
        )
    return {
        **first,
        **evaluate_scores(y_true=y_true, y_score=blended, decision_threshold=threshold),
        "contender": name,
        "decision_threshold": threshold,
        "y_score": blended[:, 1].tolist(),
        "y_true_validation": y_validation.tolist() if can_fit else [],
        "y_score_validation": validation_score,
        "train_seconds": sum(member["train_seconds"] for member in members),
        "seconds": sum(member["seconds"] for member in members),
        "key": "+".join(member["key"] for member in members),
    }


def as_two(positive: ArrayLike) -> Floats:
    """Probabilities of shape (n, 2) from those of class 1."""
    return np.column_stack([1 - np.asarray(positive, dtype=np.float64), np.asarray(positive, dtype=np.float64)])

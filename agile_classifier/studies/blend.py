"""Study blend: what an ensemble of several contenders is worth, from cells that are there already.

Each member's probabilities are calibrated on its own validation first, unless the blend says otherwise, since log odds
on different scales have no mean; then the decision threshold is chosen on the blend's own validation. Every seed of a
contender is a member, so the blend of one contender is the ensemble of its seeds; of a single cell it is that cell,
calibrated and cut by validation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agile_classifier.errors import InputError
from agile_classifier.metrics.calibration import average_log_odds, fit_calibration
from agile_classifier.metrics.metrics import DEFAULT_THRESHOLD, evaluate_scores
from agile_classifier.metrics.thresholds import choose_decision_threshold
from agile_classifier.studies.cells import Trial
from agile_classifier.studies.file import Contender, Study
from agile_classifier.studies.grid import Place

Floats = NDArray[np.float64]
FITTED_BY = "platt"
"""Two numbers a member: validation has a few hundred rows."""


@dataclass(frozen=True)
class Result:
    """A finished cell in its place of a study's grid, or a blend of such."""

    place: Place
    trial: Trial
    key: str
    """Key of the cell; of a blend, the keys of its members."""
    commit: str = ""


def with_blends(study: Study, results: Iterable[Result]) -> list[Result]:
    """Results of finished cells, and one of each blend wherever all its members have theirs, of every seed.

    Raises
    ------
    InputError
        Members were evaluated on other rows.
    """
    cells = list(results)
    n_cells = {name: 1 if it.baseline else len(it.seeds or study.seeds) for name, it in study.contenders.items()}
    by_split: dict[tuple[int | None, int], dict[str, list[Result]]] = {}
    for cell in cells:
        here = by_split.setdefault((cell.place.size, cell.place.split), {})
        here.setdefault(cell.place.contender, []).append(cell)
    blends = {name: contender for name, contender in study.contenders.items() if contender.blend}
    return cells + [
        _blend(name, contender, [cell for member in contender.blend for cell in here[member]])
        for here in by_split.values()
        for name, contender in blends.items()
        if all(len(here.get(member, ())) == n_cells[member] for member in contender.blend)
    ]


def _blend(name: str, contender: Contender, members: Sequence[Result]) -> Result:
    first, trials = members[0], [member.trial for member in members]
    trial = _average(name, trials, fitted_by=FITTED_BY if contender.calibrate else "none")
    place = first.place.model_copy(update={"contender": name})
    return Result(place, trial, "+".join(member.key for member in members), first.commit)


def _average(name: str, members: Sequence[Trial], *, fitted_by: str) -> Trial:
    first = members[0]
    if first.n_labels > 1:
        raise InputError(
            f"blend {name}: averages classifiers of two classes; of several labels model.members makes one"
        )
    y_true, y_validation = first.truth("test"), first.truth("validation")
    can_fit = len(np.unique(y_validation)) > 1 and all(member.y_score_validation for member in members)
    _require_same_rows(name, members, with_validation=can_fit)
    y_score = [member.score("test") for member in members]
    validation_score, threshold = list[float](), DEFAULT_THRESHOLD
    if can_fit:
        on_validation = [member.score("validation") for member in members]
        fitted = [fit_calibration(fitted_by, y_true=y_validation, y_score=score) for score in on_validation]
        y_score = [one.apply(score) for one, score in zip(fitted, y_score, strict=True)]
        on_validation = [one.apply(score) for one, score in zip(fitted, on_validation, strict=True)]
        positive = average_log_odds(*on_validation)[:, 1]
        validation_score = positive.tolist()
        threshold = choose_decision_threshold(
            y_true=y_validation, y_score_positive=positive, policy="best_f1", least=0.0, false_negative_cost=1.0
        )
    blended = average_log_odds(*y_score)  # (n, 2)
    changed = {
        "metrics": evaluate_scores(y_true=y_true, y_score=blended, decision_threshold=threshold),
        "decision_threshold": threshold,
        "y_score": blended[:, 1].tolist(),
        "y_true_validation": y_validation.tolist() if can_fit else [],
        "y_score_validation": validation_score,
        "train_seconds": sum(member.train_seconds for member in members),
        "cpu_seconds": _sum_known([member.cpu_seconds for member in members]),
        "seconds": sum(member.seconds for member in members),
    }
    return first.model_copy(update=changed)


def _sum_known(seconds: Sequence[float | None]) -> float | None:
    """Sum; None where one is not known."""
    known = [each for each in seconds if each is not None]
    return sum(known) if len(known) == len(seconds) else None


def _require_same_rows(name: str, members: Sequence[Trial], *, with_validation: bool) -> None:
    def rows(trial: Trial) -> tuple[list[int], list[int]]:
        return trial.y_true, trial.y_true_validation if with_validation else []

    if any(rows(member) != rows(members[0]) for member in members):
        raise InputError(f"blend {name}: its members were judged on other rows; leave out what differs")

"""Figures of the groups: one model on the texts that name a group, beside those that name others or none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict

from agile_classifier.metrics.bias import (
    AREAS,
    Area,
    Figure,
    Positive,
    Rates,
    has_rows,
    measure_areas,
    measure_rates,
)
from agile_classifier.metrics.comparison import Answers
from agile_classifier.metrics.metrics import Floats, Ints, predict

MIN_ROWS = 20
"""Positive and negative rows below which an area is said to say little, and the generalised mean leaves it out."""
GROUP, MEANS, WORST = "group/", "group_mean/", "group_worst/"
"""Beginnings of the names of metrics, which MLflow sorts behind the headline ones and folds away by the slash."""
_OTHER = re.compile(r"[^\w.\- ]")
"""Characters that MLflow has in no name of a metric, and the slash that parts it."""
LONGEST_NAME = 100
"""Longest name of a group within that of a metric, in characters."""


class GroupFigures(BaseModel):
    """Figures of one group."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    name: str
    rates: Rates
    """Number of its texts, and the errors on them at the decision threshold."""
    areas: dict[str, Area]
    """Subgroup, BPSN and BNSP AUC by name; one that lacks positive or negative texts is left out."""

    @property
    def is_small(self) -> bool:
        """Whether none of its areas rests on enough texts."""
        return not any(has_rows(area, MIN_ROWS) for area in self.areas.values())


class GroupReport(BaseModel):
    """Figures of every group, and of all texts beside them."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    positive: int
    """Index of the positive class: the one that a text suffers from being given."""
    positive_name: str
    overall: Figure
    """AUC of all texts, the positive class against the rest."""
    rates: Rates
    """Errors on all texts."""
    unnamed: Rates
    """Errors on the texts that are known to name no group."""
    groups: tuple[GroupFigures, ...]
    """Groups, the largest first."""
    means: dict[str, Figure]
    """Generalised mean of an area over the groups with `MIN_ROWS` positive and negative texts for it."""

    @property
    def judged(self) -> tuple[GroupFigures, ...]:
        """Groups with an area that rests on enough texts."""
        return tuple(group for group in self.groups if not group.is_small)

    def worst(self, area: str) -> GroupFigures | None:
        """The group with the least area of a kind, of those with enough texts; None where there is none."""
        judged = [group for group in self.groups if area in group.areas and has_rows(group.areas[area], MIN_ROWS)]
        return min(judged, key=lambda group: group.areas[area].area.value, default=None)

    def flat(self) -> dict[str, float]:
        """Metrics by flat names: `group/women/bpsn_auc`, …, `group_mean/bpsn_auc`, `group_worst/bpsn_auc`."""
        found = {f"{GROUP}{name}": value for group in self.groups for name, value in _flat(group)}
        found |= {f"{MEANS}{area}": mean.value for area, mean in self.means.items()}
        worst = {area: group for area in AREAS if (group := self.worst(area)) is not None}
        return found | {f"{WORST}{area}": group.areas[area].area.value for area, group in worst.items()}


def measure_groups(
    groups: Mapping[str, Floats],
    *,
    y_true: Ints,
    answers: Answers,
    positive: int,
    class_names: tuple[str, ...],
    n_resamples: int,
    seed: int,
) -> GroupReport:
    """Measure a model on every group.

    Parameters
    ----------
    groups : mapping of name to array of shape (n,)
        As `agile_classifier.evaluation.bias.groups.read_groups` reads them.
    y_true : array of shape (n,)
    positive : int
        Index of the class that counts as positive; all others together are negative.

    Raises
    ------
    InputError
        The rows hold one side alone.
    """
    seen = as_positive(y_true, answers, positive=positive)
    areas = measure_areas(seen, groups, min_rows=MIN_ROWS, n_resamples=n_resamples, seed=seed)
    figures = [
        GroupFigures(name=name, rates=measure_rates(seen, told == 1), areas=dict(areas.groups[name]))
        for name, told in groups.items()
    ]
    unnamed = np.all([told == 0 for told in groups.values()], axis=0)
    return GroupReport(
        positive=positive,
        positive_name=class_names[positive],
        overall=areas.overall,
        rates=measure_rates(seen, np.ones(len(y_true), dtype=bool)),
        unnamed=measure_rates(seen, unnamed),
        groups=tuple(sorted(figures, key=lambda group: -group.rates.n)),
        means=dict(areas.means),
    )


def as_positive(y_true: Ints, answers: Answers, *, positive: int) -> Positive:
    """Truth and answers on one class against the rest."""
    called = predict(answers.y_score, answers.threshold) == positive
    return Positive(y_true == positive, answers.y_score[:, positive], called)


def find_positive(positive: str | None, class_names: tuple[str, ...]) -> int:
    """Index of the positive class, which the config has named where there are more than two."""
    return 1 if positive is None else class_names.index(positive)


def as_metric_name(group: str) -> str:
    """A group's name as a part of a metric's, which MLflow reads as a path: no sign it refuses, and no `.` or `..`."""
    return _OTHER.sub("_", group)[:LONGEST_NAME].strip(". ") or "_"


def _flat(group: GroupFigures) -> Iterator[tuple[str, float]]:
    name, rates = as_metric_name(group.name), group.rates
    yield f"{name}/n", float(rates.n)
    for area, found in group.areas.items():
        yield f"{name}/{area}", found.area.value
    if rates.false_positive is not None:
        yield f"{name}/false_positive_rate", rates.false_positive.value
    if rates.false_negative is not None:
        yield f"{name}/false_negative_rate", rates.false_negative.value

"""Bands of a classifier: found on validation, then measured on test, with what each promise costs in automation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from agile_classifier.config.data_quality import DataQualityConfig
from agile_classifier.config.moderation.decision import BandsConfig
from agile_classifier.data.duplicates.copies import find_copies, join_groups
from agile_classifier.errors import GateRefused, InputError
from agile_classifier.evaluation.several.views import read_truth
from agile_classifier.metrics.bands import ANY_LABEL, RELEASE, REMOVE, REVIEW, Bands, is_removable
from agile_classifier.metrics.risk_control import ExactShare, Promised, fit_bands

PRECISIONS = (0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
"""Precisions whose price is told."""
MISS_RATES = (0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01)
"""Miss rates whose price is told."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Judged:
    """Rows that stand for themselves, with their probabilities before calibration."""

    y_true: Ints
    y_score: Floats


@dataclass(frozen=True)
class _Finder:
    """What finds bands: the validation rows, and the class or label that is removed."""

    validation: _Judged
    name: str
    number: int | None
    train: Ints
    """Truth of train, which tells how common the class is."""
    by_group: bool

    def find(self, promised: Promised) -> Bands:
        """Find the bands that keep what is promised."""
        bands = fit_bands(
            y_true=self.validation.y_true,
            y_score=self.validation.y_score,
            promised=promised,
            class_name=self.name,
            class_number=self.number,
            expected_share=float(is_removable(self.train, self.number).mean()),
        )
        return bands.model_copy(update={"by_group": self.by_group})


class OnTest(BaseModel):
    """What bands decided on test rows, each share with its exact 95 % interval."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    automated: ExactShare
    """Rows that were decided without a person, of all."""
    removed: ExactShare
    """Rows that were removed, of all."""
    released: ExactShare
    """Rows that were released, of all."""
    precision: ExactShare
    """Rows of the class, of those that were removed."""
    miss_rate: ExactShare
    """Released rows, of those of the class."""
    false_omission: ExactShare
    """Rows of the class, of those that were released."""


class Price(BaseModel):
    """What another level of one promise would give on test, all else the same."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    promise: Literal["precision", "miss_rate"]
    level: float
    is_asked: bool
    """Whether it is the level that was asked for."""
    is_kept: bool
    """Whether the promise can be made."""
    on_test: OnTest

    @property
    def measured(self) -> ExactShare:
        """What was promised, as it is on test."""
        return self.on_test.precision if self.promise == "precision" else self.on_test.miss_rate


class Banding(BaseModel):
    """Bands with what was measured of them."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    bands: Bands
    on_test: OnTest
    prices: tuple[Price, ...] = ()

    def flat(self) -> dict[str, float]:
        """What was measured on test by flat names: `test_automated`, `test_removed`, …; without what no row tells."""
        shares = {name: getattr(self.on_test, name) for name in OnTest.model_fields}
        names = {"precision": "removal_precision", "miss_rate": "release_miss_rate"}
        return {
            f"test_{names.get(name, name)}": share.value for name, share in shares.items() if share.value is not None
        }


def require_class(settings: BandsConfig, class_names: Sequence[str], *, several: bool = False) -> None:
    """Raise InputError where bands are asked for, and which class they remove is not plain."""
    refusal = settings.class_refusal(class_names, several=several)
    if refusal is not None:
        raise InputError(refusal)


def examine_bands(
    settings: BandsConfig,
    parts: Mapping[str, pd.DataFrame],
    y_score: Mapping[str, Floats],
    *,
    class_names: Sequence[str],
    several: bool = False,
    n_checkpoints: int,
) -> Banding | None:
    """Find the bands that are asked for on validation, and measure them on test; None where none are asked for.

    Parameters
    ----------
    parts : mapping
        `train`, which tells how common the class is, `validation` and `test`.
    y_score : mapping of `validation` and `test` to arrays of shape (n, n_classes)
        Probabilities before calibration.
    several : bool
        Whether a text may carry several of the classes, which are labels then.
    n_checkpoints : int
        Checkpoints among which validation has chosen.

    Raises
    ------
    InputError
        As `require_class`.
    GateRefused
        A promise cannot be made, and `decision.bands.unkept` is `refuse`.
    """
    if not settings.is_asked:
        return None
    require_class(settings, class_names, several=several)
    name, number = _choose_class(settings, class_names, several=several)
    by_group, n_labels = has_own_groups(parts["train"], parts["validation"]), len(class_names) if several else None
    finder = _Finder(
        _judge(parts["validation"], y_score["validation"], by_group=by_group, n_labels=n_labels),
        name=name,
        number=number,
        train=read_truth(parts["train"], n_labels=n_labels),
        by_group=by_group,
    )
    n_choices = settings.compared * n_checkpoints
    promised = Promised(settings.precision, settings.miss_rate, settings.confidence, n_choices=n_choices)
    bands = finder.find(promised)
    _refuse_unkept(bands, settings)
    test = _judge(parts["test"], y_score["test"], by_group=by_group, n_labels=n_labels)
    prices = tuple(_price(finder, promised, test))
    return Banding(bands=bands, on_test=measure_bands(bands, test.y_true, test.y_score), prices=prices)


def measure_bands(bands: Bands, y_true: Ints, y_score: Floats) -> OnTest:
    """Count what bands decide on labelled rows, by their probabilities before calibration."""
    return count_decisions(bands.decide(y_score), is_removable(y_true, bands.class_number))


def count_decisions(decided: NDArray[np.object_], is_positive: NDArray[np.bool_]) -> OnTest:
    """Count decisions on labelled rows.

    Parameters
    ----------
    decided : array of shape (n,)
        `release`, `review` or `remove`.
    is_positive : array of shape (n,)
        Whether a row is of the class that is removed.
    """

    def share(counted: NDArray[np.bool_], of: NDArray[np.bool_]) -> ExactShare:
        return ExactShare(k=int((counted & of).sum()), n=int(of.sum()))

    every, removed, released = np.ones(len(decided), dtype=bool), decided == REMOVE, decided == RELEASE
    return OnTest(
        automated=share(decided != REVIEW, every),
        removed=share(removed, every),
        released=share(released, every),
        precision=share(is_positive, removed),
        miss_rate=share(released, is_positive),
        false_omission=share(is_positive, released),
    )


def has_own_groups(train: pd.DataFrame, part: pd.DataFrame) -> bool:
    """Whether a part has groups that are not in train: the split keeps them whole, since new texts will be of others.

    Where a split is by rows, a part is a sample of all rows, and what it tells is of further texts of the same groups.
    """
    if "group" not in part or "group" not in train:
        return False
    groups = part["group"].dropna()
    return len(groups) > 0 and not groups.isin(train["group"]).any()


def choose_independent(part: pd.DataFrame, *, by_group: bool, seed: int = 0) -> Ints:
    """Positions of rows that stand for themselves: one, drawn at random, of near copies and of each group.

    Rows of one group say nearly the same, and a count of them would pass for more than it is.
    """
    unit = find_copies(list(part["text"]), similarity=DataQualityConfig().similarity).group
    if by_group and "group" in part:
        unit = join_groups(unit, _number_groups(part["group"]))
    drawn = np.random.default_rng(seed).permutation(len(part))
    _, first = np.unique(unit[drawn], return_index=True)
    return np.sort(drawn[first])


def _number_groups(group: pd.Series) -> Ints:
    """A number for each group, of shape (n,); a row without one has its own."""
    numbers, names = pd.factorize(group)
    free = numbers < 0
    numbers[free] = len(names) + np.arange(free.sum())
    return np.asarray(numbers, dtype=np.int64)


def _list_levels(promised: Promised) -> Iterator[tuple[Literal["precision", "miss_rate"], float]]:
    """Levels whose price is told, those that were asked for among them, the easiest first."""
    if promised.precision is not None:
        yield from (("precision", level) for level in sorted({*PRECISIONS, promised.precision}))
    if promised.miss_rate is not None:
        yield from (("miss_rate", level) for level in sorted({*MISS_RATES, promised.miss_rate}, reverse=True))


def _price(finder: _Finder, promised: Promised, test: _Judged) -> Iterator[Price]:
    """What each level of each promise that was asked for gives on test, the other one as it was asked for."""
    for promise, level in _list_levels(promised):
        is_precision = promise == "precision"
        other = replace(promised, precision=level) if is_precision else replace(promised, miss_rate=level)
        bands = finder.find(other)
        yield Price(
            promise=promise,
            level=level,
            is_asked=level == getattr(promised, promise),
            is_kept=_is_kept(bands, promise),
            on_test=measure_bands(bands, test.y_true, test.y_score),
        )


def _choose_class(settings: BandsConfig, class_names: Sequence[str], *, several: bool) -> tuple[str, int | None]:
    """Name and number of the class or label that is removed; without a number, texts of any label are."""
    if several and settings.class_name is None:
        return ANY_LABEL, None
    name = settings.class_name or class_names[1]
    return name, list(class_names).index(name)


def _judge(part: pd.DataFrame, y_score: Floats, *, by_group: bool, n_labels: int | None) -> _Judged:
    rows = choose_independent(part, by_group=by_group)
    return _Judged(read_truth(part, n_labels=n_labels)[rows], y_score[rows])


def _is_kept(bands: Bands, promise: str) -> bool:
    made = bands.removal if promise == "precision" else bands.release
    return made is not None and made.is_kept


def _refuse_unkept(bands: Bands, settings: BandsConfig) -> None:
    if settings.unkept == "refuse":
        for promise, sentence in zip(bands.promises, bands.sentences, strict=True):
            if not promise.is_kept:
                raise GateRefused(f"decision.bands: {sentence}; decision.bands.unkept refuses that, open allows it")

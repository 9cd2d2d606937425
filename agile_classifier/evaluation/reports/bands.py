"""Bands in a report: what is decided without a person, and what each point of a promise costs in automation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from agile_classifier.evaluation.bands import Banding, Price
from agile_classifier.evaluation.reports.drawing import SERIES, styled
from agile_classifier.evaluation.reports.figures import MARKED
from agile_classifier.evaluation.reports.page import without_direction

PROMISES = {"precision": "precision of removals, at least", "miss_rate": "miss rate, at most"}
"""Promise → what its levels are called."""


@dataclass(frozen=True)
class PricedLevel:
    """A level of a promise, and what one more point of it has cost."""

    price: Price
    cost: float | None
    """Points of automation lost for each point by which the level is stricter than the one before; None for the first
    and where a promise cannot be made."""


def show_bands(banding: Banding | None) -> dict[str, Any]:
    """What the section on bands shows; nothing without bands."""
    if banding is None:
        return {}
    bands = banding.bands
    return {
        "banded": {name: share.words for name, share in banding.on_test},
        "banded_predicate": without_direction(bands.predicate),
        "banded_texts": without_direction(bands.texts),
        "promises": [without_direction(sentence) for sentence in bands.sentences],
        "prices": list_prices(banding),
    }


def draw_bands(banding: Banding | None) -> dict[str, tuple[str, Figure]]:
    """What a screen reader says of the figure of the section, and the figure; none without bands."""
    if banding is None:
        return {}
    return {"bands": ("share decided without a person, by the level of each promise", draw_prices(banding))}


def list_prices(banding: Banding) -> dict[str, list[PricedLevel]]:
    """What the levels of each promise are called → its levels, the easiest first."""
    found = {title: [price for price in banding.prices if price.promise == name] for name, title in PROMISES.items()}
    return {title: list(_with_costs(prices)) for title, prices in found.items() if prices}


@styled
def draw_prices(banding: Banding) -> Figure:
    """Share decided without a person against the level of each promise, with its interval; dashed, what was asked."""
    listed = list_prices(banding)
    figure = Figure(figsize=(9.4, 3.0), layout="constrained")
    for axes, (title, levels) in zip(figure.subplots(1, len(listed), squeeze=False)[0], listed.items(), strict=True):
        prices = [each.price for each in levels]
        shares = [price.on_test.automated for price in prices]
        at, values = [price.level for price in prices], [share.value or 0.0 for share in shares]
        axes.vlines(at, [share.low for share in shares], [share.high for share in shares], color=SERIES[0], alpha=0.35)
        axes.plot(at, values, color=SERIES[0], marker="o", markersize=3.5, linewidth=1.6)
        axes.axvline(next(price.level for price in prices if price.is_asked), **MARKED)
        axes.set(xlabel=title, ylabel="decided without a person", ylim=(0, 1))
        axes.grid(axis="y")
    return figure


def _with_costs(prices: list[Price]) -> Iterator[PricedLevel]:
    for before, price in zip([None, *prices], prices, strict=False):
        yield PricedLevel(price, None if before is None else _cost(before, price))


def _cost(before: Price, price: Price) -> float | None:
    shares = before.on_test.automated.value, price.on_test.automated.value
    if not (before.is_kept and price.is_kept) or shares[0] is None or shares[1] is None:
        return None
    return (shares[0] - shares[1]) / abs(price.level - before.level)

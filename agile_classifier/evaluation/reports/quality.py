"""Quality page: one HTML page of precision and recall in service over time, with drift beside it. It holds no text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure as Drawing

from agile_classifier.evaluation.drift import Drift
from agile_classifier.evaluation.quality import Figure, Period, Quality
from agile_classifier.evaluation.reports.drawing import PALETTE, SERIES, add_legend, new_plot, shorten, styled, to_svg
from agile_classifier.evaluation.reports.drift import WORDS
from agile_classifier.evaluation.reports.page import fill

TEMPLATE = Path(__file__).with_suffix(".html.j2")
CLASSES_DRAWN = 2
"""Figures drawn over time: of more the table tells."""


def render(quality: Quality, drift: Drift) -> str:
    """The page, as HTML. The same input gives the same bytes."""
    return fill(
        TEMPLATE,
        quality=quality,
        drift=drift,
        level="bad" if quality.decay else "good" if _is_measured(quality) else "unclear",
        expected=[figure for figure in drift.expected if figure.expected is not None],
        words=WORDS,
        drawings=[
            {"title": title, "svg": to_svg(_over_time(quality.periods, title), label=f"{title} over time")}
            for title in _titles(quality)
        ],
    )


def _is_measured(quality: Quality) -> bool:
    return any(figure.value is not None for period in quality.periods for figure in period.figures)


def _titles(quality: Quality) -> list[str]:
    titles = dict.fromkeys(figure.title for period in quality.periods for figure in period.figures)
    return list(titles)[:CLASSES_DRAWN]


def _find(period: Period, title: str) -> Figure | None:
    return next((figure for figure in period.figures if figure.title == title), None)


@styled
def _over_time(periods: Sequence[Period], title: str) -> Drawing:
    """Estimates with their intervals, the test figure as a line, and what was expected as a hollow mark."""
    found = [(period, figure) for period in reversed(periods) if (figure := _find(period, title)) is not None]
    drawing, axes = new_plot(9.2, 2.6)
    places = range(len(found))
    told = [
        (place, figure.value, figure.low, figure.high)
        for place, (_, figure) in enumerate(found)
        if figure.value is not None
    ]
    for place, _, low, high in told:
        axes.plot([place, place], [low, high], color=SERIES[0], linewidth=1.6, solid_capstyle="round")
    axes.plot(
        [place for place, *_ in told], [value for _, value, *_ in told], "o", color=SERIES[0],
        label="by verdicts, 95 % interval" if told else None,
    )  # fmt: skip
    expected = [(place, figure.expected) for place, (_, figure) in enumerate(found) if figure.expected is not None]
    axes.plot(
        [place for place, _ in expected], [value for _, value in expected], "D", color=SERIES[1], markersize=4,
        markerfacecolor="none", label="expected, if calibrated" if expected else None,
    )  # fmt: skip
    tests = [(place, figure.test) for place, (_, figure) in enumerate(found) if figure.test is not None]
    axes.step(
        [place for place, _ in tests], [value for _, value in tests], where="mid", color=PALETTE["muted"],
        linestyle=":", label="on the test rows" if tests else None,
    )  # fmt: skip
    axes.set_xticks(list(places), [f"{period.begins:%d %b}\nv{shorten(period.version)}" for period, _ in found])
    axes.set(ylim=(-0.02, 1.02), xlim=(-0.6, max(len(found), 1) - 0.4))
    axes.grid(axis="y")
    add_legend(axes, "lower left")
    return drawing

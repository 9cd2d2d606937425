"""Study page: one self-contained HTML page that says in ten seconds which contender is best, and how sure that is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from agile_classifier.evaluation.reports.figures import draw_intervals, draw_learning_curves, to_svg
from agile_classifier.evaluation.reports.page import fill
from agile_classifier.studies.file import Study
from agile_classifier.studies.report import (
    ABOUT,
    NAMES,
    Place,
    list_curves,
    list_places,
    list_sections,
    paired_difference,
    work_done,
)

TEMPLATE = Path(__file__).with_suffix(".html.j2")


def render(study: Study, frame: pd.DataFrame, *, command: str) -> str:
    """The page, as HTML; `frame` as `agile_classifier.studies.report.to_frame`, of at least one cell. The same input gives the same bytes."""
    places = list_places(study, frame)
    headline, level, sentences = judge(study, frame)
    return fill(
        TEMPLATE,
        title=study.title,
        command=command,
        work=work_done(study, frame),
        about=ABOUT,
        headline=headline,
        level=level,
        sentences=sentences,
        figures=_figures(study, frame, places),
        sections=list_sections(study, frame),
    )


def judge(study: Study, frame: pd.DataFrame) -> tuple[str, str, list[str]]:
    """Headline, level (`good`, `unclear`) and sentences: the best contender at the largest size, and whether it is told from the others, split by split.

    The best is sought among those that ran on at least half of the most splits.
    """
    largest = int(frame["size"].max())
    cells = frame[frame["size"] == largest]
    places = [place for place in list_places(study, frame) if place.size == largest]
    most = max(place.found.n for place in places)
    best = next(place for place in places if 2 * place.found.n >= most)  # one lucky split makes nobody the best
    others = [place for place in places if place is not best]
    said = f"{NAMES[study.metric]} {_said(best)} over {best.found.n} splits, from {largest} examples."
    gains = {place: paired_difference(cells, best.contender, place.contender, metric=study.metric) for place in others}
    near = [place for place, gain in gains.items() if gain is not None and not gain.excludes_zero]
    if most < 2:
        return f"One split tells nothing yet: {best.title}", "unclear", [said]
    if near:
        listed = ", ".join(f"{place.title} ({_said(place)})" for place in near[:3])
        return f"Best, but not alone: {best.title}", "unclear", [said, f"Not told from it, split by split: {listed}."]
    behind = [f"Next comes {place.title} with {_said(place)}." for place in others if gains[place] is not None][:1]
    return f"Best: {best.title}", "good", [said, *behind]


def _figures(study: Study, frame: pd.DataFrame, places: list[Place]) -> dict[str, str]:
    """Title → SVG."""
    metric = NAMES[study.metric]
    found = {}
    for size in sorted({place.size for place in places}, reverse=True):
        here = [place for place in places if place.size == size]
        most = max(place.found.n for place in here)
        rows = [(_named(place, most), place.found.mean, *_ends(place)) for place in here]
        figure = draw_intervals(rows=rows, label=f"{metric}, mean over splits")
        found[f"From {size} examples"] = to_svg(figure, label=f"intervals at {size} examples")
    known = list_curves(study, frame)
    fitted = {name: found for name, found in known.items() if found[2] is not None}
    curves = {
        name: (sizes, means, None if curve is None else curve.at)
        for name, (sizes, means, curve) in (fitted or known).items()
    }
    if curves:
        found["What more labels bring"] = to_svg(
            draw_learning_curves(curves=curves, label=metric), label="learning curves"
        )
    return found


def _named(place: Place, most: int) -> str:
    """With the number of its splits where others have more: means over other splits are not to be compared by eye."""
    return place.title if place.found.n == most else f"{place.title} ({place.found.n} of {most} splits)"


def _ends(place: Place) -> tuple[float, float]:
    half = place.found.half if place.found.n > 1 else 0.0
    return place.found.mean - half, place.found.mean + half


def _said(place: Place) -> str:
    return f"{place.found.mean:.3f}" + (f" ± {place.found.half:.3f}" if place.found.n > 1 else "")

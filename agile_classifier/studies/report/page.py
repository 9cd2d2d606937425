"""Study page: one self-contained HTML page that says in ten seconds which contender is best, and how sure that is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from agile_classifier.evaluation.reports.drawing import to_svg
from agile_classifier.evaluation.reports.figures import draw_costs, draw_intervals, draw_learning_curves
from agile_classifier.evaluation.reports.page import fill
from agile_classifier.evaluation.titles import METRICS
from agile_classifier.studies.file import Study
from agile_classifier.studies.report.frame import Standing, list_curves, list_standings, paired_difference, work_done
from agile_classifier.studies.report.markdown import ABOUT
from agile_classifier.studies.report.tables import list_tables

TEMPLATE = Path(__file__).with_suffix(".html.j2")


def render(study: Study, frame: pd.DataFrame, *, command: str) -> str:
    """Render the page of a study as HTML; the same input gives the same bytes.

    Parameters
    ----------
    frame : DataFrame
        As `agile_classifier.studies.report.frame.to_frame`, of at least one cell.
    """
    headline, level, sentences = decide_headline(study, frame)
    return fill(
        TEMPLATE,
        title=study.title,
        command=command,
        work=work_done(study, frame),
        about=ABOUT,
        headline=headline,
        level=level,
        sentences=sentences,
        figures={**_draw_means(study, frame), **_draw_costs(study, frame), **_draw_curves(study, frame)},
        tables=list_tables(study, frame),
    )


def decide_headline(study: Study, frame: pd.DataFrame) -> tuple[str, str, list[str]]:
    """Headline, level (`good`, `unclear`) and sentences about the best contender at the largest size.

    They say whether it is told from the others, split by split. The best is sought among those that ran on at least
    half of the most splits.
    """
    largest = int(frame["size"].max())
    cells = frame[frame["size"] == largest]
    standings = [one for one in list_standings(study, frame) if one.size == largest]
    most = max(one.mean.n for one in standings)
    best = next(one for one in standings if 2 * one.mean.n >= most)  # one lucky split makes nobody the best
    others = [one for one in standings if one is not best]
    result = f"{METRICS[study.metric]} {_in_words(best)} over {best.mean.n} splits, from {largest} examples."
    gains = {one: paired_difference(cells, best.contender, one.contender, metric=study.metric) for one in others}
    near = [one for one, gain in gains.items() if gain is not None and not gain.excludes_zero]
    if most < 2:
        return f"One split tells nothing yet: {best.title}", "unclear", [result]
    if near:
        listed = ", ".join(f"{one.title} ({_in_words(one)})" for one in near[:3])
        return f"Best, but not alone: {best.title}", "unclear", [result, f"Not told from it, split by split: {listed}."]
    behind = [f"Next comes {one.title} with {_in_words(one)}." for one in others if gains[one] is not None][:1]
    return f"Best: {best.title}", "good", [result, *behind]


def _draw_means(study: Study, frame: pd.DataFrame) -> dict[str, str]:
    """Heading → SVG of every contender's mean, a figure a size, the largest first."""
    figures, standings = {}, list_standings(study, frame)
    for size in sorted({one.size for one in standings}, reverse=True):
        here = [one for one in standings if one.size == size]
        most = max(one.mean.n for one in here)
        rows = [(_named(one, most), one.mean.mean, *_ends(one)) for one in here]
        figure = draw_intervals(rows=rows, label=f"{METRICS[study.metric]}, mean over splits")
        figures[f"From {size} examples"] = to_svg(figure, label=f"intervals at {size} examples")
    return figures


def _draw_costs(study: Study, frame: pd.DataFrame) -> dict[str, str]:
    """Heading → SVG of every contender's mean against what its training took, a figure a size, the largest first."""
    known = [one for one in list_standings(study, frame) if one.cpu_seconds > 0]  # NaN where one has not told
    figures = {}
    for size in sorted({one.size for one in known}, reverse=True):
        points = [(one.title, one.cpu_seconds, one.mean.mean, *_ends(one)) for one in known if one.size == size]
        if len(points) > 1:
            figure = draw_costs(points=points, label=f"{METRICS[study.metric]}, mean over splits")
            figures[f"What it costs, from {size} examples"] = to_svg(figure, label=f"costs at {size} examples")
    return figures


def _draw_curves(study: Study, frame: pd.DataFrame) -> dict[str, str]:
    """Heading → SVG of the learning curves that fit, else of the means; nothing where each contender has one size."""
    known = list_curves(study, frame)
    shown = {title: curve for title, curve in known.items() if curve[2] is not None} or known
    if not shown:
        return {}
    curves = {
        title: (sizes, means, None if curve is None else curve.at) for title, (sizes, means, curve) in shown.items()
    }
    figure = draw_learning_curves(curves=curves, label=METRICS[study.metric])
    return {"What more labels bring": to_svg(figure, label="learning curves")}


def _named(one: Standing, most: int) -> str:
    """Title of a contender, with its number of splits where others have more."""
    return one.title if one.mean.n == most else f"{one.title} ({one.mean.n} of {most} splits)"


def _ends(one: Standing) -> tuple[float, float]:
    half = one.mean.half if one.mean.n > 1 else 0.0
    return one.mean.mean - half, one.mean.mean + half


def _in_words(one: Standing) -> str:
    return f"{one.mean.mean:.3f}" + (f" ± {one.mean.half:.3f}" if one.mean.n > 1 else "")

"""What a quarter says: a table of the weeks, a table over seeds, and a picture."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from agile_classifier.evaluation.reports.drawing import PALETTE, SERIES, new_plot, styled, to_png
from agile_classifier.studies.report.statistics import mean_over_splits
from benchmarks.quarter.arms import Outcome

Arms = Mapping[str, Sequence[Outcome]]
"""Arm → its weeks."""
WORDS = {
    "no model has seen": "too few rows",
    "not wholly above": "within noise",
    "another task": "another task",
    "McNemar": "more wrong decisions",
}
"""Words of a reason → why a candidate was refused, in short."""


def draw_table(arms: Arms) -> str:
    """Markdown table of a quarter, a row a week: what happened to the file, and what became of it in each arm."""
    names = list(arms)
    head = ["week", "rows", "added, relabelled, withdrawn", "event", *(f"{name}: {of}" for name in names for of in OF)]
    lines = [_row(head), _row(["---"] * len(head))]
    for weeks in zip(*arms.values(), strict=True):
        one = weeks[0]
        file = [str(one.week), str(one.n_rows), f"{one.n_added}, {one.n_relabelled}, {one.n_withdrawn}", one.event]
        lines.append(_row([*file, *(cell for week in weeks for cell in _cells(week))]))
    return "\n".join(lines)


OF = ("compared (new)", "decision", "champion's true AUC")


def explain(outcome: Outcome) -> str:
    """Why a candidate was promoted or refused, in a few words."""
    if outcome.promoted:
        return "promoted"
    return "; ".join(short for words, short in WORDS.items() if words in outcome.reason) or "refused"


def summarise(quarters: Sequence[Arms], *, test_share: float) -> str:
    """Markdown table over seeds, with 95 % intervals.

    Parameters
    ----------
    test_share : float
        Rows of the truth over the other rows, by which the interval is corrected (`mean_over_splits`).
    """
    lines = [_row(SUMMARY), _row(["---"] * len(SUMMARY))]
    for name in quarters[0]:
        weeks = [quarter[name] for quarter in quarters]
        last = mean_over_splits([found[-1].champion or 0.5 for found in weeks], test_share=test_share)
        promoted = [sum(outcome.promoted for outcome in found) for found in weeks]
        steps = [outcome.step for found in weeks for outcome in found if outcome.step is not None]
        worst = min(steps, key=lambda step: step.difference, default=None)
        fell = "none" if worst is None else f"{worst.difference:+.4f} ({worst.low:+.4f} to {worst.high:+.4f})"
        compared = statistics.mean(outcome.n_compared for found in weeks for outcome in found[1:])
        tasks = statistics.mean(len(_tasks(found)) for found in weeks)
        cells = [name, f"{last.mean:.4f} ± {last.half:.4f}", f"{statistics.mean(promoted):.1f}", f"{compared:.0f}"]
        cells.append(f"{tasks:.1f}")
        lines.append(_row([*cells, fell, str(sum(step.high < 0 for step in steps))]))
    return "\n".join(lines)


SUMMARY = (
    "arm", "champion's true AUC at the end", "promotions", "compared rows, mean",
    "label thresholds since the first champion", "worst change of champion", "changes that fell beyond noise",
)  # fmt: skip


@styled
def draw_picture(arms: Arms, *, title: str) -> bytes:
    """PNG of the champion's true ROC AUC by week, a line an arm, a dot a promotion; events stand below."""
    figure, axes = new_plot(8.4, 3.6)
    for colour, (name, weeks) in zip(SERIES, arms.items(), strict=False):
        worth = {week.week: week.champion for week in weeks if week.champion is not None}
        made = {week.week: worth[week.week] for week in weeks if week.promoted}
        axes.step(list(worth), list(worth.values()), where="post", color=colour, label=f"{name}: champion")
        axes.plot(list(made), list(made.values()), "o", color=colour, markersize=5)
        axes.plot(
            [week.week for week in weeks], [week.candidate for week in weeks], "x", color=colour, markersize=4,
            label=f"{name}: candidate",
        )  # fmt: skip
    low = min(week.candidate for weeks in arms.values() for week in weeks)
    for week in next(iter(arms.values())):
        if week.event:
            axes.axvline(week.week, linewidth=0.6, linestyle=":", color=PALETTE["muted"])
            axes.text(week.week - 0.25, low, week.event, fontsize=7, rotation=90, color=PALETTE["muted"])
    axes.set(xlabel="week", ylabel="true ROC AUC", title=title)
    axes.set_xticks([week.week for week in next(iter(arms.values()))])
    axes.grid(True, axis="y")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return to_png(figure)


def _tasks(weeks: Sequence[Outcome]) -> set[float]:
    """Label thresholds of a quarter from its first champion on: each is a task of its own."""
    return {week.label_threshold for week in weeks if week.champion is not None}


def _cells(week: Outcome) -> list[str]:
    new = "" if week.n_new is None else f" ({week.n_new})"
    champion = "none" if week.champion is None else f"{week.champion:.3f}"
    return [f"{week.n_compared}{new}", explain(week), champion]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

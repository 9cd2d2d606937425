"""Section on the groups of people that texts name: who is hurt, in words, in a table and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure as Drawing

from agile_classifier.evaluation.bias.figures import MIN_ROWS, GroupFigures, GroupReport
from agile_classifier.evaluation.reports.drawing import PALETTE, SERIES, add_legend, new_plot, shorten, styled
from agile_classifier.metrics.bias import AREAS, has_rows

TITLES = {"subgroup_auc": "subgroup AUC", "bpsn_auc": "BPSN AUC", "bnsp_auc": "BNSP AUC"}
HURT = {
    "subgroup_auc": "within the group it cannot tell as well",
    "bpsn_auc": "their harmless texts are scored too high",
    "bnsp_auc": "their harmful texts are scored too low",
}
"""Area → what it means that a group's is low."""


@dataclass(frozen=True)
class GroupSection:
    """What the section shows."""

    report: GroupReport
    large: Sequence[GroupFigures]
    """Groups with an area that rests on enough texts."""
    small: Sequence[GroupFigures]
    sentences: Sequence[str]
    """Who is worst off in each area, and whether that is beyond noise."""
    min_rows: int = MIN_ROWS
    areas: Sequence[str] = AREAS


def describe_groups(report: GroupReport) -> GroupSection:
    """What the section shows of the measured groups."""
    small = [group for group in report.groups if group.is_small]
    sentences = [sentence for area in AREAS if (sentence := _worst_in_words(report, area))]
    return GroupSection(report, report.judged, small, sentences)


@styled
def draw_groups(report: GroupReport) -> Drawing:
    """Areas of every group with their 95 % intervals, and the AUC of all texts as a line."""
    groups = report.judged
    figure, axes = new_plot(9.4, 1.1 + 0.5 * len(groups))
    for shift, (area, colour) in enumerate(zip(AREAS, SERIES, strict=False)):
        label: str | None = TITLES[area]
        for place, group in enumerate(groups):
            if area not in group.areas or not has_rows(group.areas[area], MIN_ROWS):
                continue
            found, height = group.areas[area].area, place + 0.24 * (shift - 1)
            axes.plot([found.low, found.high], [height] * 2, color=colour, linewidth=4, alpha=0.35)
            axes.plot([found.value], [height], color=colour, marker="o", markersize=5, linestyle="none", label=label)
            label = None
    axes.axvline(report.overall.value, color=PALETTE["ink"], linewidth=1, linestyle=(0, (4, 3)), label="all texts")
    axes.set_yticks(range(len(groups)), [f"{shorten(group.name)} ({group.rates.n})" for group in groups])
    axes.set(ylim=(len(groups) - 0.5, -0.6), xlabel="area under the ROC curve, with its 95 % interval")
    axes.tick_params(axis="y", length=0, labelcolor=PALETTE["ink"])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    add_legend(axes, "best")
    return figure


def _worst_in_words(report: GroupReport, area: str) -> str:
    """Sentence on the group that is worst off in an area; empty where no group has enough texts for it."""
    group = report.worst(area)
    if group is None:
        return ""
    drop = group.areas[area].drop
    whole, found = report.overall.value, group.areas[area].area.value
    lowest = f"Lowest {TITLES[area]}: texts that name “{group.name}”, {found:.3f}"
    between = f"difference {-drop.value:+.3f}, 95 % interval {-drop.high:+.3f} to {-drop.low:+.3f}"
    if drop.low <= 0:
        return f"{lowest}, within noise of the {whole:.3f} of all texts ({between})."
    return f"{lowest}, below the {whole:.3f} of all texts beyond noise ({between}): {HURT[area]}."

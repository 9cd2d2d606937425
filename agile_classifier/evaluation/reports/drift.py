"""Drift page: one HTML page that says whether a batch still looks like the texts that its version was judged on.

The verdict stands first; a bar for each statistic shows how near it is to its limit; distributions follow. It holds no
text of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from agile_classifier.evaluation.drift import Finding, name_scores
from agile_classifier.evaluation.drift_sample import DriftSample, Floats
from agile_classifier.evaluation.reports.drawing import PALETTE, SERIES, styled, to_svg
from agile_classifier.evaluation.reports.figures import BINS
from agile_classifier.evaluation.reports.page import fill

TEMPLATE = Path(__file__).with_suffix(".html.j2")
WORDS = {
    "drift": "past its limit",
    "unclear": "too few rows to tell",
    "same": "within its limit",
    "unmeasured": "not measured",
}
LEVELS = {"drift": "bad", "unclear": "unclear", "same": "good", "unmeasured": "unclear"}
"""What a finding's level is in the colours of the page."""
WIDEST = 2.0
"""Times its limit, where a statistic's bar ends."""
MEANINGS = {
    "score_psi": "how differently the probabilities fill ten bins; 0 is alike, 0.1 a little, 0.25 much",
    "score_ks": "largest gap between the cumulative curves of the probabilities, from 0 to 1",
    "class_share": "largest change of the share of texts that are given a class",
    "length_psi": "how differently the lengths fill ten bins",
    "length_ks": "largest gap between the cumulative curves of the lengths",
    "unknown_share": "change of the share of tokens that the model has never learnt",
    "embedding_auc": (
        "how well a small classifier tells, by what it is about, a text of the batch from one of the reference; 0.5 "
        "is not at all"
    ),
}


@dataclass(frozen=True)
class DriftPage:
    """Everything the page shows."""

    title: str
    reference: DriftSample
    batch: DriftSample
    findings: Sequence[Finding]
    source: str


def render(page: DriftPage) -> str:
    """The page, as HTML. The same input gives the same bytes."""
    past = [finding for finding in page.findings if finding.level == "drift"]
    unclear = [finding for finding in page.findings if finding.level == "unclear"]
    return fill(
        TEMPLATE,
        page=page,
        level="bad" if past else "unclear" if unclear else "good",
        sentence=sentence_of(page),
        named=[finding for finding in (*past, *unclear) if finding.sentence],
        rows=[_row(finding) for finding in page.findings],
        figures={name: to_svg(figure, label=label) for name, (label, figure) in _figures(page).items()},
        shares=_shares(page),
    )


def sentence_of(page: DriftPage) -> str:
    """The verdict."""
    past, unclear = (_named(page.findings, level) for level in ("drift", "unclear"))
    if past:
        return f"Drift in {past}: past the limit"
    if unclear:
        return f"No drift shown; {unclear}: past the limit, perhaps by chance, with {page.batch.n} rows"
    return "No drift: every statistic is within its limit"


def _named(findings: Sequence[Finding], level: str) -> str:
    """What differs, once each, though several statistics say so."""
    named = dict.fromkeys(finding.title.partition(" (")[0] for finding in findings if finding.level == level)
    return ", ".join(named)


def _row(finding: Finding) -> dict[str, object]:
    """A statistic as the table shows it; positions in percent of a bar that ends at `WIDEST` limits."""
    base = 0.5 if finding.name == "embedding_auc" else 0.0
    room = WIDEST * max(finding.limit - base, 1e-9)
    place = [
        0.0 if value is None else float(np.clip(100 * (value - base) / room, 0, 100))
        for value in (finding.value, finding.chance, finding.limit)
    ]
    return {
        "finding": finding, "meaning": MEANINGS[finding.name], "word": WORDS[finding.level],
        "level": LEVELS[finding.level],
        "bar": place[0], "chance": place[1], "limit": place[2],
    }  # fmt: skip


def _shares(page: DriftPage) -> list[tuple[str, float, float]]:
    names = page.reference.class_names
    before, after = page.reference.shares, page.batch.shares
    return [(name, float(before[place]), float(after[place])) for place, name in enumerate(names)]


def _figures(page: DriftPage) -> dict[str, tuple[str, Figure]]:
    label = name_scores(page.reference)
    longest = float(np.quantile(np.concatenate([page.reference.lengths, page.batch.lengths]), 0.99))
    lengths = np.linspace(0, max(longest, 1.0), 21)
    return {
        "scores": (
            "histograms of probabilities", _histograms(page.reference.scores, page.batch.scores, np.array(BINS), label),
        ),
        "lengths": (
            "histograms of lengths",
            _histograms(
                page.reference.lengths, page.batch.lengths, lengths, "characters; the longest 1 % stand in the last bin"
            ),
        ),
    }  # fmt: skip


@styled
def _histograms(reference: Floats, batch: Floats, edges: Floats, label: str) -> Figure:
    """Shares, so that samples of different sizes lie on each other."""
    figure = Figure(figsize=(4.6, 2.9), layout="constrained")
    axes = figure.subplots()
    for values, colour, name, filled in (
        (reference, PALETTE["muted"], f"reference ({len(reference)})", True),
        (batch, SERIES[0], f"batch ({len(batch)})", False),
    ):
        share = np.histogram(np.minimum(values, edges[-1]), edges)[0] / len(values)
        axes.stairs(
            100 * share, edges, color=colour, fill=filled, alpha=0.35 if filled else 1, linewidth=1.8, label=name
        )
    axes.set(xlabel=label, ylabel="% of texts", xlim=(edges[0], edges[-1]))
    axes.grid(axis="y")
    axes.legend(loc="best")
    return figure

"""HTML page: templates that escape everything, and one set of colours, light and dark, for every self-contained page.

Texts are hostile input: nothing is left unescaped but the figures, and each page's content security policy forbids the
rest.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agile_classifier.evaluation.reports.drawing import PALETTE

DARK_PALETTE = {
    "paper": "#14171c",
    "ink": "#e8ebf1",
    "muted": "#9aa5b8",
    "rule": "#2d333e",
    "series-1": "#7ea6ff",
    "series-2": "#f0a24a",
    "series-3": "#4cc7b8",
    "series-4": "#c690ea",
    "series-5": "#f2849b",
    "series-6": "#a9cb62",
    "series-7": "#c2ac9a",
    "series-8": "#7fc6dd",
}
UNDECIDED = (
    '<p class="decision">This page was made before the promotion was decided: the decision is that of the step promote,'
    " and stands in the report of the version in MLflow.</p>"
)
"""Paragraph of a report in whose place the decision is put, once it is made; ZenML keeps the page as it was."""
_DECISION = re.compile(r'<p class="decision">[^<]*</p>')


def state_decision(page: str, reason: str) -> str:
    """Put the reason of a decision on a promotion into a report, in place of an earlier one."""
    return _DECISION.sub(lambda _: f'<p class="decision">{escape(reason)}</p>', page, count=1)


def fill(template: Path, /, **shown: Any) -> str:
    """Render a template as an HTML page; the same input gives the same bytes.

    Raises
    ------
    jinja2.UndefinedError
        The template asks for what is not there: a defect, never an input.
    """
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template.name).render(palettes={"light": PALETTE, "dark": DARK_PALETTE}, **shown)

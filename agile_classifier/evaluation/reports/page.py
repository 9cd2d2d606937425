"""HTML page: templates that escape everything, and one set of colours, light and dark, for every self-contained page.

Texts are hostile input: nothing is left unescaped but the figures, and each page's content security policy forbids the
rest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
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
_FRAMED = '\n<base href="about:srcdoc">'
_DIRECTIONS = dict.fromkeys([0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_DECISION = re.compile(r'<p class="decision">[^<]*</p>')
_ABOUT = re.compile(r'\s*<dl class="about">.*?</dl>', re.DOTALL)


@dataclass(frozen=True)
class Fact:
    """One fact of a page's head, as its run, with the address of its own page where there is one."""

    name: str
    value: str
    address: str = ""


def state_decision(page: str, reason: str, facts: Sequence[Fact] = ()) -> str:
    """Put the reason of a decision on a promotion into a report, in place of an earlier one, and facts below it.

    Without facts, those that stand there stay.
    """
    if facts:
        page = _ABOUT.sub("", page, count=1)
    decided = f'<p class="decision">{escape(reason)}</p>{list_facts(facts)}'
    return _DECISION.sub(lambda _: decided, page, count=1)


def put_into_frame(page: str) -> str:
    """A page for a frame that is given its text, as ZenML's dashboard does: its contents lead to its own sections.

    Without a base of its own they would lead to the page around the frame.
    """
    return page.replace("<head>", f"<head>{_FRAMED}", 1)


def take_from_frame(page: str) -> str:
    """The page that `put_into_frame` was given."""
    return page.replace(_FRAMED, "", 1)


def without_direction(name: str) -> str:
    """A name without the marks that turn the direction of writing: in a sentence, they would turn what follows too."""
    return name.translate(_DIRECTIONS)


def list_facts(facts: Sequence[Fact]) -> str:
    """Facts of a page's head as HTML; nothing where there are none."""
    rows = "".join(f"<div><dt>{escape(fact.name)}</dt><dd>{_linked(fact)}</dd></div>" for fact in facts)
    return f'\n<dl class="about">{rows}</dl>' if rows else ""


def _linked(fact: Fact) -> str:
    """A value that leads to its page, which opens beside: the report may be shown within another page."""
    if not fact.address.startswith(("http://", "https://")):
        return escape(fact.value)
    return f'<a href="{escape(fact.address)}" target="_blank" rel="noreferrer">{escape(fact.value)}</a>'


def fill(template: Path, /, **shown: Any) -> str:
    """Render a template as an HTML page; the same input gives the same bytes.

    What it includes lies beside it or in this folder.

    Raises
    ------
    jinja2.UndefinedError
        The template asks for what is not there: a defect, never an input.
    """
    environment = Environment(
        loader=FileSystemLoader([template.parent, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template.name).render(palettes={"light": PALETTE, "dark": DARK_PALETTE}, **shown)

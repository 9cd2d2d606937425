"""History page: the newest events of a model's champion as a table in its description, which MLflow's page shows.

The tags remain the record (`agile_classifier.ops.registry.history`); the table is made of them anew whenever it
differs, so that one which a killed process has not written is written by whoever decides next. What a person has
written around it stays.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from mlflow import MlflowClient

from agile_classifier.errors import one_line
from agile_classifier.evaluation.reports.page import without_direction
from agile_classifier.ops.registry import history
from agile_classifier.ops.registry.history import Event

HEADING = "### History of the champion"
END = "*Written by agile, newest first; `agile history` shows all of it. Text above and below is yours.*"
LONGEST = 5000
"""Longest description that every database of MLflow takes, in characters."""
LONGEST_REASON = 240
"""Longest reason that the table shows, in characters."""
TITLES = ("when (UTC)", "version", "what", "by", "champion then", "why")
_TABLE = re.compile(rf"{re.escape(HEADING)}.*?(?:{re.escape(END)}|\Z)", re.DOTALL)
_MARKS = re.compile(r"([\\`*_\[\]|~])")
"""What may mean something in Markdown."""


def publish(model_name: str) -> None:
    """Bring the table in a model's description up to date with its events; nothing is written where it is."""
    events = history.read_events(model_name)
    before = MlflowClient().get_registered_model(model_name).description or ""
    after = with_table(before, events) if events else before
    if after != before:
        MlflowClient().update_registered_model(model_name, after)


def with_table(description: str, events: Sequence[Event]) -> str:
    """Put the table of events into a description, in place of an earlier one; as many of the newest as there is room.

    A description that leaves no room for one event stays as it is.
    """
    around = _TABLE.sub("", description)
    rows = [_row(event) for event in reversed(events)]
    while rows and len(_placed(description, rows)) > LONGEST:
        rows.pop()
    return _placed(description, rows) if rows else around.strip()


def _placed(description: str, rows: Sequence[str]) -> str:
    table = "\n".join([HEADING, "", _line(TITLES), _line(["---"] * len(TITLES)), *rows, "", END])
    if _TABLE.search(description):
        return _TABLE.sub(lambda _: table, description, count=1)
    return f"{description.rstrip()}\n\n{table}" if description.strip() else table


def _row(event: Event) -> str:
    reason = one_line(event.reason, longest=LONGEST_REASON) if event.reason else ""
    why = f"{reason} [{event.run}]" if event.run else reason
    cells = (event.at[:19].replace("T", " "), event.version, event.kind, event.by, event.champion or "none", why)
    return _line([escape(str(cell or "")) for cell in cells])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escape(text: str) -> str:
    """A text that Markdown shows as it is, on one line, without marks that turn the direction of what follows."""
    plain = html.escape(" ".join(without_direction(text).split()), quote=False)
    return _MARKS.sub(r"\\\1", plain).replace("://", "&#58;//")  # an address would become a link

"""The dialogue of `agile init`: what a file leaves open, asked one question at a time, beside rows as they are read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from rich.console import Console
from rich.prompt import IntPrompt
from rich.table import Table
from rich.text import Text

from agile_classifier.drafts.choices import Answer, Question

MOST_COLUMNS = 8
"""Columns of the rows that are shown; the answers' own come first."""


def asker() -> Callable[[Question], Answer] | None:
    """What puts a question to the person at this terminal; None where nobody can answer.

    Questions go to stderr, so that what `init` prints can go to a file.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    console = Console(stderr=True)
    return lambda question: ask(question, console)


def ask(question: Question, console: Console, *, keyboard: TextIO | None = None) -> Answer:
    """Show the first rows and the answers, and return the one chosen; an empty answer takes the first.

    `keyboard` is read in place of the terminal.
    """
    if question.rows:
        console.print(_table(question.rows, first=_columns_asked_about(question)))
    console.print(Text(f"{question.asks[:1].upper()}{question.asks[1:]}?", style="bold"))
    for number, answer in enumerate(question.answers, start=1):
        console.print(Text(f"  {number}  {answer.why}  [{answer.options}]"))
    numbers = [str(number) for number in range(1, len(question.answers) + 1)]
    chosen = IntPrompt.ask("Number", console=console, choices=numbers, default=1, stream=keyboard)
    return question.answers[chosen - 1]


def _table(rows: Sequence[Mapping[str, str]], *, first: Sequence[str]) -> Table:
    names = [*first, *(name for name in rows[0] if name not in first)][:MOST_COLUMNS]
    table = Table(title="First rows, as they are read")
    for name in names:
        table.add_column(Text(name))
    for row in rows:
        table.add_row(*(Text(row.get(name, "")) for name in names))
    return table


def _columns_asked_about(question: Question) -> list[str]:
    named = (name for answer in question.answers for value in answer.settles.values() for name in _as_tuple(value))
    return [name for name in dict.fromkeys(named) if question.rows and name in question.rows[0]]


def _as_tuple(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)

"""Headings: how `agile --help` lists the commands, each with its first sentence, whole."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from typer.core import TyperGroup

HEADINGS = {
    "Data": ("new", "init", "configs", "data", "queue", "label"),
    "Train": ("train", "tune", "study", "compile", "stack", "deploy"),
    "Judge": ("check", "promote", "rollback", "history", "approve", "reject", "shadow", "monitor", "feedback"),
    "Serve": ("score", "explain", "serve", "export", "sign"),
    "Schedule": ("schedule",),
    "Upkeep": ("ui", "doctor", "notify", "backup", "restore", "adopt", "prune", "bench"),
}
"""Heading → its commands, in the order of `agile --help`."""


class WholeSentences(TyperGroup):
    """A group whose help shows the whole first sentence of each command, which typer would cut at the line's end."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write every command under one heading."""
        self._write(formatter, "Commands", self.list_commands(ctx))

    def _write(self, formatter: Any, heading: str, names: Iterable[str]) -> None:
        width = max(map(len, self.commands))
        shown = [name for name in names if name in self.commands and not self.commands[name].hidden]
        with formatter.section(heading):
            formatter.write_dl([(name.ljust(width), first_sentence(self.commands[name].help)) for name in shown])


class CommandsUnderHeadings(WholeSentences):
    """All commands of `agile`, under their headings."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the headings."""
        return [name for names in HEADINGS.values() for name in names if name in self.commands]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write every command under its heading."""
        for heading, names in HEADINGS.items():
            self._write(formatter, heading, names)


def first_sentence(text: str | None) -> str:
    """Text up to its first full stop, on one line."""
    return re.split(r"(?<=\.)\s", " ".join((text or "").split()))[0]

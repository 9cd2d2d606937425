"""The documents as text: their code, their prose, and how each block of commands is tested."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from agile_classifier.cli import app as cli

PROJECT = Path(__file__).resolve().parents[2]
README, CONTRIBUTING, CHANGELOG = (PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))
MANUAL = sorted((PROJECT / "docs").rglob("*.md"))
DOCUMENTS = [README, CONTRIBUTING, CHANGELOG, *MANUAL]
GUIDES = [path for path in MANUAL if path.parent.name in ("tutorials", "how-to")]

_FENCE = re.compile(r"(?:^<!-- (run|tested|needs): ([^\n]+?) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CONTINUED = re.compile(r"\\\n\s*")
_OPERATORS = re.compile(r"\s(?:&&|\|\|?|;)\s")


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    language: str
    code: str
    mark: str | None
    """`run`, `tested` or `needs`, where a comment above the block says so."""
    detail: str | None


def blocks(path: Path, *languages: str) -> list[Block]:
    """Fenced blocks, of some languages only where they are named."""
    found = [
        Block(language, code, mark or None, detail or None)
        for mark, detail, language, code in _FENCE.findall(path.read_text(encoding="utf-8"))
    ]
    return [block for block in found if not languages or block.language in languages]


def prose(path: Path) -> str:
    """A document without its fenced blocks."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def spans(path: Path) -> list[str]:
    """Code spans of a document's prose."""
    return [" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose(path))]


def calls(code: str) -> Iterator[list[str]]:
    """Every `agile …` of some shell commands, as its words without `agile`."""
    for line in _CONTINUED.sub(" ", code).splitlines():
        for command in _OPERATORS.split(line):
            try:
                words = shlex.split(command, comments=True)
            except ValueError:  # a line of a text that goes over several
                continue
            while words and re.fullmatch(r"\w+=.*", words[0]):
                words = words[1:]
            if words[:1] == ["agile"]:
                yield words[1:]


def find_command(words: list[str]) -> tuple[str, Any, list[str]]:
    """Name, command and its own words of a call; None as command where the command line has none of that name."""
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    name, rest = (words or [""])[0], words[1:]
    if name.startswith("-"):  # an option of `agile` itself
        return "agile", typer.main.get_command(cli.app), words
    command = commands.get(name)
    if hasattr(command, "commands") and rest:
        return f"{name} {rest[0]}", command.commands.get(rest[0]), rest[1:]
    return name, command, rest


def command_names() -> set[str]:
    """Every command, those of a group behind the group's name."""
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    inner = {f"{name} {word}" for name, command in commands.items() for word in getattr(command, "commands", ())}
    return set(commands) | inner

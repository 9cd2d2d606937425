"""Bounds: the types of a config's fields, each a range of numbers, or an alphabet and a length of text."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

MOST_ROWS = 1_000_000_000
LARGEST_SCORE = 1e15
"""Largest score either way, in the unit of the source: so far whole numbers are exact."""
LARGEST_SEED = 2**31 - 1
LONGEST_PATH = 4_096
"""Longest path or address, in characters."""
LONGEST_CELL = 2_000
"""Longest name of a column, or word that stands in one, in characters."""
LONGEST_TEXT = 20_000
"""Longest text for a model, in characters."""
LONGEST_TITLE = 500
"""Longest title or name that a table shows, in characters."""
LONGEST_MODEL_NAME = 100
"""Longest name of a registered model, in characters: files and pages are named by it."""
MOST_NAMES = 10_000
"""Most elements of a list."""
LINE_ENDS = "\t\n\r"
_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of characters that act in place of being shown."""
_ENCODING = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*(/[A-Za-z0-9_.+-]+)*")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_LAYER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def _without_control(allowed: str = "") -> AfterValidator:
    """Refuse characters that act in place of being shown: NUL, escape, and line ends where they are not allowed."""

    def check(text: str) -> str:
        for place, character in enumerate(text, start=1):
            if unicodedata.category(character) in _CONTROL and character not in allowed:
                raise ValueError(
                    f"character {place} is the control character U+{ord(character):04X}; remove it,"
                    " every other one is allowed"
                )
        return text

    return AfterValidator(check)


def _like(pattern: re.Pattern[str], wanted: str) -> AfterValidator:
    def check(text: str) -> str:
        if pattern.fullmatch(text) is None or ".." in text:
            raise ValueError(f"{wanted}; found {text[:80]!r}")
        return text

    return AfterValidator(check)


def _as_list(value: Any) -> Any:
    """One text stands for a list of it."""
    return (value,) if isinstance(value, str) else value


Share = Annotated[float, Field(gt=0, lt=1)]
Rows = Annotated[int, Field(gt=0, le=MOST_ROWS)]
Score = Annotated[float, Field(ge=-LARGEST_SCORE, le=LARGEST_SCORE)]
"""A score, in the unit of the source."""
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Address = Annotated[str, Field(min_length=1, max_length=LONGEST_PATH), _without_control()]
"""A path, or an address with a scheme."""
Cell = Annotated[str, Field(max_length=LONGEST_CELL), _without_control(LINE_ENDS)]
"""The name of a column, or a word that stands in one; a header may hold line ends."""
Text = Annotated[str, Field(max_length=LONGEST_TEXT), _without_control(LINE_ENDS)]
"""A text that a model reads."""
Title = Annotated[str, Field(max_length=LONGEST_TITLE), _without_control()]
"""Words that a page or table shows."""
Sign = Annotated[str, Field(max_length=LONGEST_TITLE), _without_control("\t\x01\x1c\x1d\x1e\x1f")]
"""A character that parts or escapes cells; its file's format says that it is one."""
Encoding = Annotated[str, Field(max_length=100), _like(_ENCODING, "an encoding's name has letters, digits, - _ . :")]
Revision = Annotated[
    str, Field(max_length=200), _like(_REVISION, "a revision has letters, digits, - _ . + and single slashes, no ..")
]
Digest = Annotated[str, Field(max_length=100), _like(_DIGEST, "a SHA-256 has 64 hex digits")]
Layer = Annotated[str, Field(max_length=200), _like(_LAYER, "a layer's name has letters, digits, - _ .")]
Names = Annotated[tuple[Cell, ...], Field(max_length=MOST_NAMES), BeforeValidator(_as_list)]
Digests = Annotated[tuple[Digest, ...], Field(max_length=MOST_NAMES), BeforeValidator(_as_list)]
Layers = Annotated[tuple[Layer, ...], Field(max_length=MOST_NAMES), BeforeValidator(_as_list)]

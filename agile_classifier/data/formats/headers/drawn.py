"""Drawn tables of Markdown, Org or a terminal (psql, MySQL), with lines between the rows that are drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence

LOOKED_AT = 4
"""Lines, from the top, of which one is such a line: it stands above or below the names."""

_SIDES = re.compile(r"\|?(\s*:?-+:?\s*\|)*\s*(:?-+:?)?\s*")
_RULE = re.compile(r"[-=─━═╌┄]{3,}")
_SIGNS = re.compile(r"[-=+|:\s─━═╌┄│┃║┌┬┐├┼┤└┴┘╔╦╗╠╬╣╚╩╝╒╤╕╞╪╡╘╧╛┏┳┓┣╋┫┗┻┛╭╮╯╰]+")
_PARTED = re.compile(r"[-=─━═╌┄]+[+|:\s│┃║┬┼┴╦╬╩╤╪╧┳╋┻]+[-=─━═╌┄]+|[+|│┃║┌├└╔╠╚╒╞╘┏┣┗╭╰][-:=─━═╌┄]{2,}")


def complain(rows: Sequence[Sequence[str]]) -> str:
    """Which of the first lines only draws a line between rows; empty where none does."""
    for number, row in enumerate(rows[:LOOKED_AT], start=1):
        if any(map(str.strip, row)) and (_is_rule(row) or _has_sides("|".join(row).strip())):
            return (
                f"line {number} holds no cells, but draws a line, as tables of Markdown or of a terminal have: save "
                "the table as CSV, or delete such lines and the strokes at both ends of the others"
            )
    return ""


def _is_rule(row: Sequence[str]) -> bool:
    """Whether all cells are strokes: several of them, or one that is parted by crossings or spaces.

    A dash alone says that nothing was given.
    """
    cells = [cell.strip() for cell in row if cell.strip()]
    if "-" in cells or not all(map(_SIGNS.fullmatch, cells)) or not any(map(_RULE.search, cells)):
        return False
    return len(cells) > 1 or _PARTED.search(cells[0]) is not None


def _has_sides(line: str) -> bool:
    """Whether a line is Markdown's shortest rule: `|-|-|`, or dashes with colons that say to which side cells go."""
    return ("|" in line or ":" in line) and (line[0] == "|" or ":" in line) and _SIDES.fullmatch(line) is not None

"""Drawn tables of Markdown, Org or a terminal (psql, MySQL), with lines between the rows that are drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence

LOOKED_AT = 4
"""Lines, from the top, of which one is such a line: it stands above or below the names."""

_RULE = re.compile(r"[-=─━═╌┄]{3,}")
_SIGNS = re.compile(r"[-=+|:\s─━═╌┄│┃║┌┬┐├┼┤└┴┘╔╦╗╠╬╣╚╩╝╒╤╕╞╪╡╘╧╛┏┳┓┣╋┫┗┻┛╭╮╯╰]+")
_PARTED = re.compile(r"[-=─━═╌┄]+[+|:\s│┃║┬┼┴╦╬╩╤╪╧┳╋┻]+[-=─━═╌┄]+|[+|│┃║┌├└╔╠╚╒╞╘┏┣┗╭╰][-:=─━═╌┄]{2,}")


def complain(rows: Sequence[Sequence[str]]) -> str:
    """Which of the first lines only draws a line between rows; empty where none does."""
    for number, row in enumerate(rows[:LOOKED_AT], start=1):
        filled = [cell.strip() for cell in row if cell.strip()]
        if _is_rule(filled):
            return (
                f"line {number} holds no cells, but draws a line, as tables of Markdown or of a terminal have: save "
                "the table as CSV, or delete such lines and the strokes at both ends of the others"
            )
    return ""


def _is_rule(cells: Sequence[str]) -> bool:
    """Whether all cells are strokes: several of them, or one that is parted by crossings or spaces.

    A dash alone says that nothing was given.
    """
    if "-" in cells or not all(map(_SIGNS.fullmatch, cells)) or not any(map(_RULE.search, cells)):
        return False
    return len(cells) > 1 or _PARTED.search(cells[0]) is not None

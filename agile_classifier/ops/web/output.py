"""Output of a training as a page may show it: what a terminal would show, without what it would do."""

from __future__ import annotations

import re

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # colours, moves of the cursor
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links, device strings
    r"|\x1b[ -/]*[0-~]?"  # character sets and the rest
)
"""Escape sequences of ECMA-48, whole or cut off."""
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters but tab and line end, and those that turn the direction of writing."""


def plain_text(output: str) -> str:
    r"""What a terminal leaves to be seen of an output.

    Escape sequences are gone, a line that was written over (`\r`) is what it became, and any other control character is
    shown as `�`.
    """
    lines = _ESCAPES.sub("", output).split("\n")
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))

"""Texts: repairs that undo what a source did to them, and the form in which two texts count as the same."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import ftfy
import pandas as pd
from ftfy.badness import is_bad

from agile_classifier.data.evasion.normalize import INVISIBLE

SHOWN_LENGTH = 20
"""Characters of a blank text that a complaint shows."""

_NEEDED = "a text with visible characters is needed"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # category Cc but for tab and line ends
_TREEBANK = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"``\s?", '"'),
        (r"\s?''", '"'),
        (r"-l[rsc]b-\s?", lambda mark: {"r": "(", "s": "[", "c": "{"}[mark[0][2].lower()]),
        (r"\s?-r[rsc]b-", lambda mark: {"r": ")", "s": "]", "c": "}"}[mark[0].strip()[2].lower()]),
        (r"\b(can) (not)\b", r"\1\2"),
        (r"\b(gon|wan) (na)\b|\b(got) (ta)\b|\b(gim|lem) (me)\b", lambda words: words[0].replace(" ", "")),
        (r" (n'ts?|'s|'re|'ve|'ll|'d|'m)(?!\w)", r"\1"),
        (r"(?<!\S)` ", "'"),
        (r" '(?=[\s\"')\]},.;:?!]|$)", "'"),
        (r" ([,.;:?!%]|\.\.\.)(?=[\s\"')\]},.;:?!]|$)", r"\1"),
        (r"([$£€#]) (?=\d)", r"\1"),
    )
)
"""Replacements in order: quotes, brackets, parted words, and signs back to the words they belong to."""


def undo_treebank(text: str) -> str:
    """Join what Penn Treebank tokenisation parted, so that a tokenizer sees the words it was trained on.

    `-lrb- the `` site '' -rrb- , owned` becomes `("the site"), owned`. Lower-casing is not undone. A sign whose side
    cannot be told (a lone `''`) goes to the left. Source: the marks of the treebank's `tokenizer.sed`, reversed.
    """
    for pattern, replacement in _TREEBANK:
        text = pattern.sub(replacement, text)
    return text


def collapse_whitespace(text: str) -> str:
    """Replace every run of whitespace by one space, and strip the ends."""
    return " ".join(text.split())


REPAIRS: dict[str, Callable[[str], str]] = {
    "treebank": undo_treebank,
    "mojibake": ftfy.fix_text,
    "whitespace": collapse_whitespace,
}
"""Repairs that `data.repair` may name."""


def normalised(text: str) -> str:
    """Normalise a text for comparison: duplicates and leaks between parts often differ by case, width or space.

    NFKC, case folded, invisible characters removed, whitespace collapsed; normalising again changes nothing.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _visible(text)).casefold())
    return collapse_whitespace(_visible(folded))


def is_blank(text: str) -> bool:
    """Whether a text is blank: only spaces, zero-width and control characters."""
    return all(
        unicodedata.category(character)[0] == "Z" or unicodedata.category(character) == "Cc" or _is_invisible(character)
        for character in text
    )


def complaint_about(text: Any, *, max_characters: int | None = None) -> str:
    """Why a value cannot be scored as a text, as a sentence without its end; empty if it can.

    >>> complaint_about(5)
    'the text is the number 5; a text with visible characters is needed'
    """
    if isinstance(text, Null):
        return f"the text is missing: {str(text)!r} stands for an empty cell (data.empty)"
    if not isinstance(text, str):
        return f"the text is {'missing' if is_missing(text) else kind_of(text)}; {_NEEDED}"
    if max_characters is not None and len(text) > max_characters:
        return f"the text has {len(text)} characters; at most {max_characters} are allowed"
    if is_blank(text):
        return f"the text is {text[:SHOWN_LENGTH]!r}; {_NEEDED}"
    if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
        return "the text holds half of a surrogate pair, which is not UTF-8"
    return ""


class Null(str):
    """A cell that holds nothing, as a program wrote it: `NULL`. It is a string, to be copied as it stands."""


def is_missing(cell: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, pandas' NA or NaT, or what a program writes for that."""
    return (
        isinstance(cell, Null)
        or cell is None
        or cell is pd.NA
        or cell is pd.NaT
        or (isinstance(cell, float) and math.isnan(cell))
    )


def kind_of(value: Any) -> str:
    """What a value is that is no text, for a person: `null`, `true`, `the number 5`, `a list`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value!r:.20}"
    kinds: dict[type, str] = {str: "a text", list: "a list", dict: "an object"}
    return kinds.get(type(value), f"a {type(value).__name__}")


def has_control_characters(text: str) -> bool:
    """Whether the text holds control characters other than tab and line ends: a sign of a damaged source."""
    return _CONTROL.search(text) is not None


def looks_like_mojibake(text: str) -> bool:
    """Whether the text looks as if decoded with the wrong encoding (`Ã©` for `é`), in ftfy's judgement."""
    return bool(is_bad(text))


def text_digest(text: str) -> str:
    """First 16 hex digits of the SHA-256 of the normalised text: a name that does not reveal the text."""
    return hashlib.sha256(normalised(text).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _visible(text: str) -> str:
    return text if text.isascii() else "".join(character for character in text if not _is_invisible(character))


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or character in INVISIBLE

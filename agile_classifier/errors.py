"""Errors a person can mend, each with the exit code of the command line, and how an error becomes one line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Protocol, Union, get_args, get_origin


class InputError(Exception):
    """The input or the config cannot be used: one line that names file, row, column or field, found and allowed."""

    exit_code = 2


class GateRefused(Exception):
    """A limit or gate that was asked for refused."""

    exit_code = 3


class Validation(Protocol):
    """A ValidationError of pydantic, of whichever major version."""

    def errors(self) -> Sequence[Any]:
        """List what is wrong, each with `loc`, `msg` and `type`."""


LONGEST_FOUND = 120
"""Characters that are kept of a value that was found."""
LONGEST_WORDS = 300
"""Characters that are kept of what a library says."""
SHORTEST_SECRET = 4
"""Shortest value treated as a secret, in characters; a shorter one occurs in any text."""
SHORTEST_PART = 8
"""Shortest secret looked for within a text, in characters; a shorter one, such as a word, may occur by chance."""

_SECRET_NAME = re.compile(r"PASSWORD|TOKEN(?!IZER)|SECRET|(API|ACCOUNT)_?KEY|CONNECTION_STRING", re.IGNORECASE)
_CONTROLS = {place: f"\\x{place:02x}" for place in (*range(0x20), *range(0x7F, 0xA0))} | {
    place: f"\\u{place:04x}" for place in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
"""Characters that would act on a terminal, or turn the words behind them round, and how they are written."""
_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s]*@")


def one_line(words: object, *, longest: int | None = None) -> str:
    """Put an error, or other words of several lines, on one line; an error without words is called by its class.

    Control characters are written as escapes: no word of a file acts on a terminal.

    Parameters
    ----------
    longest : int, optional
        Characters after which the line is cut.
    """
    text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
    line = " ".join(text.split()).translate(_CONTROLS)
    if not line and isinstance(words, BaseException):
        line = type(words).__name__
    return line if longest is None or len(line) <= longest else line[:longest] + "…"


def explain_validation(error: Validation, model: Any = None, *, within: str = "", tells_found: bool = True) -> str:
    """Say in one line the first thing that is wrong with a value: which field, why, what was found or is allowed.

    An unknown field comes first, since a misspelt name is why another one seems to be missing.

    Parameters
    ----------
    model : type, optional
        What the value was to become; names the fields that are allowed, and tells a field from a branch of a union.
    within : str
        Where the value stands: `study`.
    tells_found : bool
        Whether to repeat the value that was found; not where it may be a secret.
    """
    problems = error.errors()
    problem = next((each for each in problems if each["type"] == "extra_forbidden"), problems[0])
    if problem["type"] == "extra_forbidden":
        *above, name = problem["loc"]
        allowed = _fields_of(_walk(model, above)[1])
        there = f"; allowed here: {', '.join(allowed)}{did_you_mean(str(name), allowed)}" if allowed else ""
        return f"{_dotted(within, *above, name)}: unknown field{there}"
    field = _dotted(within, *_walk(model, problem["loc"])[0])
    branches = [each for each in problems if field and _dotted(within, *_walk(model, each["loc"])[0]) == field]
    message = " or ".join(dict.fromkeys(each["msg"].removeprefix("Value error, ") for each in branches or [problem]))
    has_found = tells_found and "input" in problem and problem["type"] not in ("missing", "value_error")
    found = f"; found {one_line(repr(problem['input']), longest=LONGEST_FOUND)}" if has_found else ""
    return f"{field}: {message}{found}" if field else f"{message}{found}"


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """End of the line about a misspelt word; empty where no allowed word is near.

    >>> did_you_mean("epoch", ["epochs", "rank"])
    '; did you mean epochs?'
    """
    near = nearest(word, allowed)
    return f"; did you mean {near}?" if near else ""


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that a misspelt one is most like, whatever its capitals; None if none is near."""
    by_lower_case = {name.lower(): name for name in allowed}
    near = get_close_matches(word.lower(), by_lower_case, n=1)
    return by_lower_case[near[0]] if near else None


def redact(text: str) -> str:
    """Replace credentials in addresses, and the values of secret environment variables, by ***."""
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= SHORTEST_SECRET:
            text = text.replace(value, "***")
    return _IN_ADDRESS.sub("***@", text)


def leaks(text: str) -> list[str]:
    """List the secrets that a text contains: names of environment variables, or credentials in an address."""
    secrets = {name: value for name, value in os.environ.items() if _SECRET_NAME.search(name)}
    found = [name for name, value in secrets.items() if _stands_in(text, value)]
    return [*found, *(["an address with credentials"] if _IN_ADDRESS.search(text) else [])]


def _walk(model: Any, location: Sequence[Any]) -> tuple[list[Any], Any]:
    """Follow a location into a model as far as it names fields: the parts, and the type at its end."""
    if model is None:
        return list(location), None
    parts = []
    for part in location:
        inner = _type_inside(model, part)
        if inner is None:  # pydantic's name for a branch of a union
            break
        parts.append(part)
        model = inner
    return parts, model


def _type_inside(kind: Any, part: Any) -> Any:
    """Type of a model's field, or of an element of a container; None where there is no such part."""
    for each in _branches(kind):
        origin, arguments = get_origin(each), get_args(each)
        fields = getattr(each, "model_fields", {})
        if part in fields:
            return fields[part].annotation
        if origin in (list, tuple, set, frozenset) and isinstance(part, int):
            return arguments[0]
        if origin in (dict, Mapping):
            return arguments[1]
    return None


def _fields_of(kind: Any) -> list[str]:
    return sorted({name for each in _branches(kind) for name in getattr(each, "model_fields", ())})


def _branches(kind: Any) -> list[Any]:
    """Types that a value may have, without what is noted on them."""
    if get_origin(kind) is Annotated:
        return _branches(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [branch for each in get_args(kind) for branch in _branches(each)]
    return [kind]


def _dotted(*parts: Any) -> str:
    return ".".join(str(part) for part in parts if part != "")


def _stands_in(text: str, secret: str) -> bool:
    return len(secret) >= SHORTEST_SECRET and (secret == text or (len(secret) >= SHORTEST_PART and secret in text))

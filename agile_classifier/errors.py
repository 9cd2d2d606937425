"""Errors a person can mend, each with the exit code of the command line."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(Exception):
    """The input or the config cannot be used: one line that names file, row, column or field, found and allowed."""

    exit_code = 2


class GateRefused(Exception):
    """A limit or gate that was asked for refused."""

    exit_code = 3


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """End of an error's line about a misspelt word: `; did you mean epochs?`, or nothing where none of those allowed is near.

    >>> did_you_mean("epoch", ["epochs", "rank"])
    '; did you mean epochs?'
    """
    by_lower_case = {name.lower(): name for name in allowed}
    near = get_close_matches(word.lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[near[0]]}?" if near else ""


def one_line(words: object) -> str:
    """An error, or other words of several lines, on one."""
    return " ".join(str(words).split())

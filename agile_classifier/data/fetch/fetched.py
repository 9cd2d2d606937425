"""Fetched files: what every scheme's fetcher gives, and the errors about them in a person's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agile_classifier.config.addresses.source import Source
from agile_classifier.errors import InputError


@dataclass(frozen=True)
class Fetched:
    """A file of rows on this machine; its suffix says how it is read."""

    path: Path
    address: str
    """What a person calls it."""


Fetcher = Callable[[Source, Path], Sequence[Fetched]]
"""Takes a source of one address and an empty folder for files that nobody else keeps; gives the files of the rows, in
order, at least one.

Raises InputError where there is none or it cannot be reached, in one line that begins with the address."""


@contextmanager
def called_by_address(files: Sequence[Fetched]) -> Iterator[None]:
    """Context whose InputErrors name a fetched file by its address, not by its place on this machine."""
    try:
        yield
    except InputError as error:
        words = str(error)
        for file in files:
            words = words.replace(str(file.path), file.address)
        raise InputError(words) from None

"""Foreign content: a file whose first bytes are of another format than its suffix says, or of none that is read."""

from __future__ import annotations

import re
from pathlib import Path

from agile_classifier.errors import InputError

LOOKED_AT = 4096
"""Bytes, from the top, that tell what a file holds."""
TEXTUAL = (".csv", ".tsv", ".txt")
"""Suffixes of tables as text, under which all of this is met."""
SIGNS = (
    (rb"PK\x03\x04", "a workbook or a zip: name it .xlsx, .ods or .zip"),
    (rb"\x1f\x8b", "packed by gzip: add .gz to its name"),
    (rb"PAR1", "Parquet: name it .parquet"),
    (rb"\xd0\xcf\x11\xe0", "an old workbook (.xls): save it as .xlsx or CSV"),
    (rb"%PDF-", "a PDF: save its table as CSV"),
    (rb"\{\\rtf", "a document (RTF): save its table as CSV"),
    (rb"\x80[\x02-\x05][\x95c(}\]K]", "a pickle, which could run code when it is loaded: save its table as CSV"),
    (rb"(?i:<!doctype html|<html|<head|<table)", "a page of HTML, perhaps a site's login: fetch the file itself"),
    (rb"(?i:<\?xml)", "XML: save its rows as CSV or JSON"),
    (rb"\[\s*\{|\{\s*\"[^\"\n]*\"\s*:", "JSON: name it .json, or .jsonl where each line is an object"),
    (rb"(?i:@relation\s)", "ARFF: save it as CSV"),
    (rb"__label__\S", "text as fastText reads it: save it as CSV, with the class in a column of its own"),
    (rb"version https://git-lfs", "a pointer of Git LFS, not the file itself: fetch it with `git lfs pull`"),
)  # fmt: skip
"""How content of other kinds begins, and what to do with it."""

_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*")


def refuse_foreign(path: Path) -> None:
    """Refuse a table of text that is something else by its first bytes.

    Raises
    ------
    InputError
        Says what it is, and how it can be read.
    """
    if path.suffix.lower() not in TEXTUAL:
        return
    with path.open("rb") as file:
        head = _START.sub(b"", file.read(LOOKED_AT), count=1)
    found = next((what for sign, what in SIGNS if re.match(sign, head)), None)
    if found:
        raise InputError(f"{path}: is {found}")

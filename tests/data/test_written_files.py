"""Written files: whatever a program may choose that writes a table, the cells are read back, or a line says why not."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from agile_classifier.data.dialects.detection import Detected, detect_dialect
from agile_classifier.data.formats.row import Row
from agile_classifier.data.rows import open_rows
from agile_classifier.errors import InputError

DELIMITED = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
WORDS = (
    *("so", "good", "you", "rude", "day", "again", "NA", "null", "C:\\new", "50%", "#1", "and,", "but;", "a|b", "x\ty"),
    *('"quoted"', 'in"side', '""', "\\", '\\"', "two\nlines", "cr\rend", "sep=;", "=1+1", "it's", "{", "[1]", "1,5"),
)
BEYOND = {
    "utf-8": ("schön", "привет", "東京", "😀", "naïve"),
    "utf-8-sig": ("schön", "привет", "東京"),
    "utf-16": ("schön", "привет", "東京"),
    "utf-16-le": ("schön", "привет"),
    "utf-16-be": ("schön", "привет"),
    "cp1252": ("schön", "größer", "naïve", "déjà"),
    "cp1251": ("привет", "дорогой", "злой", "водитель"),
    "gb18030": ("今天天气很好", "这个人真讨厌", "非常感谢"),
    "cp932": ("今日はとても良い", "最悪な店員だった", "東京の空"),
}
NAMES = st.sampled_from(
    [
        ("id", "text", "label"),
        ("0", "1", "2"),
        ("", "text", "y"),
        ("Unnamed: 0", "0", "target"),
        ("index", "weight", "score"),
    ]
)


@dataclass(frozen=True)
class Written:
    """A file, what stands in it, and how it was written."""

    suffix: str
    content: bytes
    names: tuple[str, ...]
    rows: list[tuple[str, ...]]
    encoding: str = "utf-8"
    decimal: str = "."

    def lay(self, folder: Path) -> Path:
        path = folder / f"rows{self.suffix}"
        path.write_bytes(self.content)
        return path


def texts(encoding: str) -> st.SearchStrategy[str]:
    words = st.sampled_from([*WORDS, *BEYOND[encoding]])
    return st.lists(words, min_size=2, max_size=6).map(" ".join)


@st.composite
def rows_of(draw: st.DrawFn, encoding: str, decimal: str) -> list[tuple[str, ...]]:
    found = draw(st.lists(texts(encoding), min_size=4, max_size=8))
    scores = draw(st.lists(st.integers(0, 99), min_size=len(found), max_size=len(found)))
    return [
        (f"n{number}", text, f"0{decimal}{score:02d}")
        for number, (text, score) in enumerate(zip(found, scores, strict=True))
    ]


@st.composite
def delimited(draw: st.DrawFn) -> Written:
    """Text whose cells a delimiter parts."""
    suffix, encoding = draw(st.sampled_from(sorted(DELIMITED))), draw(st.sampled_from(sorted(BEYOND)))
    delimiter = draw(st.sampled_from([DELIMITED[suffix], ",", ";", "\t", "|"]))
    decimal = "." if delimiter == "," else draw(st.sampled_from([".", ","]))
    rows, names, end = draw(rows_of(encoding, decimal)), draw(NAMES), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    style = draw(st.sampled_from(["all", "minimal", "nonnumeric", "escaped", "none"]))
    text = io.StringIO(newline="")
    if style == "none":  # what cannot be written without quotes is left out
        rows = [(a, "".join(" " if sign in f'{delimiter}"\r\n' else sign for sign in b), c) for a, b, c in rows]
    if end == "\r":
        rows = [(a, b.replace("\n", " "), c) for a, b, c in rows]
    quoting = {"minimal": csv.QUOTE_MINIMAL, "none": csv.QUOTE_NONE, "nonnumeric": csv.QUOTE_NONNUMERIC}
    writer = csv.writer(
        text,
        delimiter=delimiter,
        lineterminator=end,
        quoting=quoting.get(style, csv.QUOTE_ALL),
        doublequote=style != "escaped",
        escapechar="\\" if style == "escaped" else None,
        **({"quotechar": None} if style == "none" else {}),
    )
    empty_end = ["", ""] if draw(st.booleans()) else []
    if draw(st.booleans()):
        text.write(f"sep={delimiter}{end}")
    writer.writerow([*names, *empty_end])
    for row in rows:
        writer.writerow([*row, *empty_end])
        if draw(st.booleans()):
            text.write(draw(st.sampled_from(["", delimiter * 4])) + end)
    event(f"{style}, {encoding}")
    return Written(suffix, text.getvalue().encode(encoding), names, rows, encoding, decimal)


@st.composite
def structured(draw: st.DrawFn) -> Written:
    """JSON lines, JSON, parquet and workbooks."""
    suffix, names = draw(st.sampled_from([".jsonl", ".ndjson", ".json", ".parquet", ".xlsx"])), draw(NAMES)
    encoding = draw(st.sampled_from(["utf-8", "utf-16", "cp1252"])) if "json" in suffix else "utf-8"
    rows = draw(rows_of(encoding, "."))
    if suffix == ".parquet":
        return Written(suffix, pd.DataFrame(rows, columns=list(names), dtype="str").to_parquet(), names, rows)
    if suffix == ".xlsx":
        rows = [(a, b.replace("\r", " ").removeprefix("=").replace("=1+1", "1"), c) for a, b, c in rows]
        return Written(suffix, _workbook(names, rows, blank=draw(st.booleans())), names, rows)
    objects: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in rows]
    if draw(st.booleans()):
        objects, names = [{"data": one} for one in objects], tuple(f"data.{name}" for name in names)
    ascii_only, indent = draw(st.booleans()), draw(st.sampled_from([None, 1]))
    if suffix == ".json":
        document: Any = {"version": 1, "rows": objects} if draw(st.booleans()) else objects
        text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    else:
        end = draw(st.sampled_from(["\n", "\r\n", "\n\n"]))
        text = end.join(json.dumps(one, ensure_ascii=ascii_only) for one in objects) + draw(st.sampled_from(["", end]))
    return Written(suffix, text.encode(encoding), names, rows, encoding)


def _workbook(names: tuple[str, ...], rows: list[tuple[str, ...]], *, blank: bool) -> bytes:
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in (names, *rows):
        book.active.append([cell or None for cell in row])
        if blank:
            book.active.append([])
    book.save(content)
    return content.getvalue()


@st.composite
def packed(draw: st.DrawFn, written: Written) -> Written:
    """The same file, packed or not."""
    way = draw(st.sampled_from(["", "", ".gz", ".zip"]))
    if way == ".gz" and written.suffix not in (".parquet", ".xlsx"):
        return replace(written, suffix=f"{written.suffix}.gz", content=gzip.compress(written.content))
    if way == ".zip":
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr(f"inner{written.suffix}", written.content)
        return replace(written, suffix=".zip", content=content.getvalue())
    return written


@given(st.data())
@settings(suppress_health_check=list(HealthCheck), deadline=None)
def test_the_cells_that_were_written_are_read_back_or_a_line_says_why_not(tmp_path: Path, data: st.DataObject) -> None:
    written = data.draw(delimited() | structured())
    written = data.draw(packed(written))
    path = written.lay(tmp_path)
    found, rows = read(path)
    if isinstance(found, str):
        assert found.startswith(f"{path}: ")
        assert "\n" not in found
        event("refused")
        return
    complaints = [row.complaint for row in rows if row.complaint]
    if complaints:
        event("a row is refused")
        return
    cells, expected = [tuple(row.cells.values()) for row in rows], written.rows
    if [tuple(row.cells) for row in rows] == [written.names] * len(expected) and cells == expected:
        assert found.dialect.decimal in (written.decimal, ".")
        return
    assert said_to_be_a_guess(found, written), (found, cells)


def read(path: Path) -> tuple[Detected | str, list[Row]]:
    """How a file is read and its rows; or the line that refuses it."""
    try:
        found = detect_dialect(path)
        return found, list(open_rows(path, found.dialect))
    except InputError as error:
        return str(error), []


def said_to_be_a_guess(found: Detected, written: Written) -> bool:
    """Whether the file was read in another way than it was written in, and a sentence says that this may be so."""
    pairs = any("Backslashes stand in pairs" in reason for reason in found.reasons)
    return pairs or any(doubt.field == "encoding" and doubt.chosen != written.encoding for doubt in found.doubts)

"""Damage files of every format, and hold the reader to it: `python -m benchmarks.front_door.fuzz --n 10000`.

A damaged file is refused by one line, or read: then two readings give the same rows, a table has as many, and every
word of a text file stands in a name, in a cell, or in what is shown of a row that could not be read.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import re
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pandas as pd

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.dialects.detection import detect_dialect
from agile_classifier.data.formats.lines import SHOWN_LENGTH
from agile_classifier.data.formats.row import Row
from agile_classifier.data.rows import open_rows
from agile_classifier.data.tables import read_table
from agile_classifier.errors import InputError

TEXTS = (
    *("what a lovely day, friends", 'he said "go away" to me', "two lines\nof one text", "semi; colon and | pipe"),
    *("a back\\slash and a\ttab", "schöne Grüße überall", "привет дорогой друг", "plain words and nothing else"),
)
SIGNS = (
    b'"',
    b'""',
    b",",
    b";",
    b"\t",
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\\",
    b'\\"',
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xe9",
)
SIGNS_OF_JSON = (
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"null",
    b"1e999",
    b'"\\ud800"',
    b"sep=;\n",
    b",,,\n",
    b"NaN",
    b"\xe2\x80\xa8",
)
WORD = re.compile(r"[A-Za-z]{4,}")
_MARK = re.compile(r"\\x[0-9a-f]{2}")
SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".json", ".parquet", ".xlsx", ".ods", ".zip", ".csv.gz")

Rows = list[tuple[str, str, str]]


def main() -> int:
    """Damage files, and say what they came to; 1 where the reader was at fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000, help="files to damage")
    parser.add_argument("--seed", type=int, default=0, help="of the damage")
    asked = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = fuzz(Path(folder), n_files=asked.n, seed=asked.seed)
    outcomes = ", ".join(f"{n:,} {what}" for what, n in sorted(found.outcomes.items()))
    print(f"{asked.n:,} files in {time.monotonic() - start:.0f} s: {outcomes}; {len(found.faults)} faults")
    for fault in found.faults[:10]:
        print(fault)
    return bool(found.faults)


class Fault(Exception):
    """The reader did what it must not."""


class Findings:
    """What damaged files came to."""

    def __init__(self) -> None:
        self.outcomes = Counter[str]()
        self.faults = list[str]()


def fuzz(folder: Path, *, n_files: int, seed: int) -> Findings:
    """Damage and read `n_files` files, each of which its number and the seed determine."""
    seeds, findings = list(write_seeds()), Findings()
    for number in range(n_files):
        chance = random.Random(f"{seed} {number}")  # noqa: S311  (no secret)
        suffix, content = chance.choice(seeds)
        damaged = damage(content, chance, others=[other for _, other in seeds])
        if chance.random() < 0.05:
            suffix = chance.choice(SUFFIXES)
        path = folder / f"rows{suffix}"
        path.write_bytes(damaged)
        try:
            findings.outcomes[check(path)] += 1
        except InputError as error:
            findings.outcomes["refused"] += 1
            if "\n" in str(error) or not str(error).startswith(str(folder)):
                findings.faults.append(f"file {number}{suffix}: {error!r}")
        except BaseException as error:  # any other is what is looked for, a panic of a native library too
            if isinstance(error, KeyboardInterrupt):
                raise
            findings.faults.append(f"file {number}{suffix}: {traceback.format_exc()[-800:]}")
    return findings


def check(path: Path) -> str:
    """How a file came out; raises Fault where two readings differ or a word is lost."""
    dialect = detect_dialect(path).dialect
    file = open_rows(path, dialect)
    rows = list(file)
    _require([row.number for row in rows] == list(range(1, len(rows) + 1)), "numbers of the rows")
    _require(rows == list(open_rows(path, dialect)) or _holds_nan(rows), "a second reading")
    bad = [row for row in rows if row.complaint]
    _require(all("\n" not in row.complaint for row in bad), "a complaint of several lines")
    names = file.names()
    _require(all(set(row.cells) <= set(names) for row in rows), "a cell of no column")
    if path.name.endswith((".csv", ".tsv", ".txt", ".csv.gz")):
        require_words(path, dialect, names, rows)
    if bad:
        return "with a row refused"
    _require(len(read_table(path, dialect)) == len(rows), "rows of the table")
    return "read"


def require_words(path: Path, dialect: Dialect, names: list[str], rows: list[Row]) -> None:
    """Raise Fault where a word of the file stands nowhere any more."""
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    first, _, rest = content.decode(dialect.encoding, errors="replace").partition("\n")
    text = rest if first.lower().strip('\ufeff\r"').startswith("sep=") else f"{first}\n{rest}"
    given = Counter[str]()
    for part in (
        *names,
        *(cell for row in rows for cell in row.cells.values()),
        *(_MARK.sub(" ", row.written) for row in rows),
    ):
        given.update(WORD.findall(part))
    lost = Counter(WORD.findall(text)) - given
    cut = any(len(row.written) >= SHOWN_LENGTH for row in rows)
    _require(not lost or cut, f"words that are lost: {dict(lost)}")


def _require(holds: bool, said: str) -> None:
    if not holds:
        raise Fault(said)


def damage(content: bytes, chance: random.Random, *, others: list[bytes]) -> bytes:
    """The content with one to three of the things that may happen to a file."""
    for _ in range(chance.randint(1, 3)):
        content = chance.choice(DAMAGES)(content, chance, others)
    return content


def _insert(content: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    place = chance.randint(0, len(content))
    return content[:place] + chance.choice(SIGNS + SIGNS_OF_JSON) + content[place:]


def _flip(content: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    if not content:
        return content
    place = chance.randrange(len(content))
    return content[:place] + bytes([chance.randrange(256)]) + content[place + 1 :]


def _delete(content: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    place = chance.randint(0, len(content))
    return content[:place] + content[place + chance.randint(1, 20) :]


def _cut(content: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    return content[: chance.randint(0, len(content))] if chance.random() < 0.3 else content


def _repeat(content: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    start, end = sorted(chance.randint(0, len(content)) for _ in range(2))
    return content[:end] + content[start:end][:5000] + content[end:]


def _splice(content: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    other = chance.choice(others)
    start = chance.randint(0, len(other))
    place = chance.randint(0, len(content))
    return content[:place] + other[start : start + chance.randint(1, 200)] + content[place:]


def _replace_all(content: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    return content.replace(chance.choice(SIGNS[:9]), chance.choice(SIGNS))[:100_000]


def _lines(content: bytes, chance: random.Random, _: list[bytes]) -> bytes:
    lines = content.split(b"\n")
    chance.shuffle(lines)
    return b"\n".join(lines)


DAMAGES: tuple[Callable[[bytes, random.Random, list[bytes]], bytes], ...] = (
    *(_insert, _insert, _flip, _flip, _delete, _cut, _repeat, _splice, _replace_all, _lines),
)


def write_seeds() -> Iterator[tuple[str, bytes]]:
    """Sound files of every format: suffix and content."""
    rows: Rows = [(f"n{number}", text, f"0.{number}") for number, text in enumerate(TEXTS)]
    for delimiter, encoding in (
        (",", "utf-8"),
        (";", "utf-8-sig"),
        ("\t", "utf-16"),
        ("|", "utf-16-le"),
        (",", "utf-8"),
    ):
        text = _delimited(rows, delimiter)
        yield (".tsv" if delimiter == "\t" else ".csv"), text.encode(encoding)
    yield ".csv", _delimited(rows[:6], ";").replace("0.", "0,").encode("cp1252")
    yield ".csv", _delimited(rows[6:], ",").encode("cp1251")
    yield ".csv", _delimited(rows, ",").replace('""', '\\"').encode()
    yield ".txt", _delimited(rows, "\t").replace("\n", "\r\n").encode()
    yield ".csv", b"sep=;\r\n" + _delimited(rows, ";").encode()
    yield ".csv.gz", gzip.compress(_delimited(rows, ",").encode())
    objects = [dict(zip(("id", "text", "score"), row, strict=True)) for row in rows]
    lines = "\n".join(json.dumps(one, ensure_ascii=False) for one in objects).encode()
    yield ".jsonl", lines
    yield ".json", json.dumps(objects, indent=1).encode()
    yield ".json", json.dumps({"version": 1, "data": [{"a": {"b": one}, "label": ["x"]} for one in objects]}).encode()
    yield ".json", json.dumps([_task(one["text"]) for one in objects]).encode()
    yield ".jsonl", "\n".join(json.dumps({**one, "label": ["pos"]}) for one in objects).encode()
    yield ".parquet", pd.DataFrame(objects).assign(tags=[["x"]] * len(rows)).to_parquet()
    yield ".xlsx", _workbook(rows)
    yield ".zip", _zipped("rows.csv", _delimited(rows, ",").encode())
    yield ".zip", _zipped("rows.jsonl", lines)


def _delimited(rows: Rows, delimiter: str) -> str:
    frame = pd.DataFrame(rows, columns=["id", "text", "score"])
    return frame.to_csv(index=False, sep=delimiter, quoting=1, lineterminator="\n")


def _task(text: str) -> dict[str, object]:
    """A task of Label Studio."""
    result = {"from_name": "sentiment", "to_name": "text", "type": "choices", "value": {"choices": ["pos"]}}
    return {"id": 1, "data": {"text": text}, "annotations": [{"id": 1, "completed_by": 1, "result": [result]}]}


def _workbook(rows: Rows) -> bytes:
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in (("id", "text", "score"), *rows):
        book.active.append(row)
    book.save(content)
    return content.getvalue()


def _zipped(name: str, content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return target.getvalue()


def _holds_nan(rows: list[Row]) -> bool:
    """Whether a cell differs from itself, so that rows cannot be compared."""
    return any(cell != cell for row in rows for cell in row.cells.values())


if __name__ == "__main__":
    sys.exit(main())

"""JSON arrays: one document that holds its rows in an array, read object by object in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from agile_classifier.data.formats.json_lines import JsonLinesFile
from agile_classifier.data.formats.json_objects import JsonFile
from agile_classifier.data.formats.lines import LONGEST_ROW, Lines
from agile_classifier.data.formats.row import Row
from agile_classifier.errors import InputError, one_line

SPACE = " \t\r\n"


class JsonArrayFile(JsonFile):
    """A .json file: an array of objects, an object with one array of them, or objects one a line.

    Raises
    ------
    InputError
        On iterating: it holds none of these, several arrays of objects, or what is no JSON; of an array nothing can be
        read behind the first such place.
    """

    without_rows = "holds no rows: an array of objects was looked for"

    def _rows(self) -> Iterator[Row]:
        with self._open() as lines:
            document = _Document(lines)
            if document.peek() == "{" and document.holds_lines():
                yield from JsonLinesFile(self.path, self.dialect)._rows()
                return
            number = 1
            for found in _values(document):
                for row in self._rows_of(found.value, number, found.line, found.written, found.complaint):
                    yield row
                    number = row.number + 1


@dataclass(frozen=True)
class _Value:
    """A value of a document."""

    value: Any
    line: int
    """On which it begins."""
    written: str
    """How it stands in the file."""
    complaint: str = ""
    """Why it makes no row."""


@dataclass
class _Document:
    """The text of a JSON document, of which no more is held than a row needs."""

    lines: Lines
    text: str = ""
    place: int = 0
    """Position of the next character in `text`."""
    line: int = 1
    twins: list[str] = field(default_factory=list)
    """What stands twice in the latest value."""

    def __post_init__(self) -> None:
        self._chunks = self.lines.chunks()
        self._decoder = json.JSONDecoder(object_pairs_hook=self._note_twins)
        self.read_on()
        self.text = self.text.removeprefix("\ufeff")

    def peek(self) -> str:
        """The next character that is no space, in front of which the document then stands; empty at its end."""
        while True:
            start, length = self.place, len(self.text)
            while self.place < length and self.text[self.place] in SPACE:
                self.place += 1
            self.line += self.text.count("\n", start, self.place)
            if self.place < length:
                return self.text[self.place]
            if not self.read_on():
                return ""

    def take(self, *allowed: str) -> str:
        """Pass over the next character, which must be one of those."""
        found = self.peek()
        if found not in allowed:
            named = repr(found) if found else "the end of the file"
            raise self.refusal(f"needed is {' or '.join(map(repr, allowed))}, found {named}")
        self.place += 1
        return found

    def value(self) -> _Value:
        """The next value."""
        self.peek()
        while True:
            self.twins.clear()
            try:
                value, end = self._decoder.raw_decode(self.text, self.place)
                if end < len(self.text) or not self.read_on():
                    break
            except json.JSONDecodeError as error:
                if len(self.text) - self.place > LONGEST_ROW:
                    raise self.refusal(f"a value of more than {LONGEST_ROW:,} characters, or no JSON") from None
                if not self.read_on():
                    raise self.refusal(f"not JSON: {error.msg}", self.text.count("\n", self.place, error.pos)) from None
            except (ValueError, RecursionError) as error:
                raise self.refusal(f"not JSON: {one_line(error)}") from None
        written = self.text[self.place : end]
        self.place = end
        found = _Value(value, self.line, written, f"the key {self.twins[0]!r} stands twice" if self.twins else "")
        self.line += written.count("\n")
        return found

    def holds_lines(self) -> bool:
        """Whether another object stands behind the first, without a comma: JSON lines under another name."""
        try:
            _, end = json.JSONDecoder().raw_decode(self.text, self.place)
        except (ValueError, RecursionError):
            first, newline, _ = self.text[self.place :].partition("\n")
            return bool(newline) and first.rstrip().endswith("}") and first.count("{") == first.count("}")
        return self.text[end : end + 100].lstrip(SPACE).startswith("{")

    def refusal(self, complaint: str, n_lines: int = 0) -> InputError:
        """The line that refuses the document at its place."""
        return InputError(f"{self.lines.path}: line {self.line + n_lines}: {complaint}")

    def read_on(self) -> bool:
        """Hold the next piece of the file, and nothing before the place any more; False at the end."""
        chunk = next(self._chunks, "")
        self.text, self.place = self.text[self.place :] + chunk, 0
        return bool(chunk)

    def _note_twins(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        cells = dict(pairs)
        if len(cells) < len(pairs):
            names = [name for name, _ in pairs]
            self.twins.append(next(name for name in names if names.count(name) > 1))
        return cells


def _values(document: _Document) -> Iterator[_Value]:
    """Each value of the document's array."""
    if document.peek() == "[":
        yield from _elements(document)
    elif document.peek() == "{":
        yield from _array_in_object(document)
    else:
        raise document.refusal("needed is an array of objects, `[{…}, …]`")
    if document.peek():
        raise document.refusal(f"the document goes on behind its end: {document.peek()!r}")


def _elements(document: _Document) -> Iterator[_Value]:
    document.take("[")
    if document.peek() == "]":
        document.take("]")
        return
    while True:
        yield document.value()
        if document.take(",", "]") == "]":
            return


def _array_in_object(document: _Document) -> Iterator[_Value]:
    """The elements of the one array of objects among an object's values; the object itself, where it has none."""
    whole, line, name_of_array = dict[str, Any](), document.line, ""
    document.take("{")
    while document.peek() != "}":
        key = document.value().value
        if not isinstance(key, str):
            raise document.refusal("a key is no text")
        document.take(":")
        if document.peek() == "[" and _holds_objects(document):
            if name_of_array:
                raise document.refusal(f"{name_of_array!r} and {key!r} are arrays of objects; needed is one")
            name_of_array = key
            yield from _elements(document)
        else:
            whole[key] = document.value().value
        if document.peek() != "}":
            document.take(",")
    document.take("}")
    if _is_of_pandas(whole):
        raise document.refusal(
            "an object of columns or of rows by their key, as pandas writes it; its to_json(orient='records') writes "
            "the rows that are needed"
        )
    if not name_of_array and whole:
        yield _Value(whole, line, "")


def _holds_objects(document: _Document) -> bool:
    while not (rest := document.text[document.place + 1 :].lstrip(SPACE)) and document.read_on():
        pass
    return rest.startswith("{")


def _is_of_pandas(whole: dict[str, Any]) -> bool:
    """Whether an object holds a table turned round: cells by column and row, rows by key, or `orient="split"`."""
    if whole.keys() == {"columns", "index", "data"}:
        return True
    parts = list(whole.values())
    are_alike = len(parts) > 1 and all(isinstance(part, dict) and part.keys() == parts[0].keys() for part in parts)
    return are_alike and len(parts[0]) > 1

"""Several files of rows, read one after the other as one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

from agile_classifier.data.formats.row import Row, RowFile
from agile_classifier.errors import InputError, one_line

QUEUED = ("probability", "reason")
"""Columns that `agile queue` writes beside a text: what a model said of it, which is nothing to learn from."""


class SeveralFiles(RowFile):
    """Files of the same columns, whose rows are counted on from file to file.

    What `agile queue` adds is left out where the first file lacks it, so that a filled-in file goes beside the rows
    that were labelled before.

    Raises
    ------
    InputError
        On iterating, or asking for names or schema: a file has other columns than the first.
    """

    def __init__(self, files: Sequence[RowFile]) -> None:
        super().__init__(files[0].path, files[0].dialect)
        self.files = tuple(files)
        self._at = 0

    @property
    def share(self) -> float:
        """Part of the files that the latest iteration has read, from 0 to 1."""
        return (self._at + self.files[self._at].share) / len(self.files)

    def names(self) -> list[str]:
        """Columns of the first file, in its order; the others have the same."""
        first, *others = self.files
        names = first.names()
        for other in others:
            self._require_same(names, other)
        return names

    def schema(self) -> pa.Schema:
        """Names and types that hold the cells of every file."""
        names = self.names()
        kept = [pa.schema([column for column in file.schema() if column.name in names]) for file in self.files]
        try:
            return pa.unify_schemas(kept, promote_options="permissive")
        except pa.ArrowException as error:
            raise InputError(f"{self.path}: other types than in the files after it: {one_line(error)}") from None

    def _rows(self) -> Iterator[Row]:
        left_out = set(QUEUED) - set(self.names())
        n_before = 0
        for at, file in enumerate(self.files):
            self._at, row = at, None
            for row in file:
                cells = {name: cell for name, cell in row.cells.items() if name not in left_out}
                yield replace(
                    row, number=n_before + row.number, cells=cells, path=row.path or file.path, n_before=n_before
                )
            n_before += row.number if row else 0

    def _mark_empty(self, row: Row) -> Row:
        """Each file has marked its own rows, and knows what it has in quotes."""
        return row

    def _require_same(self, names: list[str], other: RowFile) -> None:
        found = other.names()
        if set(QUEUED) <= set(found) and not set(QUEUED) & set(names):
            found = [name for name in found if name not in QUEUED]
        lacking = [name for name in names if name not in found]
        more = [name for name in found if name not in names]
        if lacking or more:
            said = [
                f"{'lacks' if part is lacking else 'also has'} {', '.join(map(repr, part))}"
                for part in (lacking, more)
                if part
            ]
            raise InputError(
                f"{other.path}: its columns differ from those of {self.path}: it {' and '.join(said)}; "
                "files are read as one table where their columns are the same"
            )

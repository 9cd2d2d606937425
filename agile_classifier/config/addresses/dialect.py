"""Config of a dialect: how a file of rows is read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agile_classifier.config import bounds
from agile_classifier.config.section import Section

EMPTY = (
    "\\N", "NULL", "(null)", "[NULL]", "<null>", "<NA>",
    "#N/A", "#NV", "#N/D", "#NULL!", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!",
)  # fmt: skip
"""What databases and spreadsheets write for nothing, and no person for a text; "None" and "NA" may be either."""


class Dialect(Section):
    """How a file of rows is read; a field counts only where the file's format leaves it open."""

    delimiter: bounds.Sign | None = None
    """Column delimiter; by default the file's suffix decides (.csv `,`, .tsv and .txt a tab)."""
    encoding: bounds.Encoding = "utf-8"
    """Character encoding of the file."""
    column_names: Annotated[tuple[bounds.Cell, ...], Field(max_length=bounds.MOST_NAMES)] | None = None
    """Names of the columns, for a file without a header line."""
    quoting: bool = True
    """Whether double quotes enclose values."""
    escape: bounds.Sign | None = None
    """Character, most often a backslash, that makes a delimiter, quote, line end or itself behind it a plain
    character."""
    decimal: Literal[".", ","] = "."
    """Decimal mark of the numbers in the cells."""
    sheet: bounds.Cell | None = None
    """Sheet of a workbook (.xlsx, .ods) that holds the rows, where several hold some."""
    empty: Annotated[tuple[bounds.Cell, ...], Field(max_length=bounds.MOST_NAMES)] = EMPTY
    """Words that programs write for a cell that holds nothing: such a cell is no text, no score and no class, in
    training as in scoring. In double quotes it is the word itself. `[""]`: there is no such word."""

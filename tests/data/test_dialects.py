"""Dialects: how a file that nobody has described is read, why, and what is in doubt."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.dialects.detection import detect_dialect
from agile_classifier.data.rows import open_rows
from agile_classifier.data.tables import read_table
from agile_classifier.errors import InputError

RUSSIAN = (
    "текст,метка\nхороший водитель помог мне,нет\nзлой сосед кричал на всех,да\nдобрый продавец улыбался утром,нет\n"
)
JAPANESE = "text,label\n今日はとても良い天気ですね,1\n最悪な店員だった,0\n東京の空は青い,1\n"
CHINESE = "text,label\n今天天气很好，我们去公园,1\n这个人真讨厌，滚开,0\n非常感谢你的帮助,1\n"
GERMAN = "text,label\nÜberraschung, schöner Tag für alle,ja\nDas Mädchen hört größere Töne,nein\n".replace(", ", " ")
POLISH = "text,label\nPříliš žluťoučký kůň úpěl ďábelské ódy,1\nZażółć gęślą jaźń i źle,0\n"
KOREAN = "text,label\n오늘 날씨가 정말 좋네요,1\n그 사람은 정말 나쁘다,0\n"


def write(folder: Path, content: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (GERMAN, "cp1252"),
        ("text,label\nl’été dernier le garçon était très fâché,1\n", "cp1252"),
        ("text,label\nit’s a nice day,1\n", "cp1252"),
        (POLISH, "cp1250"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "gb18030"),
        (KOREAN, "cp949"),
    ],
)
def test_another_code_page_is_found_and_said_to_be_a_guess(tmp_path: Path, text: str, encoding: str) -> None:
    found = detect_dialect(write(tmp_path, text.encode(encoding)))
    assert found.dialect.encoding == encoding
    (doubt,) = found.doubts
    assert (doubt.field, doubt.chosen) == ("encoding", encoding)
    assert doubt.shown in text
    assert not doubt.shown.isascii()
    assert all(name != encoding and shown != doubt.shown for name, shown in doubt.others)
    assert f"encoding {encoding} is a guess: it reads {doubt.shown!r}" in found.reasons[0]
    assert "data.encoding (--encoding) decides" in found.reasons[0]


def test_the_next_likely_code_page_is_shown_with_the_same_cell(tmp_path: Path) -> None:
    (doubt,) = detect_dialect(write(tmp_path, RUSSIAN.encode("cp1251"))).doubts
    assert doubt.shown == "текст,метка"
    assert ("koi8_r", "текст,метка".encode("cp1251").decode("koi8_r")) in doubt.others


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-8"])
@pytest.mark.parametrize("text", [GERMAN, RUSSIAN, JAPANESE])
def test_unicode_is_known_by_its_bytes_and_is_no_guess(tmp_path: Path, text: str, encoding: str) -> None:
    path = write(tmp_path, text.encode(encoding))
    found = detect_dialect(path)
    assert not found.doubts
    assert [row.cells for row in open_rows(path, found.dialect)] == list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("n_stray", [1, 3])
def test_utf_8_with_a_few_stray_bytes_stays_utf_8_and_the_line_is_named(tmp_path: Path, n_stray: int) -> None:
    good = "naïve Übung,a\n".encode() * 4
    path = write(tmp_path, b"text,label\n" + good + b"caf\xe9,b\n" * n_stray + good)
    found = detect_dialect(path)
    assert found.dialect == Dialect()
    assert f"UTF-8, but {n_stray} byte" in found.reasons[0]
    assert "the first on line 6" in found.reasons[0]
    with pytest.raises(InputError, match=r"row 5 \(line 6\): byte 0xe9 after 'caf' is not UTF-8"):
        read_table(path, found.dialect)
    assert sum(not row.complaint for row in open_rows(path, found.dialect)) == 8


def test_a_nul_byte_is_named_by_its_row_and_blames_no_encoding(tmp_path: Path) -> None:
    path = write(tmp_path, b"text,label\nacross the\0hall,a\nfine,b\n")
    found = detect_dialect(path)
    assert (found.dialect, found.reasons) == (Dialect(), ())
    with pytest.raises(InputError, match=r"row 1 \(line 2\): holds a NUL byte$"):
        read_table(path, found.dialect)


ESCAPED = r"""text,label
"he said \"go, home\", ok",a
"C:\new \\ \"x\"",b
"""


def test_quotes_escaped_by_backslashes_are_found_and_no_other_backslash_is_lost(tmp_path: Path) -> None:
    path = write(tmp_path, ESCAPED)
    found = detect_dialect(path)
    assert found.dialect == Dialect(escape="\\")
    assert found.reasons[0].startswith(r"'\\' makes the quote or delimiter behind it a plain character")
    assert read_table(path, found.dialect)["text"].tolist() == ['he said "go, home", ok', 'C:\\new \\ "x"']


def test_backslashes_within_proper_quotes_are_characters(tmp_path: Path) -> None:
    path = write(tmp_path, 'text,label\n"he said ""C:\\temp\\"", ok",a\nplain \\n,b\n')
    assert detect_dialect(path).dialect == Dialect()
    assert read_table(path)["text"].tolist() == ['he said "C:\\temp\\", ok', "plain \\n"]


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONE])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_pythons_writer_escapes_is_read_back(tmp_path: Path, quoting: int, end: str) -> None:
    rows = [['a "b", c\\', "1"], ["d\ne", "2"], ["\\", '"']]
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, escapechar="\\", doublequote=False, lineterminator=end).writerows(
        [["text", "n"], *rows]
    )
    path = tmp_path / "rows.csv"
    path.write_text(text.getvalue(), newline="", encoding="utf-8")
    dialect = Dialect(escape="\\", quoting=quoting != csv.QUOTE_NONE)
    assert [list(row.cells.values()) for row in open_rows(path, dialect)] == rows


@pytest.mark.parametrize(("escape", "said"), [("ab", r"data\.escape is 'ab'"), (",", "which parts the columns too")])
def test_an_escape_that_cannot_be_is_refused(tmp_path: Path, escape: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        list(open_rows(write(tmp_path, "a,b\n1,2\n"), Dialect(escape=escape)))


@pytest.mark.parametrize(
    ("cells", "decimal"),
    [
        (["0,2", "1,5", "3"], ","),
        (["-0,25", "", "1,0"], ","),
        (["12,5 %", "30 %", "7%"], ","),
        (["1,200", "3,400"], "."),
        (["0.2", "1.5"], "."),
        (["1", "2"], "."),
        (["0,2", "n/a"], "."),
        (["a, b", "c, d"], "."),
    ],
)
def test_a_decimal_comma_is_found_where_the_delimiter_is_none(tmp_path: Path, cells: list[str], decimal: str) -> None:
    path = write(tmp_path, "text;n\n" + "".join(f"so {number} good;{cell}\n" for number, cell in enumerate(cells)))
    found = detect_dialect(path)
    assert found.dialect == Dialect(delimiter=";", decimal=decimal)
    assert any("decimal comma: all cells of column 'n'" in reason for reason in found.reasons) == (decimal == ",")


def test_a_comma_that_parts_columns_is_no_decimal_mark(tmp_path: Path) -> None:
    assert detect_dialect(write(tmp_path, 'text,n\nso good,"0,5"\nso bad,"0,7"\n')).dialect == Dialect()


TEXTS = ["what a lovely day it was", "go away you stupid fool", "nobody expected this at all", "thanks for the help"]


@pytest.mark.parametrize(
    ("first", "is_row"),
    [
        ("text,label", False),
        ("0,1", False),
        ("1,0", False),
        (",0", False),
        ("index,1", False),
        ("How do you like it in a few words?,From 1 to 5?", False),
        ("what a pity it was,1", True),
        ("a rude remark to me,0", True),
    ],
)
def test_the_first_line_is_a_row_only_where_it_looks_like_one(tmp_path: Path, first: str, is_row: bool) -> None:
    path = write(tmp_path, f"{first}\n" + "".join(f"{text},{n % 2}\n" for n, text in enumerate(TEXTS)))
    names = detect_dialect(path).dialect.column_names
    assert names == (("column_1", "column_2") if is_row else None)


def test_a_first_line_with_a_class_of_the_rows_below_is_a_row(tmp_path: Path) -> None:
    path = write(tmp_path, "I love this so much\tpos\nwhat a mess it is\tneg\nthank you all\tpos\n", "rows.tsv")
    assert detect_dialect(path).dialect.column_names == ("column_1", "column_2")


@pytest.mark.parametrize("header", ["Unnamed: 0,text,label", ",text,label", "0,text,label", "index,0,1"])
def test_what_pandas_calls_columns_are_names(tmp_path: Path, header: str) -> None:
    path = write(tmp_path, f"{header}\n" + "".join(f"{n},{text},{n % 2}\n" for n, text in enumerate(TEXTS)))
    found = detect_dialect(path)
    assert found.dialect == Dialect()
    assert open_rows(path, found.dialect).names() == header.split(",")


def test_lines_that_are_whole_rows_are_not_glued_by_a_quote_that_opens_a_text(tmp_path: Path) -> None:
    path = write(tmp_path, 'text\tcat\n"so good\ta\nmiddle\tb\nthe end"\ta\nlast\tb\n', "rows.tsv")
    found = detect_dialect(path)
    assert found.dialect == Dialect(quoting=False)
    assert "glue lines" in found.reasons[0]
    assert len(read_table(path, found.dialect)) == 4


def test_one_bad_row_does_not_change_how_the_others_are_read(tmp_path: Path) -> None:
    rows = "".join(f"text number {n};{n % 2}\n" for n in range(20))
    path = write(tmp_path, f"text;label\n{rows}too;many;cells\n")
    found = detect_dialect(path)
    assert found.dialect == Dialect(delimiter=";")
    with pytest.raises(InputError, match=r"row 21 \(line 22\): 3 cells; the columns are 2"):
        read_table(path, found.dialect)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~", "\x1f"])
def test_delimiters_are_found(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path, "".join(f"a{n}{delimiter}so good, really{delimiter}x\n" for n in "bcd").replace(", ", " "))
    assert len(read_table(path, detect_dialect(path).dialect).columns) == 3


def test_backslashes_in_pairs_alone_are_remarked_on(tmp_path: Path) -> None:
    found = detect_dialect(write(tmp_path, 'text,label\n"see C:\\\\new",a\nplain text,b\n'))
    assert found.dialect == Dialect()
    (reason,) = found.reasons
    assert reason.startswith(r'Backslashes stand in pairs alone, as in "see C:\\new",a: with data.escape')
    assert not detect_dialect(write(tmp_path, "text,label\nsee C:\\\\new and D:\\old,a\n")).reasons

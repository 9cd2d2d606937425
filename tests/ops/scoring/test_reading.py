"""How a file is read that is to be scored: as the version's own was, unless a person or the file itself says otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.data import DataConfig
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.data.row_parts import Layout
from agile_classifier.data.rows import open_rows
from agile_classifier.errors import InputError
from agile_classifier.ops.scoring.answer_columns import find_answers, find_earlier, place_answers
from agile_classifier.ops.scoring.monitoring import place_for_scores
from agile_classifier.ops.scoring.queue import read_pool
from agile_classifier.ops.scoring.reading import Reading, Remembered, choose_layout, find_scored, resolve
from agile_classifier.ops.scoring.scored_batch import scored_version
from agile_classifier.ops.scoring.signs import contradiction, read_mark
from tests.ops.scoring.test_same_rows import NAMES, Writer, in_one_folder, scored, tables, trained_on, writers
from tests.toys import toy_stream

WHOSE = "mood version 3"


def remembered(source: str = "train.csv", *, text: str = "text", **dialect: Any) -> Remembered:
    """What a version trained on `source` records."""
    data = DataConfig(source=source, columns={"text": text}, **dialect)
    return Remembered.of_config({"data": data.model_dump(mode="json")}, whose=WHOSE)


def texts_of(path: Path, reading: Reading) -> list[str]:
    return [row.cells[reading.column] for row in open_rows(path, reading.dialect) if not row.complaint]


def write(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(content.encode(encoding))
    return path


def test_a_file_is_read_as_the_one_was_that_the_version_was_trained_on(tmp_path: Path) -> None:
    path = write(tmp_path / "neu.csv", "comment;n\nwie schön;1\nMüll überall;2\n", "cp1252")
    config = remembered(text="comment", delimiter=";", encoding="cp1252")
    reading = resolve(path, ReadingOptions(), config)
    assert texts_of(path, reading) == ["wie schön", "Müll überall"]
    assert reading.notes == (
        "read as the config of mood version 3 says: delimiter ';', encoding cp1252, column 'comment'",
    )
    said = ReadingOptions(column="n", dialect={"delimiter": ";", "encoding": "latin-1"})
    assert resolve(path, said, config) == Reading("n", Dialect(delimiter=";", encoding="latin-1"))


def test_quotes_that_are_plain_for_the_version_give_each_line_its_row(tmp_path: Path) -> None:
    path = write(tmp_path / "q.tsv", 'text\tcat\n"so good\ta\nmiddle\tb\nend of it"\ta\nlast\tb\n')
    reading = resolve(path, ReadingOptions(), remembered("train.tsv", quoting=False))
    assert texts_of(path, reading) == ['"so good', "middle", 'end of it"', "last"]
    assert reading.notes == ("read as the config of mood version 3 says: without quoting",)
    doubtful = resolve(path, ReadingOptions(), remembered("train.tsv"))
    assert len(texts_of(path, doubtful)) == 2
    (warning,) = doubtful.notes
    assert warning.startswith("warning: row 1 (line 2) spans several lines")
    assert warning.endswith("--no-quoting")
    assert resolve(path, ReadingOptions(dialect={"quoting": True}), remembered("train.tsv")).notes == ()


def test_a_text_of_several_lines_whose_quotes_enclose_it_is_not_warned_of(tmp_path: Path) -> None:
    path = write(tmp_path / "texts.csv", 'id,text\n1,"two,\nlines"\n2,one\n')
    assert resolve(path, ReadingOptions(), remembered()).notes == ()


def test_what_programs_write_into_a_csv_says_nothing_of_a_tsv_but_for_the_encoding(tmp_path: Path) -> None:
    config = remembered("train.csv", delimiter=";", quoting=False, encoding="latin-1")
    path = write(tmp_path / "new.tsv", 'text\tn\n"schön"\t1\n', "latin-1")
    reading = resolve(path, ReadingOptions(), config)
    assert reading.dialect == Dialect(encoding="latin-1")
    assert reading.notes == (
        "read as the config of mood version 3 says: encoding latin-1",
        "not delimiter ';', without quoting of that config, which is of a .csv",
    )
    path = write(tmp_path / "new.txt", 'text\tn\n"so\t1\n')
    assert texts_of(path, resolve(path, ReadingOptions(), remembered("train.tsv", quoting=False))) == ['"so']
    lines = write(tmp_path / "new.jsonl", '{"text": "a"}\n')
    assert resolve(lines, ReadingOptions(), config) == Reading("text", Dialect())
    pd.DataFrame({"text": ["a"]}).to_parquet(tmp_path / "new.parquet")
    assert resolve(tmp_path / "new.parquet", ReadingOptions(), config) == Reading("text", Dialect())
    packed = remembered("https://example.org/train.csv.gz?download=1", delimiter=";")
    path = write(tmp_path / "new.csv", "text;n\na;1\n")
    assert resolve(path, ReadingOptions(), packed).dialect == Dialect(delimiter=";")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("config", [Remembered(), remembered(encoding="cp1252"), remembered(encoding="utf-16-le")])
def test_a_byte_order_mark_comes_before_what_is_remembered(tmp_path: Path, encoding: str, config: Remembered) -> None:
    path = write(tmp_path / "new.csv", "text\nschön — こんにちは\n", encoding)
    reading = resolve(path, ReadingOptions(), config)
    assert texts_of(path, reading) == ["schön — こんにちは"]
    if config.dialect.encoding != "utf-8":
        assert reading.notes == (f"its byte order mark says {encoding.removesuffix('-sig')}",)


def test_bytes_that_are_hardly_of_the_remembered_encoding_are_asked_about(tmp_path: Path) -> None:
    path = write(tmp_path / "new.csv", "text\nschön\n")
    with pytest.raises(InputError) as refused:
        resolve(path, ReadingOptions(), remembered(encoding="cp1252"))
    assert str(refused.value) == (
        f"{path}: the config of mood version 3 reads cp1252, but its bytes are UTF-8: 'schön' would be 'schÃ¶n'; say which"
        " with --encoding utf-8 or --encoding cp1252"
    )
    for encoding, text in (("utf-8", "schön"), ("cp1252", "schÃ¶n")):
        said = ReadingOptions(dialect={"encoding": encoding})
        assert texts_of(path, resolve(path, said, remembered(encoding="cp1252"))) == [text]
    plain = write(tmp_path / "plain.csv", "text\nfine\n")
    assert texts_of(plain, resolve(plain, ReadingOptions(), remembered(encoding="cp1252"))) == ["fine"]
    with pytest.raises(
        InputError, match="reads utf-16, but its bytes are plain ASCII; say which with --encoding utf-8"
    ):
        resolve(plain, ReadingOptions(), remembered(encoding="utf-16"))


def test_an_escape_is_remembered(tmp_path: Path) -> None:
    path = write(tmp_path / "new.csv", "text,n\nfine\\, really,1\n")
    reading = resolve(path, ReadingOptions(), remembered(escape="\\", quoting=False))
    assert texts_of(path, reading) == ["fine, really"]
    assert reading.notes == ("read as the config of mood version 3 says: without quoting, escape '\\\\'",)


def test_names_of_columns_are_remembered_unless_the_file_has_a_header(tmp_path: Path) -> None:
    config = remembered(text="comment", column_names=["n", "comment"])
    path = write(tmp_path / "new.csv", "1,fine\n2,awful\n")
    reading = resolve(path, ReadingOptions(), config)
    assert texts_of(path, reading) == ["fine", "awful"]
    assert reading.notes == ("read as the config of mood version 3 says: column names n, comment, column 'comment'",)
    path = write(tmp_path / "new.csv", "comment,n\nfine,1\n")
    reading = resolve(path, ReadingOptions(), config)
    assert texts_of(path, reading) == ["fine"]
    assert "its first line is taken for the names of its columns" in reading.notes
    path = write(tmp_path / "new.csv", "word,comments\nfine,1\n")
    header = ReadingOptions(column="word", dialect={"column_names": []})
    assert texts_of(path, resolve(path, header, config)) == ["fine"]


def test_a_column_that_is_not_there_is_named_with_the_nearest_and_the_option(tmp_path: Path) -> None:
    path = write(tmp_path / "new.csv", "id,coment\n1,fine\n")
    with pytest.raises(InputError) as refused:
        resolve(path, ReadingOptions(), remembered(text="comment"))
    assert str(refused.value) == (
        f"{path}: no column 'comment', which the config of mood version 3 names (--column); there are 'id', 'coment'; did"
        " you mean coment?"
    )
    with pytest.raises(InputError, match=r"no column 'word' \(--column\); there are 'id', 'coment'"):
        resolve(path, ReadingOptions(column="word"), remembered(text="comment"))
    lines = write(tmp_path / "new.jsonl", '{"id": 1}\n{"id": 2, "comment": "fine"}\n')
    assert resolve(lines, ReadingOptions(), remembered(text="comment")).column == "comment"


def test_a_version_that_records_no_config_leaves_the_defaults(tmp_path: Path) -> None:
    path = write(tmp_path / "new.csv", "id,text\n1,fine\n")
    for config in ({}, {"fine_tune": {}}, {"data": {"source": "hf://datasets/mteb/x"}}):
        assert resolve(path, ReadingOptions(), Remembered.of_config(config, whose=WHOSE)) == Reading("text", Dialect())


@given(st.data())
@settings(in_one_folder, max_examples=25)
def test_the_dialect_of_a_versions_config_gives_every_command_the_rows_that_it_gave_training(
    tmp_path: Path, data: st.DataObject
) -> None:
    writer: Writer = data.draw(writers())
    rows = data.draw(tables(writer))
    path, dialect = writer.write(tmp_path, rows)
    config = remembered(f"elsewhere{writer.suffix}", **dialect.model_dump())
    doubt = "" if read_mark(path) or writer.suffix == ".parquet" else contradiction(path, dialect.encoding)
    if doubt:
        with pytest.raises(InputError, match=f"say which with --encoding utf-8 or --encoding {dialect.encoding}"):
            resolve(path, ReadingOptions(), config)
    reading = resolve(path, ReadingOptions(dialect={"encoding": dialect.encoding} if doubt else {}), config)
    assert trained_on(path, reading.dialect) == rows
    assert scored(path, reading.dialect) == rows
    pool = read_pool(path, reading.dialect, column=reading.column, score_column="score")
    assert (list(pool.frame.itertuples(index=False, name=None)), pool.unreadable) == (rows, ())


ANSWERS = ("label", "probability_no", "probability_yes")
WITH_BANDS = (*ANSWERS, "decision")
OWN = st.lists(
    st.sampled_from(
        ["text", "id", "label", "model_version", "run_id", "probability_no", "x_label", "predicted_x", "decision"]
    ),
    unique=True,
    max_size=6,
)


@given(OWN, st.sampled_from([None, "new_", "predicted_"]), st.sampled_from([ANSWERS, WITH_BANDS]))
@settings(max_examples=200)
def test_added_columns_never_stand_for_a_files_own_and_are_found_again(
    own: list[str], prefix: str | None, answers: tuple[str, ...]
) -> None:
    earlier = find_earlier(own)
    placed = place_answers(own, answers, prefix=prefix)
    kept = [name for name in own if name not in placed.replaced]
    assert set(placed.replaced) <= set(earlier)
    assert len({*kept, *placed.names.values()}) == len(kept) + len(answers) + 2
    names = [*kept, *placed.names.values()]
    found = find_answers(names)
    assert found in ("", prefix)
    if prefix is None:
        assert find_earlier(names) == list(placed.names.values())
        assert place_answers(names, answers, prefix=None) == placed.__class__(
            placed.names, tuple(placed.names.values())
        )


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt", ".jsonl", ".parquet"])
@pytest.mark.parametrize("content", ["text;n\nwie schön;1\n", 'text;label\n"so ""fine"", yes";gold\n'])
def test_a_scored_file_is_known_by_its_columns_whatever_it_was_scored_from(
    tmp_path: Path, suffix: str, content: str
) -> None:
    source = write(tmp_path / f"new{suffix if suffix in ('.csv', '.tsv', '.txt') else '.csv'}", content, "cp1252")
    output = tmp_path / f"scored{suffix}"
    said = ReadingOptions(dialect={"delimiter": ";", "encoding": "cp1252"})
    dialect = resolve(source, said, Remembered()).dialect
    toy_stream.score_file(source, output, dialect, layout=choose_layout(source, dialect, output))
    assert place_for_scores(source, said) is not None
    assert place_for_scores(output, ReadingOptions()) is None
    assert scored_version(output) == "1"
    found = find_scored(output, ReadingOptions())
    assert found is not None
    config = remembered(f"train{suffix}", quoting=False, encoding="cp1252", column_names=("a", "b"))
    reading = resolve(output, ReadingOptions(), config)
    assert (reading.dialect, found.answers) == (found.dialect, "")
    assert texts_of(output, reading) == texts_of(source, Reading("text", dialect))


@pytest.mark.parametrize(
    ("name", "content", "encoding", "output", "layout"),
    [
        ("a.csv", "text,n\nfine,1\n", "utf-8", "o.csv", Layout(",")),
        ("a.csv", "text;n\r\nfine;1\r\n", "utf-8-sig", "o.csv", Layout(";", "\r\n", has_mark=True)),
        ("a.csv", "text;n\r\nfine;1\r\n", "utf-8-sig", "o.tsv", Layout("\t", "\r\n", has_mark=True)),
        ("a.txt", "text;n\nfine;1\n", "utf-16", "o.txt", Layout(";", has_mark=True)),
        ("a.csv", "text;n\nschön;1\n", "cp1252", "o.csv", Layout(";", has_mark=True)),
        ("a.csv", "sep=;\r\ntext;n\r\nfine;1\r\n", "utf-8", "o.csv", Layout(";", "\r\n")),
        ("a.tsv", "text;n\rfine;1\r", "utf-8", "o.tsv", Layout(";", "\r")),
    ],
)
def test_a_delimited_output_is_laid_out_as_its_input(
    tmp_path: Path, name: str, content: str, encoding: str, output: str, layout: Layout
) -> None:
    path = write(tmp_path / name, content, encoding)
    delimiter = None if content.startswith("sep") or ";" not in content else ";"
    dialect = Dialect(delimiter=delimiter, encoding=encoding.removesuffix("-sig"))
    assert choose_layout(path, dialect, tmp_path / output) == layout
    toy_stream.score_file(path, tmp_path / output, dialect, layout=layout)
    written = (tmp_path / output).read_bytes()
    assert written.startswith(b"\xef\xbb\xbf" if layout.has_mark else b"text")
    head = layout.delimiter.join([*NAMES[1:2], "n", *toy_stream.ANSWERS, "model_version", "run_id"])
    assert written.decode("utf-8-sig").split(layout.line_end)[0] == head

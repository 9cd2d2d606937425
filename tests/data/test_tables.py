"""Tables: cells as they were written, and one line for whatever cannot be read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]
import pytest

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.tables import examples_digest, read_table, to_examples
from agile_classifier.errors import InputError


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_text_cells_stay_exactly_what_was_written(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", '\ufefftext,score\nNA,007\nnull,1.50\n" a ""b"", c\r\nd ",\nnan,1e-3\n')
    frame = read_table(path)
    assert frame["text"].tolist() == ["NA", "null", ' a "b", c\r\nd ', "nan"]
    assert frame["score"].tolist() == ["007", "1.50", "", "1e-3"]


@pytest.mark.parametrize(
    ("name", "delimiter", "line"),
    [
        ("x.csv", None, "a,1"),
        ("x.tsv", None, "a\t1"),
        ("x.TXT", None, "a\t1"),
        ("x.csv", ";", "a;1"),
    ],
)
def test_the_suffix_or_config_names_the_delimiter(tmp_path: Path, name: str, delimiter: str | None, line: str) -> None:
    path = write(tmp_path, name, f"{line}\r\n\r\n{line}")
    frame = read_table(path, Dialect(delimiter=delimiter, column_names=("text", "score")))
    assert frame.to_dict("list") == {"text": ["a", "a"], "score": ["1", "1"]}


def test_quotes_are_plain_characters_where_the_config_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, "x.tsv", 'text\tscore\n"he said\t1\n"x" y\t2\n')
    assert read_table(path, Dialect(quoting=False))["text"].tolist() == ['"he said', '"x" y']
    with pytest.raises(InputError, match=r"row 1 \(line 2\): a double quote is never closed.*data\.quoting: false"):
        read_table(path)


def test_jsonl_and_parquet_keep_their_types_and_whole_numbers_stay_whole(tmp_path: Path) -> None:
    rows = [{"text": "NA\u2028", "id": 2**60 + 1, "score": 0.5}, {"text": None, "id": None, "score": 1}]
    jsonl = read_table(write(tmp_path, "x.jsonl", "\n".join(map(json.dumps, rows)) + "\n\n"))
    frame = pd.DataFrame(rows, index=pd.Index(["a", "b"], name="key"))
    frame.assign(id=pd.array([2**60 + 1, None], dtype="Int64")).to_parquet(tmp_path / "x.parquet")
    for frame in (jsonl, read_table(tmp_path / "x.parquet")):
        assert (frame["id"].iloc[0], frame["text"].iloc[0]) == (2**60 + 1, "NA\u2028")
        assert frame["text"].isna().tolist() == [False, True]
    assert read_table(tmp_path / "x.parquet")["key"].tolist() == ["a", "b"]


def test_a_limit_reads_from_the_top(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["a", "b", "c"]}).to_parquet(tmp_path / "x.parquet")
    paths = (
        write(tmp_path, "x.csv", "text\na\nb\nc"),
        tmp_path / "x.parquet",
        write(tmp_path, "x.jsonl", '{"text": "a"}\n{"text": "b"}\nbroken'),
    )
    assert [read_table(path, limit=2)["text"].tolist() for path in paths] == [["a", "b"]] * 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "", r"the file is empty"),
        ("x.csv", "\n\n", r"the file is empty"),
        ("x.jsonl", "\n \n", r"the file is empty"),
        ("x.csv", "text,score\n", r"has a header but no rows"),
        (
            "x.doc",
            "text",
            r"found suffix '\.doc'; allowed are \.csv, \.json, \.jsonl, \.ndjson, \.ods, \.parquet, \.tsv, \.txt, \.xlsx",
        ),
        ("x.csv", b"MZ\x03\x04\x00\x00", r"first line holds a NUL byte: a binary file, or another encoding than utf-8"),
        ("x.parquet", "text,score\na,1\n", r"is not a readable parquet file"),
        (
            "x.csv",
            "text\nok\ncaf\u00e9".encode("latin-1"),
            r"row 2 \(line 3\): byte 0xe9 after 'caf' is not UTF-8; --encoding \(in a config data\.encoding\)",
        ),
        ("x.csv", "text;score\na;1\nb;2\n", r"delimiter ',' gives one column, ';' would give 2: set data\.delimiter"),
        ("x.csv", "a,b,a\n1,2,3\n", r"2 columns are named 'a'"),
        ("x.csv", 'a,b\n"x\ny",2\n3\n', r"row 2 \(line 4\): 1 cells; the columns are 2"),
        ("x.csv", "a,b\n1,2\n3,4,5\n", r"row 2 \(line 3\): 3 cells; the columns are 2"),
        ("x.csv", 'a,b\n1,2\n"never\nclosed,4\n', r"row 2 \(line 3\): a double quote is never closed"),
        ("x.jsonl", '{"a": 1}\n{"a": \n', r"row 2 \(line 2\): not JSON: Expecting value"),
        ("x.jsonl", '{"a": 1}\n\n[1]\n', r"row 2 \(line 3\): a JSON list; needed is an object"),
        ("x.jsonl", '{"a": 1, "a": 2}', r"row 1 \(line 1\): not JSON: a key stands twice among \['a', 'a'\]"),
        ("x.jsonl", '{"a": "\\ud800"}', r"row 1 \(line 1\): not JSON: .* surrogates not allowed"),
        ("x.jsonl", "[" * 100_000, r"row 1 \(line 1\): not JSON: maximum recursion depth"),
        ("x.jsonl", '{"a": ' + "9" * 5000 + "}", r"row 1 \(line 1\): not JSON: Exceeds the limit"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_line(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(InputError, match=message) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_a_folder_and_odd_options_are_one_clear_line_too(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", "a,b\n1,2\n")
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "gone.csv")
    with pytest.raises(InputError, match="is a folder, not a file"):
        read_table(tmp_path)
    with pytest.raises(InputError, match=r"data\.delimiter is ';;'; needed is one character"):
        read_table(path, Dialect(delimiter=";;"))
    with pytest.raises(InputError, match=r"data\.encoding is 'utf-88'"):
        read_table(path, Dialect(encoding="utf-88"))
    with pytest.raises(InputError, match=r"row 1 \(line 1\): 2 cells; the columns are 3"):
        read_table(path, Dialect(column_names=("a", "b", "c")))
    with pytest.raises(InputError, match="delimiter '\\|' gives one column"):
        read_table(path, Dialect(delimiter="|", column_names=("a", "b")))


def test_duplicate_columns_of_a_parquet_file_are_refused(tmp_path: Path) -> None:
    columns = [pa.array(["a"]), pa.array(["b"])]
    pq.write_table(pa.Table.from_arrays(columns, names=["text", "text"]), tmp_path / "x.parquet")
    with pytest.raises(InputError, match="2 columns are named 'text'"):
        read_table(tmp_path / "x.parquet")


def test_a_utf_16_file_is_read_when_the_config_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, "x.tsv", "text\tscore\né\t1\n".encode("utf-16"))
    assert read_table(path, Dialect(encoding="utf-16"))["text"].tolist() == ["é"]


def test_columns_get_their_canonical_names_and_types() -> None:
    frame = pd.DataFrame({"comment": ["a  b", None], "rate": ["0.1", ""], "key": [7, 8], "doc": [1.0, 2.5]})
    roles = Columns(text="comment", score="rate", id="key", group="doc")
    kept: dict[str, Any] = {"keep": ("kind",), "repair": ("whitespace",)}
    examples = to_examples(frame.assign(kind=["", "x"]), roles, path_name="x", **kept)
    assert list(examples.columns) == ["id", "text", "score", "group", "source column kind"]
    assert [str(examples[name].dtype) for name in examples] == ["str", "str", "float64", "str", "str"]
    assert examples.iloc[0].tolist() == ["7", "a b", 0.1, "1", ""]
    assert examples["text"].isna().tolist() == examples["score"].isna().tolist() == [False, True]


def test_without_an_id_column_rows_are_counted_from_1_whatever_the_index() -> None:
    frame = pd.DataFrame({"text": ["a", "b"]}, index=[5, 5])
    assert to_examples(frame, path_name="x")["id"].tolist() == ["1", "2"]


def test_odd_numbers_are_scores_for_validation_to_judge() -> None:
    cells = ["1_0", "inf", "-1e400", "NaN", "n/a", " 0.30000000000000004 ", "1"]
    frame = pd.DataFrame({"text": ["t"] * 6, "score": cells[1:]})
    scores = to_examples(frame, Columns(score="score"), path_name="x")["score"].tolist()
    assert scores[:2] == [math.inf, -math.inf]
    assert scores[4:] == [0.1 + 0.2, 1.0]
    assert [math.isnan(score) for score in scores] == [False, False, True, True, False, False]


def test_a_column_may_have_two_roles_and_a_mapped_column_may_be_kept() -> None:
    frame = pd.DataFrame({"text": ["a"], "score": ["1"]})
    examples = to_examples(frame, Columns(id="text", score="score"), path_name="x", keep=("score", "score"))
    assert examples.to_dict("records") == [{"id": "a", "text": "a", "score": 1.0, "source column score": "1"}]


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"text": "body"}, {}, r"file: no column 'body' \(data\.columns\.text\); there are 'text', 'rate', 'n'"),
        ({}, {"keep": ("kind",)}, r"no column 'kind' \(kept column kind\)"),
        ({"score": "rate"}, {}, r"column 'rate' \(data\.columns\.score\) holds '0,5' in row 2; .* 2 of 3"),
        ({"text": "n"}, {}, r"column 'n' \(data\.columns\.text\) holds 1 in row 1, a int; needed is text"),
        ({"raters": ("rate", "ann")}, {}, r"file: no column 'ann' \(data\.columns\.raters\); there are 'text'"),
        ({"raters": ("rate", "n")}, {}, r"file: column rate \(data\.columns\.raters\): row 2 holds '0,5', as 1 row: "),
        ({}, {"repair": ("magic",)}, r"data\.repair: found 'magic'; allowed are treebank, mojibake"),
    ],
)
def test_a_mapping_that_does_not_fit_says_so(columns: dict[str, str], options: dict[str, Any], message: str) -> None:
    frame = pd.DataFrame({"text": ["a", "b", "c"], "rate": ["1", "0,5", "high"], "n": [1, 2, 3]})
    with pytest.raises(InputError, match=message):
        to_examples(frame, Columns(**columns), path_name="file", **options)


def test_the_digest_is_that_of_the_content_not_of_the_file_format_or_the_index(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["a", "NA", "c,\n"], "score": [0.5, 1.0, 0.1], "kind": [1, 0, 1]})
    frame["tag"] = ["", "x", None]
    frame.to_csv(tmp_path / "x.csv", index=False)
    frame.to_parquet(tmp_path / "x.parquet")
    frame.to_json(tmp_path / "x.jsonl", orient="records", lines=True)
    read = [
        to_examples(read_table(tmp_path / name), Columns(score="score"), path_name=name, keep=("kind", "tag"))
        for name in ("x.csv", "x.parquet", "x.jsonl")
    ]
    assert len({examples_digest(examples) for examples in read}) == 1
    shuffled = read[0].set_axis([9, 8, 7])[["source column tag", "score", "text", "source column kind", "id"]]
    assert examples_digest(shuffled) == examples_digest(read[0])


@pytest.mark.parametrize("change", [{"text": ["ab", "c"]}, {"id": ["1", "3"]}, {"text": [None, "bc"]}])
def test_the_digest_changes_with_any_cell(change: dict[str, Any]) -> None:
    frame = pd.DataFrame({"id": ["1", "2"], "text": ["a", "bc"]})
    assert examples_digest(frame.assign(**change)) != examples_digest(frame)
    assert examples_digest(frame.iloc[::-1]) != examples_digest(frame)

"""Batch scoring: files answered in their order and any format, bad rows aside, by a toy that scores a text by its length."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from agile_classifier.config.reading import ReadingOptions
from agile_classifier.data.row_parts import Piece, opened
from agile_classifier.data.tables import read_table
from agile_classifier.errors import InputError

TEXTS = ["short", "a text of some length", "NA", 'with "quotes", commas\nand lines', "длинный текст; ünï"]
FORMATS = [".csv", ".tsv", ".txt", ".jsonl", ".parquet"]
ADDED = ["label", "probability_short", "probability_long", "model_version", "run_id"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "texts.csv"
    pd.DataFrame({"id": range(5), "text": TEXTS}).to_csv(path, index=False)
    return path


def score_file(source: Path, output: Path, **options: Any) -> dict[str, Any]:
    from agile_classifier.ops.scoring import batch as batch_scoring

    return batch_scoring.score_file(source, output=output, **{"run_id": "run-1", **options})


def expected_label(text: str) -> str:
    return "long" if len(text) >= 10 else "short"


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_scored_file_holds_the_rows_in_their_order_with_the_scores_added(
    registry: Any, table: Path, tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / f"scored{suffix}"
    facts = score_file(table, output)
    assert (facts["n_rows"], facts["n_scored"], facts["n_rejected"], facts["model_version"]) == (5, 5, 0, "1")
    scored = read_table(output)
    assert list(scored.columns) == ["id", "text", *ADDED]
    assert list(scored["text"]) == TEXTS
    assert list(scored["label"]) == [expected_label(text) for text in TEXTS]
    assert [float(cell) for cell in scored["probability_long"]] == [min(1, len(text) / 20) for text in TEXTS]
    assert set(scored["model_version"].astype(str)) == {"1"}
    assert set(scored["run_id"]) == {"run-1"}
    assert leftovers(tmp_path) == [f"scored{suffix}", "texts.csv"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_of_any_format_is_read(registry: Any, tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"texts{suffix}"
    rows = pd.DataFrame({"comment": ["short", "a text of some length"], "n": [1, 2]})
    if suffix == ".jsonl":
        source.write_text("".join(json.dumps(row) + "\n" for row in rows.to_dict("records")))
    elif suffix == ".parquet":
        rows.to_parquet(source)
    else:
        rows.to_csv(source, index=False, sep=";")
    dialect = {"delimiter": ";"} if suffix in (".csv", ".tsv", ".txt") else {}
    options = ReadingOptions(column="comment", dialect=dialect)
    score_file(source, tmp_path / "scored.jsonl", options=options)
    answers = [json.loads(line) for line in (tmp_path / "scored.jsonl").read_text().splitlines()]
    assert [answer["label"] for answer in answers] == ["short", "long"]
    assert [int(answer["n"]) for answer in answers] == [1, 2]


BAD_TEXTS = [
    ("an empty text", '{"text": ""}', "column 'text': the text is ''"),
    ("a blank text", '{"text": " \\u200b\\t"}', "the text is"),
    ("a null", '{"text": null}', "the text is missing"),
    ("a row without the column", '{"x": 1}', "the text is missing"),
    ("a number", '{"text": 5}', "the text is the number 5"),
    ("half a line", '{"text": "fi', "not JSON"),
]


@pytest.mark.parametrize(("row", "said"), [case[1:] for case in BAD_TEXTS], ids=[case[0] for case in BAD_TEXTS])
def test_a_bad_row_goes_aside_with_its_reason_and_with_strict_refuses_the_file(
    registry: Any, tmp_path: Path, row: str, said: str
) -> None:
    source, output = tmp_path / "texts.jsonl", tmp_path / "scored.csv"
    source.write_text('{"text": "fine"}\n' + row + '\n{"text": "fine too"}\n')
    output.write_text("of yesterday\n")
    with pytest.raises(InputError, match=r"row 2 \(line 2\): ") as refused:
        score_file(source, output, strict=True)
    assert str(source) in str(refused.value)
    assert said in str(refused.value)
    assert output.read_text() == "of yesterday\n"
    assert leftovers(tmp_path) == ["scored.csv", "texts.jsonl"]
    facts = score_file(source, output)
    assert list(read_table(output)["text"]) == ["fine", "fine too"]
    (rejected,) = map(json.loads, (tmp_path / "scored.rejected.jsonl").read_text().splitlines())
    assert (rejected["row"], rejected["line"]) == (2, 2)
    assert said in rejected["reason"]
    assert facts["rejected_path"] == str(tmp_path / "scored.rejected.jsonl")
    source.write_text('{"text": "fine"}\n')
    score_file(source, output)
    assert leftovers(tmp_path) == ["scored.csv", "texts.jsonl"]


def test_a_file_without_a_row_that_can_be_scored_is_refused(registry: Any, tmp_path: Path) -> None:
    source = tmp_path / "texts.csv"
    source.write_text("id,text\n1,\n2,\n")
    with pytest.raises(
        InputError, match=r"no row of 2 could be scored; row 1 \(line 2\): column 'text': the text is ''"
    ):
        score_file(source, tmp_path / "scored.csv")
    assert leftovers(tmp_path) == ["texts.csv"]


BAD_PLACES = [
    ("an unknown format", "scored.xlsx", {}, "found suffix '.xlsx'"),
    ("a folder that is not there", "gone/scored.csv", {}, "no folder"),
    ("the input itself", "texts.csv", {}, "is the input itself"),
    ("a column that is not there", "scored.csv", {"options": ReadingOptions(column="comment")}, "no column 'comment' (--column); there are 'id', 'text'"),
    ("a version that is not there", "scored.csv", {"version": "7"}, "no version 7"),
    ("an alias that is not there", "scored.csv", {"version": "previous"}, "no version has the alias 'previous'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "options", "said"), [case[1:] for case in BAD_PLACES], ids=[case[0] for case in BAD_PLACES]
)
def test_what_cannot_be_done_is_refused_before_anything_is_scored(
    registry: Any, table: Path, tmp_path: Path, place: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as refused:
        score_file(table, tmp_path / place, **options)
    assert said in str(refused.value)
    assert leftovers(tmp_path) == ["texts.csv"]


def test_another_delimiter_than_the_suffix_says_is_named(registry: Any, tmp_path: Path) -> None:
    source = tmp_path / "texts.csv"
    source.write_text("id;text\n1;fine\n")
    with pytest.raises(InputError, match=r"set data\.delimiter \(--delimiter\) to ';'"):
        score_file(source, tmp_path / "scored.csv")
    options = ReadingOptions(dialect={"delimiter": ";"})
    assert score_file(source, tmp_path / "scored.csv", options=options)["n_scored"] == 1


@pytest.mark.parametrize("name", ["label", "model_version", "run_id", "probability_long"])
def test_a_column_of_the_input_stays_and_the_added_one_says_that_it_is_predicted(
    registry: Any, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "texts.csv", tmp_path / "scored.csv"
    source.write_text(f"text,{name}\nfine,gold\n")
    score_file(source, output)
    added = [f"predicted_{each}" if each == name else each for each in ADDED]
    assert f"has {name!r} already, so the answers are called 'predicted_{name}'" in capsys.readouterr().err
    scored = read_table(output)
    assert list(scored.columns) == ["text", name, *added]
    assert list(scored[name]) == ["gold"]
    score_file(source, output, prefix="new_")
    assert list(read_table(output).columns) == ["text", name, *(f"new_{each}" for each in ADDED)]
    source.write_text(f"text,{name},predicted_{name}\nfine,gold,1\n")
    with pytest.raises(InputError, match=f"a column 'predicted_{name}' already, .* another --prefix"):
        score_file(source, output)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("gold", [False, True])
def test_what_was_scored_is_scored_again_in_place_of_the_earlier_answers(
    registry: Any, tmp_path: Path, suffix: str, gold: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    source, first, again = tmp_path / "texts.csv", tmp_path / f"first{suffix}", tmp_path / f"again{suffix}"
    head, cell = (",label", ",gold") if gold else ("", "")
    source.write_text(f"text{head}\nfine{cell}\na text of some length{cell}\n")
    score_file(source, first, run_id="run-1")
    score_file(first, again, run_id="run-2")
    assert "columns of an earlier scoring are replaced" in capsys.readouterr().err
    before, after = read_table(first), read_table(again)
    assert list(after.columns) == list(before.columns)
    assert after.drop(columns="run_id").equals(before.drop(columns="run_id"))
    assert set(after["run_id"]) == {"run-2"}
    score_file(first, again, prefix="second_")
    assert list(read_table(again).columns) == [*before.columns, *(f"second_{name}" for name in ADDED)]


def test_a_column_that_parquet_cannot_hold_leaves_nothing(registry: Any, tmp_path: Path) -> None:
    source = tmp_path / "texts.jsonl"
    source.write_text('{"text": "fine", "x": [1]}\n{"text": "fine", "x": "a"}\n')
    with pytest.raises(InputError, match="parquet cannot hold"):
        score_file(source, tmp_path / "scored.parquet")
    assert leftovers(tmp_path) == ["texts.jsonl"]


def test_a_file_that_is_written_to_meanwhile_is_refused(
    registry: Any, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.scoring import batch as batch_scoring

    make = batch_scoring.Scorer

    def meddling(name: str, number: str) -> Any:
        table.write_text(table.read_text() + "6,one more row\n")
        return make(name, number)

    monkeypatch.setattr(batch_scoring, "Scorer", meddling)
    with pytest.raises(InputError, match="was changed while it was read"):
        score_file(table, tmp_path / "scored.csv")
    assert not (tmp_path / "scored.csv").exists()
    monkeypatch.undo()
    assert score_file(table, tmp_path / "scored.csv")["n_rows"] == 6


def test_pieces_of_another_version_are_not_gone_on_with(
    registry: Any, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "scored.jsonl"
    old = {"input": "of another file", "model_version": "1"}
    with opened(output, pa.schema([("text", pa.string())]), identity=old, say=print) as parts:
        parts.add([{"text": "old"}], [], Piece(1, 0, 1, 0.1, {"long": 1}))
    facts = score_file(table, output)
    assert "starting anew" in capsys.readouterr().err
    assert (facts["n_rows"], facts["n_resumed"]) == (5, 0)
    assert "old" not in output.read_text()


def test_time_that_is_left_is_said_once_it_is_known_and_is_a_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from agile_classifier.ops.scoring import batch as batch_scoring
    from agile_classifier.ops.scoring.stream import Progress

    now = [0.0]
    monkeypatch.setattr(batch_scoring.time, "monotonic", lambda: now[0])
    show = batch_scoring.Lines()
    for at, share in ((11.0, 0.2), (22.0, 0.2), (33.0, 0.4), (51.0, 1.0)):
        now[0] = at
        show(Progress(int(1000 * share), 0, share))
    assert capsys.readouterr().err.splitlines() == [
        "200 rows, 0 rejected, 20%",
        "200 rows, 0 rejected, 20%",
        "400 rows, 0 rejected, 40%, 66 s left",
        "1,000 rows, 0 rejected, 100%, 0 s left",
    ]

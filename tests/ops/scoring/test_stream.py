"""Stream scoring: the same output however the file is cut, after a kill too, in memory that does not grow with the file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agile_classifier.data.row_parts import opened, parts_folder, read_identity
from agile_classifier.data.rows import open_rows
from agile_classifier.data.tables import read_table
from agile_classifier.errors import InputError
from agile_classifier.ops.scoring.answer_columns import place_answers
from agile_classifier.ops.scoring.stream import MOST_REJECTED, Answering, score_rows, windows
from tests.toys import toy_stream

PROJECT = Path(__file__).resolve().parents[3]
FORMATS = [".csv", ".jsonl", ".parquet"]
LINES = st.sampled_from(["fine", "a text of some length", "", "a,b", '"open', '"two\nlines"', "\x00", "ü"])


def write_rows(path: Path, n_rows: int) -> Path:
    rows = (f"{row},the text of row number {row % 997}\n" for row in range(1, n_rows + 1))
    path.write_text("id,text\n" + "".join(rows))
    return path


def outcome(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("scored*")}


@given(st.lists(LINES, max_size=12), st.integers(1, 12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_windows_give_what_one_window_gives(tmp_path: Path, lines: list[str], window_rows: int) -> None:
    source, output = tmp_path / "texts.csv", tmp_path / "scored.csv"
    source.write_text("\n".join(["text", *["the first"] * (1 + len(lines)), *lines]) + "\n", newline="")
    toy_stream.score_file(source, output, window_rows=1000)
    whole = outcome(tmp_path)
    toy_stream.score_file(source, output, window_rows=window_rows)
    assert outcome(tmp_path) == whole


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_that_was_killed_half_way_is_gone_on_with_to_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    source = write_rows(tmp_path / "texts.csv", 3000)
    source.write_text(source.read_text() + "too,many,cells\n")
    (tmp_path / "whole").mkdir()
    toy_stream.score_file(source, tmp_path / "whole" / f"scored{suffix}", window_rows=100)
    output = tmp_path / f"scored{suffix}"
    command = [sys.executable, "-m", "tests.toys.toy_stream", str(source), str(output), "0.05", "100"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        assert process.stdout is not None
        while process.stdout.readline().strip() != "700":
            assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
    assert not output.exists()
    (parts_folder(output) / f"part-000099{suffix}.draft").write_text("half")
    assert toy_stream.score_file(source, output, window_rows=100) >= 7
    assert outcome(tmp_path) == outcome(tmp_path / "whole")
    assert not parts_folder(output).exists()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    held = []
    for n_rows in (20_000, 200_000):
        source = write_rows(tmp_path / f"{n_rows}.csv", n_rows)
        command = [sys.executable, "-m", "tests.toys.toy_stream", str(source), str(tmp_path / "scored.csv")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT)
        held.append(int(done.stdout.splitlines()[-1]))
    assert source.stat().st_size > 5e6
    assert held[1] - held[0] < 8e6


def test_a_text_that_repeats_in_a_window_is_scored_once(tmp_path: Path) -> None:
    source, output, asked = tmp_path / "texts.csv", tmp_path / "scored.csv", list[list[str]]()
    source.write_text("text\na\nb\na\na\nb\n")

    def score(texts: Sequence[str]) -> pd.DataFrame:
        asked.append(list(texts))
        return toy_stream.score(texts)

    schema = pa.schema([(name, pa.string()) for name in ("text", *toy_stream.ANSWERS)])
    answering = Answering("text", score, place_answers(["text"], toy_stream.ANSWERS, prefix=None), "1", "r")
    with opened(output, schema, identity={"input": "a"}, say=print) as parts:
        score_rows(open_rows(source), parts, answering, on_progress=print, window_rows=3)
        assert [piece.n_scored_texts for piece in parts.pieces] == [2, 2]
        assert parts.pieces[0].n_labels == {"short": 3}
        parts.finish()
    assert asked == [["a", "b"], ["a", "b"]]
    assert list(read_table(output)["text"]) == ["a", "b", "a", "a", "b"]


def test_long_rows_end_a_window_early(tmp_path: Path) -> None:
    source = tmp_path / "texts.csv"
    source.write_text("text\n" + ("x" * 700_000 + "\n") * 3)
    assert [len(window) for window in windows(open_rows(source), n_rows=1000)] == [2, 1]


def test_pieces_of_another_input_are_thrown_away_with_a_sentence(tmp_path: Path) -> None:
    output, said = tmp_path / "scored.csv", list[str]()
    schema = pa.schema([("text", pa.string())])
    with opened(output, schema, identity={"input": "a"}, say=said.append) as parts:
        assert parts.begun_by("first") == "first"
    with opened(output, schema, identity={"input": "a"}, say=said.append) as parts:
        assert parts.begun_by("second") == "first"
    assert said == []
    with opened(output, schema, identity={"input": "b"}, say=said.append) as parts:
        assert parts.begun_by("third") == "third"
    assert said == [f"{output}: was begun with input a, now it is b: starting anew"]
    assert read_identity(output) == {"input": "b"}


def test_two_processes_never_write_one_output(tmp_path: Path) -> None:
    output, schema = tmp_path / "scored.csv", pa.schema([("text", pa.string())])
    with opened(output, schema, identity={}, say=print):
        hold = f"from pathlib import Path; import pyarrow as pa; from agile_classifier.data.row_parts import opened\nwith opened(Path({str(output)!r}), pa.schema([]), identity={{}}, say=print): pass"
        done = subprocess.run([sys.executable, "-c", hold], capture_output=True, text=True, check=False, cwd=PROJECT)
    assert "another process is writing it" in done.stderr


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    source, output = tmp_path / "texts.parquet", tmp_path / "scored.parquet"
    frame = pd.DataFrame(
        {"text": ["a", "b"], "when": pd.to_datetime(["2026-11-24", None]), "n": pd.array([1, None], "Int64")}
    )
    frame["tags"] = [["x"], []]
    frame.to_parquet(source)
    toy_stream.score_file(source, output)
    scored, given_types = pa.parquet.read_schema(output), pa.parquet.read_schema(source)
    assert [scored.field(name).type for name in frame.columns] == [
        given_types.field(name).type for name in frame.columns
    ]
    assert json.loads(pd.read_parquet(output).head(1)["tags"].to_json(orient="values")) == [["x"]]


@pytest.mark.parametrize("n_bad", [0, 1, 4, 5, 6, 9, 10])
@pytest.mark.parametrize("window_rows", [1, 3, 100])
def test_a_file_of_which_most_is_rejected_is_refused_with_its_first_bad_row_and_leaves_nothing(
    tmp_path: Path, n_bad: int, window_rows: int
) -> None:
    source, output = tmp_path / "texts.csv", tmp_path / "scored.csv"
    source.write_text("id,text\n" + "1,fine\n" * (10 - n_bad) + "1,too,many\n" * n_bad)
    if n_bad <= MOST_REJECTED * 10:
        toy_stream.score_file(source, output, window_rows=window_rows)
        assert len(read_table(output)) == 10 - n_bad
        return
    count = "no row of 10" if n_bad == 10 else f"only {10 - n_bad} of 10 rows"
    place = f"row {11 - n_bad} (line {12 - n_bad})"
    with pytest.raises(InputError) as refused:
        toy_stream.score_file(source, output, window_rows=window_rows)
    assert str(refused.value) == f"{source}: {count} could be scored; {place}: 3 cells; the columns are 2"
    assert [path.name for path in tmp_path.iterdir()] == ["texts.csv"]


def test_a_file_of_bad_rows_leaves_no_pieces(tmp_path: Path) -> None:
    source = tmp_path / "texts.csv"
    source.write_text("text\n \n")
    with pytest.raises(InputError, match="no row of 1 could be scored"):
        toy_stream.score_file(source, tmp_path / "scored.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["texts.csv"]

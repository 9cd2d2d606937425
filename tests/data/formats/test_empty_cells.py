"""Empty cells: one rule of what holds nothing, for training and scoring; in quotes the word stands for itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.config.addresses.dialect import EMPTY, Dialect
from agile_classifier.config.data import DataConfig
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.data.examples import read_examples
from agile_classifier.data.labels.cells import is_empty
from agile_classifier.data.rows import open_rows
from agile_classifier.data.text import Null, is_missing
from agile_classifier.ops.scoring.queue import read_pool
from agile_classifier.ops.scoring.reading import Remembered, resolve
from agile_classifier.ops.scoring.stream import complaint_of
from tests.toys import toy_stream

WORDS = list(EMPTY)
ABOUT = "the text is missing: {!r} stands for an empty cell (data.empty)"


def _csv(folder: Path, content: str, suffix: str = ".csv") -> Path:
    (folder / f"rows{suffix}").write_text(content, encoding="utf-8")
    return folder / f"rows{suffix}"


def _as_seen(path: Path, dialect: Dialect = Dialect()) -> tuple[list[Any], list[Any], list[Any]]:
    """The texts that training, scoring and the queue see; None where there is none."""
    trained = read_examples(DataConfig(source=str(path), columns=Columns(text="text"), **dialect.model_dump()))["text"]
    rows = list(open_rows(path, dialect))
    scored = [None if complaint_of(row, "text") else row.cells["text"] for row in rows]
    pool = read_pool(path, dialect, column="text", score_column="score").frame["text"]
    return tuple([None if is_missing(cell) else cell for cell in cells] for cells in (trained, scored, pool))  # type: ignore[return-value]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".xlsx"])
def test_a_word_for_nothing_is_no_text_in_any_command(tmp_path: Path, word: str, suffix: str) -> None:
    path, texts = tmp_path / f"rows{suffix}", ["so kind", word, f"{word} it is"]
    frame = pd.DataFrame({"text": texts, "n": ["1", "2", "3"]})
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    elif suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, frame.to_dict("records"))), encoding="utf-8")
    elif suffix == ".parquet":
        frame.to_parquet(path)
    else:
        book = openpyxl.Workbook()
        for row in ([*frame.columns], *frame.to_numpy().tolist()):
            book.active.append(row)
        book.save(path)
    if suffix == ".xlsx" and word.startswith("#"):  # openpyxl writes these as errors, which hold nothing either
        assert [cells[1] for cells in _as_seen(path)[:1]] in ([None], [""])
        return
    assert _as_seen(path) == (["so kind", None, texts[2]],) * 3
    assert complaint_of(list(open_rows(path))[1], "text") == f"column 'text': {ABOUT.format(word)}"


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_in_quotes_the_word_is_a_text(tmp_path: Path, word: str, delimiter: str) -> None:
    lines = ["text,n", f'"{word}",1', f"{word},2", f'"so ""{word}"" it, is",3', f'"{word}",{word}', f' {word} ,"5"']
    path = _csv(tmp_path, "\n".join(line.replace(", is", " is").replace(",", delimiter) for line in lines))
    dialect = Dialect(delimiter=delimiter)
    right = [word, None, f'so "{word}" it is', word, None]
    assert _as_seen(path, dialect) == (right,) * 3
    assert isinstance(list(open_rows(path, dialect))[3].cells["n"], Null)


def test_none_na_and_null_in_small_letters_are_texts_and_classes(tmp_path: Path) -> None:
    words = ["None", "NA", "null", "nan", "n/a", "N/A", "Null", "nil", "-"]
    path = _csv(tmp_path, "text,label\n" + "".join(f"{word},{word}\n" for word in words))
    assert _as_seen(path) == (words,) * 3
    assert [is_empty(row.cells["label"]) for row in open_rows(path)] == [False] * len(words)


def test_the_config_says_which_words_there_are(tmp_path: Path) -> None:
    path = _csv(tmp_path, "text,n\nNA,1\nNULL,2\nso kind,3\n")
    assert _as_seen(path, Dialect(empty=("NA",))) == ([None, "NULL", "so kind"],) * 3
    assert _as_seen(path, Dialect(empty=("",))) == (["NA", "NULL", "so kind"],) * 3


def test_the_version_remembers_the_words_and_an_option_says_others(tmp_path: Path) -> None:
    path = _csv(tmp_path, "text,n\nNA,1\nNULL,2\n", ".tsv").with_suffix(".tsv")
    path.write_text("text\tn\nNA\t1\nNULL\t2\n", encoding="utf-8")
    data = DataConfig(source="train.csv", empty=("NA",)).model_dump(mode="json")
    reading = resolve(path, ReadingOptions(), Remembered.of_config({"data": data}, whose="mood version 3"))
    assert reading.dialect.empty == ("NA",)
    assert reading.notes == ("read as the config of mood version 3 says: empty NA",)
    said = ReadingOptions(dialect={"empty": [""]})
    assert resolve(path, said, Remembered.of_config({"data": data}, whose="x")).dialect.empty == ("",)


def test_the_output_of_a_scoring_keeps_the_cells_and_is_read_as_the_input_was(tmp_path: Path) -> None:
    path = _csv(tmp_path, 'text,n\n"NULL",NULL\nso kind,\\N\nfine,"NULL"\nNULL,4\n')
    output = tmp_path / "scored.csv"
    toy_stream.score_file(path, output, Dialect())
    assert [line.split(",")[:2] for line in output.read_text(encoding="utf-8").splitlines()[1:]] == [
        ['"NULL"', "NULL"], ["so kind", "\\N"], ['"fine"', '"NULL"'],
    ]  # fmt: skip
    rows = list(open_rows(output))
    assert [row.cells["text"] for row in rows] == ["NULL", "so kind", "fine"]
    assert [isinstance(row.cells["n"], Null) for row in rows] == [True, True, False]
    assert not any(complaint_of(row, "text") for row in rows)


def test_classes_scores_and_groups_follow_the_same_rule(tmp_path: Path) -> None:
    path = _csv(tmp_path, 'text,score,who\na b,0.5,ann\nc d,NULL,NULL\ne f,0.1,"NULL"\n')
    columns = Columns(text="text", score="score", group="who")
    examples = read_examples(DataConfig(source=str(path), columns=columns))
    assert examples["score"].isna().tolist() == [False, True, False]
    assert [None if is_missing(cell) else cell for cell in examples["group"]] == ["ann", None, "NULL"]

"""First lines of a table: what is not the names of its columns and then rows is refused by one line, in every command."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.data.rows import open_rows
from agile_classifier.data.tables import read_table
from agile_classifier.drafts.guess import guess
from agile_classifier.errors import InputError
from agile_classifier.ops.scoring.queue import read_pool
from agile_classifier.ops.scoring.reading import Remembered, resolve

ROWS = [
    ("so kind of you", "good"),
    ("go away now", "bad"),
    ("what a day, really", "good"),
    ("you are awful", "bad"),
] * 4


def _lines(*, begin: str = "", between: str = "|", end: str = "") -> list[str]:
    return [f"{begin}{text}{between}{label}{end}" for text, label in ROWS]


DRAWN = {
    "Markdown": ["| text | label |", "|---|---|", *_lines(begin="| ", between=" | ", end=" |")],
    "Markdown with sides": ["| text | label |", "| :--- | ---: |", *_lines(begin="| ", between=" | ", end=" |")],
    "shortest Markdown": ["|text|label|", "|-|-|", *_lines(begin="|", end="|")],
    "Markdown with sides alone": ["text|label", ":-|-:", *_lines()],
    "Markdown without outer pipes": ["text | label", "--- | ---", *_lines(between=" | ")],
    "Org": ["| text | label |", "|------+-------|", *_lines(begin="| ", between=" | ", end=" |")],
    "psql": [" text | label ", "------+-------", *_lines(begin=" ", between=" | "), "(16 rows)"],
    "MySQL": ["+------+-------+", "| text | label |", "+------+-------+", *_lines(begin="| ", between=" | ", end=" |")],
    "box": ["┌──────┬───────┐", "│ text │ label │", "├──────┼───────┤", *_lines(begin="│ ", between=" │ ", end=" │")],
    "double box": ["╔══════╦═══════╗", "║ text ║ label ║", "╠══════╬═══════╣", *_lines(begin="║ ", between=" ║ ")],
    "reStructuredText": ["text           label", "=============  =====", *_lines(between="  ")],
    "SQL Server": ["text,label", "----,-----", *(line.replace("day,", "day") for line in _lines(between=","))],
    "sqlite": ["text           label", "-------------  -----", *_lines(between="  ")],
    "below a title": ["Votes of May", "| text | label |", "|---|---|", *_lines(begin="| ", between=" | ", end=" |")],
}
DATE = "05/01/2026 10:11:12 AM"
SURVEYMONKEY = [
    "Respondent ID,Collector ID,Start Date,What do you think?,Which apply?,,How rude is it?",
    ",,,Open-Ended Response,Insult,Threat,Response",
    *(f'11{n},4,{DATE},"{text}",Insult,,{n % 5}' for n, (text, _) in enumerate(ROWS)),
]
SURVEYS = {
    "SurveyMonkey": (SURVEYMONKEY, "line 2 is a header too, as SurveyMonkey writes it"),
    "SurveyMonkey without its keys": (
        [",".join(line.split(",")[3:]) for line in SURVEYMONKEY[:2]]
        + [f'"{text}",Insult,,{n % 5}' for n, (text, _) in enumerate(ROWS)],
        "line 2 is a header too, as SurveyMonkey writes it",
    ),
    "SurveyMonkey of scales": (
        ["Q1,Q2,text", "Response,Response,", *(f'3,{n % 5},"{text}"' for n, (text, _) in enumerate(ROWS))],
        "line 2 is a header too, as SurveyMonkey writes it",
    ),
    "Qualtrics": (
        [
            "ResponseId,Q1,Q2", "Response ID,What do you think?,How rude?",
            '"{""ImportId"":""_recordId""}","{""ImportId"":""QID1""}","{""ImportId"":""QID2""}"', "R_1,so kind,1",
        ],
        "lines 2 and 3 are headers too, as Qualtrics writes them",
    ),
    "Qualtrics without its third line": (
        ["StartDate,ResponseId,Q1,Q2", "Start Date,Response ID,What do you think?,How rude?", "2026-05-01,R_1,so kind,1"],
        "line 2 is a header too, as Qualtrics writes it",
    ),
    "labels of variables": (
        ["CASE,AB01,AB02,text", "Interview number,How rude?,What is said", *(f'{n},{n % 5},"{text}",4' for n, (text, _) in enumerate(ROWS))],
        "line 2 is a second line of names, it seems: it holds words ('Interview number', 'How rude?')",
    ),
}  # fmt: skip
ABOVE = {
    "notes above": (["Export of May", "by Anna", "", "text,label,id", *(f'"{text}",{label},{n}' for n, (text, label) in enumerate(ROWS))],
                    "its first line names 1 (Export of May) of 3 columns that rows fill"),
    "merged cells": ([",Raters,,", "text,a,b,c", "so kind,1,0,1", "so bad,0,0,1"],
                     "its first line names 1 (Raters) of 4 columns that rows fill"),
    "row numbers of R": (["text,label", *(f'{n},"{text}",{label}' for n, (text, label) in enumerate(ROWS))],
                         "its rows begin with a number of the row, which the first line does not name"),
}  # fmt: skip
KINDS = {
    **{name: (lines, "draws a line") for name, lines in DRAWN.items()}, **SURVEYS, **ABOVE,
}  # fmt: skip


def _write(folder: Path, lines: list[str], suffix: str = ".csv") -> Path:
    path = folder / f"rows{suffix}"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _refusal(read: Callable[[], object]) -> str:
    with pytest.raises(InputError) as refused:
        read()
    return str(refused.value)


@pytest.mark.parametrize("name", KINDS)
def test_init_training_scoring_and_the_queue_refuse_a_file_by_the_same_line(tmp_path: Path, name: str) -> None:
    lines, message = KINDS[name]
    path = _write(tmp_path, lines)
    said = _refusal(lambda: guess([path]))
    assert message in said
    assert said.startswith(f"{path}: ")
    assert _refusal(lambda: read_table(path)) == said
    assert _refusal(lambda: resolve(path, ReadingOptions(), Remembered())) == said
    assert _refusal(lambda: read_pool(path, column="text", score_column="label")) == said


@pytest.mark.parametrize("suffix", [".txt", ".tsv"])
@pytest.mark.parametrize("name", DRAWN)
def test_a_drawn_table_is_refused_under_any_suffix(tmp_path: Path, name: str, suffix: str) -> None:
    assert "draws a line" in _refusal(lambda: guess([_write(tmp_path, DRAWN[name], suffix)]))


def test_a_workbook_is_held_to_the_same(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["Export of May"],
        ["text", "label", "id"],
        *([text, label, n] for n, (text, label) in enumerate(ROWS)),
    ):
        book.active.append(row)
    book.save(tmp_path / "x.xlsx")
    said = _refusal(lambda: guess([tmp_path / "x.xlsx"]))
    assert "its first line names 1 (Export of May) of 3 columns that rows fill" in said
    assert _refusal(lambda: resolve(tmp_path / "x.xlsx", ReadingOptions(), Remembered())) == said


def test_notes_above_a_file_of_another_delimiter_are_found_when_the_column_is_missing(tmp_path: Path) -> None:
    lines = [
        "Export of May",
        "",
        "text;label;id",
        *(f"{text.replace(',', '')};{label};{n}" for n, (text, label) in enumerate(ROWS)),
    ]
    path = _write(tmp_path, lines)
    said = _refusal(lambda: guess([path]))
    assert "perhaps above 'text', 'label', 'id'" in said
    assert _refusal(lambda: resolve(path, ReadingOptions(), Remembered())) == said


@pytest.mark.parametrize(
    "lines",
    [
        ["text,label", "---,-", "so kind,good"], ["text,label", "-,-", "so kind,good"], ["text,n", ":-),1"], ["text", "---", "so kind"], ["text", "-----Original Message-----"],
        ["text,label", "Response,x", "so kind,y"], ["text", "Response", "so kind"], ["text,a,b", *["so kind,3,4"] * 9],
        ["text,a,b", "so kind,skipped,skipped", *["so kind,3,4"] * 9], ["text,a,b", "so kind,n/a,", *["so kind,3,4"] * 9],
        ["Response ID,text", "R_1,so kind"], ["a|b", "so|kind"],
    ],
)  # fmt: skip
def test_what_a_first_row_may_hold_is_no_header(tmp_path: Path, lines: list[str]) -> None:
    path = _write(tmp_path, lines)
    delimiter = "|" if "|" in lines[0] else ","
    assert len(list(open_rows(path, Dialect(delimiter=delimiter)))) == len(lines) - 1


FOREIGN = {
    b"PK\x03\x04\x14\x00": "is a workbook or a zip: name it .xlsx", b"\x1f\x8b\x08\x00": "is packed by gzip: add .gz",
    b"PAR1\x15\x04": "is Parquet: name it .parquet", b"\xd0\xcf\x11\xe0\xa1": "is an old workbook",
    b"%PDF-1.7\n": "is a PDF", b"{\\rtf1\\ansi": "is a document", pickle.dumps({"text": ["a"]}): "is a pickle, which could run code",
    b"<!DOCTYPE html>\n<html>": "is a page of HTML", b"\xef\xbb\xbf\n<html lang=en>": "is a page of HTML",
    b'<?xml version="1.0"?>': "is XML", b'[{"text": "a"}]': "is JSON: name it .json", b'{"text": "a"}\n': "is JSON",
    b"@RELATION mood\n": "is ARFF", b"__label__good so kind\n__label__bad go away\n": "is text as fastText reads it",
    b"version https://git-lfs.github.com/spec/v1\noid": "is a pointer of Git LFS",
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt"])
@pytest.mark.parametrize("content", FOREIGN)
def test_what_is_no_table_of_text_is_called_by_its_name(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(content)
    said = _refusal(lambda: guess([path]))
    assert said.startswith(f"{path}: {FOREIGN[content]}")
    assert _refusal(lambda: resolve(path, ReadingOptions(), Remembered())) == said


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".joblib", ".npy", ".npz", ".pt"])
def test_a_pickle_is_not_opened(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    pd.to_pickle(pd.DataFrame({"text": ["a"]}), path)
    assert "may be a pickle, which could run code when it is loaded: save it as CSV or Parquet" in _refusal(
        lambda: open_rows(path)
    )

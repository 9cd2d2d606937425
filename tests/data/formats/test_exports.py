"""Exports: files as annotation tools write them become plain columns, a row for each annotator's answer."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.config.data import DataConfig
from agile_classifier.data.dialects.detection import detect_dialect
from agile_classifier.data.examples import read_examples
from agile_classifier.data.rows import open_rows
from agile_classifier.data.tables import kept_column, read_table

TIME = "2026-03-09T22:16:08.728353Z"


def result(*values: Any, name: str = "sentiment", kind: str = "choices") -> list[dict[str, Any]]:
    """The results of an annotation in Label Studio."""
    value = {"choices": list(values)} if kind == "choices" else {kind: values[0]}
    return [
        {"value": value, "id": "Dx_aB91ISN", "from_name": name, "to_name": "text", "type": kind, "origin": "manual"}
    ]


def annotation(number: int, results: list[dict[str, Any]], *, by: Any = 1, skipped: bool = False) -> dict[str, Any]:
    return {
        "id": number,
        "completed_by": by,
        "result": results,
        "was_cancelled": skipped,
        "ground_truth": False,
        "created_at": TIME,
        "updated_at": TIME,
        "draft_created_at": None,
        "lead_time": 9.5,
        "prediction": {},
        "result_count": len(results),
        "unique_id": "e5a8f0d2-9d5f-4d8e-a6a6-000000000000",
        "import_id": None,
        "last_action": None,
        "bulk_created": False,
        "task": 1,
        "project": 83,
        "updated_by": 1,
        "parent_prediction": None,
        "parent_annotation": None,
        "last_created_by": None,
    }


def task(number: int, text: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "annotations": list(annotations),
        "file_upload": "5f2e-comments.csv",
        "drafts": [],
        "predictions": [],
        "data": {"text": text},
        "meta": {},
        "created_at": "2026-03-09T21:52:49.513742Z",
        "updated_at": "2026-03-09T22:16:08.746926Z",
        "inner_id": number,
        "total_annotations": len(annotations),
        "cancelled_annotations": 0,
        "total_predictions": 0,
        "comment_count": 0,
        "unresolved_comment_count": 0,
        "last_comment_updated_at": None,
        "project": 83,
        "updated_by": 1,
        "comment_authors": [],
    }


TASKS = [
    task(1, "so kind", annotation(11, result("Positive"))),
    task(2, "how rude", annotation(12, result("Negative"), by={"id": 2, "email": "b@example.org"}), annotation(13, result("Positive"))),
    task(3, "skip me", annotation(14, [], skipped=True)),
    task(4, "nobody looked"),
    task(5, "both", annotation(15, result("Positive", "Negative"))),
]  # fmt: skip
TOLD = ("annotation_id", "annotator", "created_at", "id", "lead_time", "sentiment", "text", "updated_at")


def short(number: int, text: str, answer: Any, annotation_id: int, annotator: Any = 1) -> dict[str, Any]:
    """A row of JSON_MIN."""
    row: dict[str, Any] = {"text": text, "id": number, "sentiment": answer, "annotator": annotator}
    return {**row, "annotation_id": annotation_id, "created_at": TIME, "updated_at": TIME, "lead_time": 9.5}


SHORT = [
    short(1, "so kind", "Positive", 11),
    short(2, "how rude", "Negative", 12, "b@example.org"),
    short(2, "how rude", "Positive", 13),
    short(5, "both", {"choices": ["Positive", "Negative"]}, 15),
]


def write(folder: Path, content: Any, name: str) -> Path:
    path = folder / name
    if not isinstance(content, str):
        lines = name.endswith("l")
        content = "\n".join(map(json.dumps, content)) if lines else json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(content, encoding="utf-8", newline="")
    return path


def cells(path: Path, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row.cells.get(name) for name in names) for row in open_rows(path)]


def test_label_studio_json_is_a_row_an_annotation_and_a_row_without_a_label_for_the_rest(tmp_path: Path) -> None:
    path = write(tmp_path, TASKS, "project-1-at-2026-03-09-22-16.json")
    assert cells(path, "id", "text", "sentiment", "annotator", "lead_time") == [
        (1, "so kind", "Positive", 1, 9.5),
        (2, "how rude", "Negative", "b@example.org", 9.5),
        (2, "how rude", "Positive", 1, 9.5),
        (3, "skip me", None, None, None),
        (4, "nobody looked", None, None, None),
        (5, "both", ["Positive", "Negative"], 1, 9.5),
    ]
    assert sorted(open_rows(path).names()) == sorted(TOLD)
    path = write(tmp_path, [TASKS[0], TASKS[3]], "shown.json")
    assert open_rows(path).schema().names == open_rows(path).names()


def test_label_studio_json_min_says_the_same_as_json(tmp_path: Path) -> None:
    whole = write(tmp_path, TASKS, "whole.json")
    path = write(tmp_path, SHORT, "short.json")
    said = [row for row in cells(whole, *TOLD) if row[TOLD.index("annotation_id")]]
    assert cells(path, *TOLD) == said


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_label_studio_csv_and_tsv_say_the_same_as_text(tmp_path: Path, suffix: str, delimiter: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=TOLD, quoting=csv.QUOTE_NONNUMERIC, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(SHORT[:3])
    writer.writerow({**SHORT[3], "sentiment": '{"choices":["Positive","Negative"]}'})
    path = write(tmp_path, text.getvalue(), f"project-1{suffix}")
    *singles, several = cells(path, *TOLD)
    assert singles == [tuple(str(row[name]) for name in TOLD) for row in SHORT[:3]]
    assert several[TOLD.index("sentiment")] == ["Positive", "Negative"]
    assert detect_dialect(path).reasons == ()


def test_label_studio_ratings_and_several_controls_are_columns(tmp_path: Path) -> None:
    answers = [*result("Positive"), *result(4, name="stars", kind="rating"), *result(["fine"], name="why", kind="text")]
    path = write(tmp_path, [task(1, "so kind", annotation(1, answers))], "rows.json")
    assert cells(path, "sentiment", "stars", "why") == [("Positive", 4, "fine")]
    path = write(tmp_path, [{**SHORT[0], "stars": [{"rating": 4}]}], "short.json")
    assert cells(path, "sentiment", "stars") == [("Positive", 4)]


def test_a_column_of_a_tasks_data_that_is_named_as_a_column_of_the_tool_is_told_apart(tmp_path: Path) -> None:
    odd = {
        **task(1, "x", annotation(1, result("Positive"))),
        "data": {"text": "so kind", "id": "a7", "sentiment": "old"},
    }
    path = write(tmp_path, [odd], "rows.json")
    assert cells(path, "id", "data.id", "sentiment", "data.sentiment") == [(1, "a7", "Positive", "old")]


def test_argilla_json_is_a_row_an_annotator(tmp_path: Path) -> None:
    records = [
        {
            "id": "r1",
            "fields": {"text": "so kind"},
            "metadata": {"source": "chat"},
            "suggestions": {"label": {"value": "pos", "score": 0.9, "agent": "m"}},
            "responses": {"label": [{"value": "pos", "user_id": "u1"}, {"value": "neg", "user_id": "u2"}]},
            "vectors": {},
            "_server_id": "s1",
        },
        {
            "id": "r2",
            "fields": {"text": "open"},
            "metadata": {"source": "chat"},
            "suggestions": {},
            "responses": {},
            "vectors": {},
            "_server_id": "s2",
        },
        {
            "id": "r3",
            "fields": {"text": "both"},
            "metadata": {},
            "suggestions": {},
            "responses": {
                "label": [{"value": ["pos", "neg"], "user_id": "u1"}],
                "stars": [{"value": 4, "user_id": "u1"}],
            },
            "vectors": {},
            "_server_id": "s3",
        },
    ]
    path = write(tmp_path, records, "records.json")
    assert cells(path, "id", "text", "label", "annotator", "label.suggestion", "source", "stars") == [
        ("r1", "so kind", "pos", "u1", "pos", "chat", None),
        ("r1", "so kind", "neg", "u2", "pos", "chat", None),
        ("r2", "open", None, None, None, "chat", None),
        ("r3", "both", ["pos", "neg"], "u1", None, None, 4),
    ]


FLAT = {
    "id": ["r1", "r2"],
    "status": ["completed", "pending"],
    "_server_id": ["s1", "s2"],
    "text": ["so kind", "open"],
    "label.responses": [["pos", "neg", "neg"], None],
    "label.responses.users": [["u1", "u2", "u3"], None],
    "label.responses.status": [["submitted", "submitted", "discarded"], None],
    "label.suggestion": ["pos", "neg"],
    "label.suggestion.score": [0.9, 0.4],
    "label.suggestion.agent": ["m", "m"],
}


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".json"])
def test_an_argilla_data_set_is_a_row_an_annotator_and_what_was_discarded_no_label(tmp_path: Path, suffix: str) -> None:
    frame, path = pd.DataFrame(FLAT), tmp_path / f"records{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=suffix == ".jsonl")
    assert cells(path, "id", "text", "label", "annotator", "label.suggestion") == [
        ("r1", "so kind", "pos", "u1", "pos"),
        ("r1", "so kind", "neg", "u2", "pos"),
        ("r1", "so kind", None, "u3", "pos"),
        ("r2", "open", None, None, "neg"),
    ]
    names = [name for name in open_rows(path).names() if not name.startswith("label.responses")]
    assert sorted(open_rows(path).schema().names) == sorted(names)


def test_data_sets_of_argilla_1_are_read_too(tmp_path: Path) -> None:
    legacy = {
        "text": "so kind",
        "inputs": {"text": "so kind"},
        "prediction": [{"label": "pos", "score": 0.8}],
        "prediction_agent": "m",
        "annotation": "pos",
        "annotation_agent": "me",
        "multi_label": False,
        "explanation": None,
        "id": "1",
        "metadata": None,
        "status": "Validated",
        "event_timestamp": None,
        "metrics": {"text_length": 7},
        "vectors": None,
    }
    path = write(tmp_path, [legacy, {**legacy, "annotation": None, "status": "Default"}], "legacy.json")
    assert cells(path, "text", "label", "annotator", "status") == [
        ("so kind", "pos", "me", "Validated"),
        ("so kind", None, "me", "Default"),
    ]
    feedback = {
        "text": "so kind",
        "label": [{"user_id": "u1", "value": "pos", "status": "submitted"}, {"user_id": "u2", "value": "neg", "status": "draft"}],
        "label-suggestion": "pos",
        "label-suggestion-metadata": {"type": None, "score": None, "agent": None},
        "external_id": "e1",
        "metadata": "{}",
    }  # fmt: skip
    path = write(tmp_path, [feedback, {**feedback, "label": []}], "feedback.json")
    assert cells(path, "text", "label", "annotator") == [
        ("so kind", "pos", "u1"),
        ("so kind", None, "u2"),
        ("so kind", None, None),
    ]


DOCCANO = [
    {"id": 1, "text": "so kind", "label": ["pos"], "Comments": []},
    {"id": 2, "text": "both", "label": ["neg", "pos"], "Comments": ["hm"]},
    {"id": 3, "text": "open", "label": [], "Comments": []},
]


@pytest.mark.parametrize("name", ["all.jsonl", "all.json"])
def test_doccano_gives_the_one_label_and_none_for_none(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, DOCCANO, name)
    assert cells(path, "id", "text", "label") == [(1, "so kind", "pos"), (2, "both", ["neg", "pos"]), (3, "open", None)]


def test_doccano_1_is_a_row_an_annotation_with_the_number_of_its_label(tmp_path: Path) -> None:
    given = [{"label": 2, "user": 1}, {"label": 1, "user": 3}]
    rows = [{"id": 1, "text": "so kind", "annotations": given}, {"id": 2, "text": "open", "annotations": []}]
    path = write(tmp_path, rows, "all.jsonl")
    assert cells(path, "id", "label", "annotator") == [(1, 2, 1), (1, 1, 3), (2, None, None)]


def test_doccano_spans_stay_what_they_are(tmp_path: Path) -> None:
    path = write(tmp_path, [{"id": 1, "text": "EU rejects", "label": [[0, 2, "ORG"]]}], "all.jsonl")
    assert cells(path, "label") == [([[0, 2, "ORG"]],)]


HASHES = {"_input_hash": -1530009927, "_task_hash": -340967702, "_timestamp": 1773000000}
OPTIONS = [{"id": "POS", "text": "Positive review"}, {"id": "NEG", "text": "Negative review"}]


def test_a_prodigy_choice_is_the_accepted_option(tmp_path: Path) -> None:
    form = {**HASHES, "options": OPTIONS, "_view_id": "choice", "config": {"choice_style": "single"}}
    asked = {"meta": {"id": "7"}, "_annotator_id": "set-me", "_session_id": "set-me"}
    rows = [
        {"text": "so kind", **asked, **form, "accept": ["POS"], "answer": "accept"},
        {"text": "both", **asked, **form, "accept": ["POS", "NEG"], "answer": "accept"},
        {"text": "skipped", **asked, **form, "accept": [], "answer": "ignore"},
        {"text": "rejected", **asked, **form, "accept": ["POS"], "answer": "reject"},
    ]
    path = write(tmp_path, rows, "choice.jsonl")
    assert cells(path, "text", "label", "annotator", "answer", "meta.id") == [
        ("so kind", "POS", "set-me", "accept", "7"),
        ("both", ["POS", "NEG"], "set-me", "accept", "7"),
        ("skipped", None, "set-me", "ignore", "7"),
        ("rejected", None, "set-me", "reject", "7"),
    ]
    assert not {"options", "accept", "config.choice_style"} & set(open_rows(path).names())


def test_a_prodigy_yes_or_no_is_the_label_or_not(tmp_path: Path) -> None:
    rows = [
        {"text": text, "label": "INSULT", **HASHES, "_view_id": "classification", "answer": answer}
        for text, answer in (("fool", "accept"), ("dear", "reject"), ("hm", "ignore"))
    ]
    path = write(tmp_path, rows, "binary.jsonl")
    assert cells(path, "text", "label") == [("fool", "INSULT"), ("dear", "not INSULT"), ("hm", None)]


def test_text_categories_are_a_label_and_their_numbers(tmp_path: Path) -> None:
    rows = [
        {"text": "so kind", "cats": {"POS": 1.0, "NEG": 0.0}},
        {"text": "both", "cats": {"POS": 1, "NEG": 1}},
        {"text": "neither", "cats": {"POS": False, "NEG": False}},
    ]
    path = write(tmp_path, rows, "cats.jsonl")
    assert cells(path, "text", "label", "cats.POS") == [
        ("so kind", "POS", 1.0),
        ("both", ["POS", "NEG"], 1),
        ("neither", None, False),
    ]


def test_google_forms_csv_is_plain_and_its_questions_are_names(tmp_path: Path) -> None:
    header = (
        '"Timestamp","Comment (copied)","How toxic is it, from 1 (not at all) to 5 (very)?","Any remarks? (optional)"'
    )
    rows = "".join(
        f'"2026/05/0{n} 9:12:3{n} AM GMT+1","you said ""no"",\nand left {n}","{n}",""\n' for n in range(1, 5)
    )
    path = write(tmp_path, f"{header}\n{rows}", "Form.csv")
    found = detect_dialect(path)
    assert found.dialect.model_dump(exclude_defaults=True) == {}
    frame = read_table(path)
    assert frame["Comment (copied)"].tolist()[0] == 'you said "no",\nand left 1'
    assert frame.iloc[:, 2].tolist() == ["1", "2", "3", "4"]


def test_training_reads_an_export_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path, TASKS[:4], "export.json")
    examples = read_examples(DataConfig(source=str(path), columns=Columns(group="id")), keep=("sentiment", "annotator"))
    assert examples["id"].tolist() == ["1", "2", "3", "4", "5"]
    assert examples["group"].tolist() == ["1", "2", "2", "3", "4"]
    assert examples[kept_column("sentiment")].isna().tolist() == [False, False, False, True, True]


def test_other_objects_are_left_as_they_are(tmp_path: Path) -> None:
    rows = [
        {"text": "a", "label": "b", "answer": 3},
        {"text": "a", "tags": ["x"], "status": "new"},
        {"data": "plain", "annotations": ["x"]},
        {"text": "a", "cats": {}},
        {"fields": ["a"], "responses": {}, "suggestions": {}},
    ]
    path = write(tmp_path, rows, "rows.jsonl")
    assert [row.cells for row in open_rows(path)] == rows

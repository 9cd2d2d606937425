"""Scoring: files answered whole, in their order and any format, and the champion that answers. The model is a toy that
scores a text by its length, registered for real."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from classifier.errors import InputError
from classifier.tables import read_table

TEXTS = ["short", "a text of some length", "NA", 'with "quotes", commas\nand lines', "длинный текст; ünï"]
FORMATS = [".csv", ".tsv", ".txt", ".jsonl", ".parquet"]


@pytest.fixture(scope="module")
def registry(state_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An MLflow store of its own, where `toy` version 1 is champion."""
    import mlflow
    from mlflow import MlflowClient

    from tests.operations import toy_training as toy

    folder, shared = tmp_path_factory.mktemp("mlflow"), mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    client = MlflowClient()
    experiment = client.create_experiment("toy", artifact_location=(folder / "artifacts").as_uri())
    for name in ("toy", "other"):
        toy.make_version(client.create_run(experiment).info.run_id, name, zenml_run="none")
    client.set_registered_model_alias("toy", "champion", "1")
    yield client
    mlflow.set_tracking_uri(shared)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "texts.csv"
    pd.DataFrame({"id": range(5), "text": TEXTS}).to_csv(path, index=False)
    return path


def score_file(source: Path, output: Path, **options: Any) -> int:
    from operations import scoring

    return scoring.score_file(
        source, output=output, **{"column": "text", "delimiter": None, "model_name": None, **options}
    )


def expected_label(text: str) -> str:
    return "long" if len(text) >= 10 else "short"


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_scored_file_holds_the_rows_in_their_order_with_the_scores_added(
    registry: Any, table: Path, tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / f"scored{suffix}"
    assert score_file(table, output) == 5
    scored = read_table(output)
    assert list(scored.columns) == ["id", "text", "label", "probability_short", "probability_long", "model_version"]
    assert list(scored["text"]) == TEXTS
    assert list(scored["label"]) == [expected_label(text) for text in TEXTS]
    assert [float(cell) for cell in scored["probability_long"]] == [min(1, len(text) / 20) for text in TEXTS]
    assert set(scored["model_version"].astype(str)) == {"1"}
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
    delimiter = ";" if suffix in (".csv", ".tsv", ".txt") else None
    score_file(source, tmp_path / "scored.jsonl", column="comment", delimiter=delimiter)
    answers = [json.loads(line) for line in (tmp_path / "scored.jsonl").read_text().splitlines()]
    assert [answer["label"] for answer in answers] == ["short", "long"]
    assert [int(answer["n"]) for answer in answers] == [1, 2]


BAD_TEXTS = [
    ("an empty text", '{"text": ""}', "row 2: the text is ''"),
    ("a blank text", '{"text": " \\u200b\\t"}', "row 2: the text is"),
    ("a null", '{"text": null}', "row 2: the text is missing"),
    ("a row without the column", '{"x": 1}', "row 2: the text is missing"),
    ("a number", '{"text": 5}', "row 2: the text is 5"),
]


@pytest.mark.parametrize(("row", "said"), [case[1:] for case in BAD_TEXTS], ids=[case[0] for case in BAD_TEXTS])
def test_a_text_that_is_none_is_named_by_its_row_and_nothing_is_written(tmp_path: Path, row: str, said: str) -> None:
    source = tmp_path / "texts.jsonl"
    source.write_text('{"text": "fine"}\n' + row + "\n")
    (tmp_path / "scored.csv").write_text("of yesterday\n")
    with pytest.raises(InputError, match=said) as refused:
        score_file(source, tmp_path / "scored.csv")
    assert str(source) in str(refused.value)
    assert (tmp_path / "scored.csv").read_text() == "of yesterday\n"
    assert leftovers(tmp_path) == ["scored.csv", "texts.jsonl"]


BAD_PLACES = [
    ("an unknown format", "scored.xlsx", {}, "found suffix '.xlsx'"),
    ("a folder that is not there", "gone/scored.csv", {}, "no folder"),
    ("the input itself", "texts.csv", {}, "is the input itself"),
    (
        "a column that is not there",
        "scored.csv",
        {"column": "comment"},
        "no column 'comment' (--column); there are 'id', 'text'",
    ),
]


@pytest.mark.parametrize(
    ("place", "options", "said"), [case[1:] for case in BAD_PLACES], ids=[case[0] for case in BAD_PLACES]
)
def test_what_cannot_be_done_is_refused_before_anything_is_scored(
    table: Path, tmp_path: Path, place: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as refused:
        score_file(table, tmp_path / place, **options)
    assert said in str(refused.value)
    assert leftovers(tmp_path) == ["texts.csv"]


@pytest.mark.parametrize("name", ["label", "model_version", "probability_long"])
def test_a_column_of_the_input_is_never_overwritten(registry: Any, tmp_path: Path, name: str) -> None:
    source = tmp_path / "texts.csv"
    source.write_text(f"text,{name}\nfine,1\n")
    with pytest.raises(InputError, match=f"has a column '{name}' already"):
        score_file(source, tmp_path / "scored.csv")
    assert leftovers(tmp_path) == ["texts.csv"]


def test_a_column_that_parquet_cannot_hold_leaves_nothing(registry: Any, tmp_path: Path) -> None:
    source = tmp_path / "texts.jsonl"
    source.write_text('{"text": "fine", "x": [1]}\n{"text": "fine", "x": "a"}\n')
    with pytest.raises(InputError, match="parquet cannot hold"):
        score_file(source, tmp_path / "scored.parquet")
    assert leftovers(tmp_path) == ["texts.jsonl"]


def test_texts_are_shown_one_a_line_with_label_probabilities_and_version(registry: Any) -> None:
    from operations import scoring

    texts = ["short", "a text of\nsome length" + "!" * 100]
    shown = scoring.as_table(texts, scoring.score_texts(texts, model_name="toy")).splitlines()
    assert shown[0].split() == ["label", "probability_short", "probability_long", "model_version", "text"]
    assert shown[1].split() == ["short", "0.750", "0.250", "1", "short"]
    assert shown[2].split()[:4] == ["long", "0.000", "1.000", "1"]
    assert "a text of some length!!!" in shown[2]
    assert len(shown) == 3


def test_a_text_that_is_not_utf_8_is_refused() -> None:
    from operations import scoring

    with pytest.raises(InputError, match=r"text 2: .* is not UTF-8"):
        scoring.score_texts(["fine", "bad \udcff"], model_name=None)


def test_the_champion_is_found_without_a_name_only_where_there_is_one(registry: Any) -> None:
    from operations.scoring import Champion, find_champion

    assert find_champion(None) == Champion("toy", "1")
    with pytest.raises(InputError, match="--model other: has no champion; models with one: toy"):
        find_champion("other")
    registry.set_registered_model_alias("other", "champion", "1")
    with pytest.raises(InputError, match="name one with --model: other, toy"):
        find_champion(None)
    assert find_champion("other") == Champion("other", "1")
    for name in ("other", "toy"):
        registry.delete_registered_model_alias(name, "champion")
    with pytest.raises(InputError, match="train one first"):
        find_champion("toy")
    registry.set_registered_model_alias("toy", "champion", "1")

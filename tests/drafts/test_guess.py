"""Guesses: the right columns of files of many kinds, with a reason for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.drafts.choices import Choices
from agile_classifier.drafts.guess import guess
from agile_classifier.errors import InputError

QUALTRICS = b"""ResponseId,Q1,Q2
Response ID,What do you think?,How rude is it?
"{""ImportId"":""_recordId""}","{""ImportId"":""QID1""}","{""ImportId"":""QID2""}"
R_1,so kind,1
R_2,so bad,4
"""
WORDS = ["a fine day indeed", "what a mess this is", "no idea what you mean", "we shall see about that"]


def make_frame(n_rows: int = 120, **columns: Any) -> pd.DataFrame:
    """Rows of distinct texts; each further column repeats the values it is given."""
    text = [f"{WORDS[row % 4]} {row}" for row in range(n_rows)]
    return pd.DataFrame(
        {
            "text": text,
            **{name: [values[row % len(values)] for row in range(n_rows)] for name, values in columns.items()},
        }
    )


def guessed(folder: Path, frame: pd.DataFrame, name: str = "x.csv", **options: Any) -> Any:
    frame.to_csv(folder / name, index=False, **options)
    return guess([folder / name])


def real_file(name: str) -> Path:
    found = next(
        (
            folder / "shared/data" / name
            for folder in Path(__file__).parents
            if (folder / "shared/data" / name).exists()
        ),
        None,
    )
    if found is None:
        pytest.skip(f"shared/data/{name} is not at hand")
    return found


def test_ethos_is_scores_cut_at_their_median() -> None:
    path = real_file("ethos/Ethos_Dataset_Binary.csv")
    found = guess([path])
    assert found.data == {"source": str(path), "delimiter": ";", "columns": {"text": "comment", "score": "isHate"}}
    labels = {"rule": "median", "names": ["low hate", "high hate"]}
    assert (found.labels, found.split) == (labels, {"method": "stratified"})


def test_unfair_tos_is_classes_split_by_document() -> None:
    path = real_file("unfair_tos/unfair_tos_claudette.csv")
    found = guess([path])
    assert found.data == {"source": str(path), "columns": {"text": "text", "group": "document"}}
    assert found.labels == {"rule": "given", "columns": ["unfair"], "names": {"0": "not unfair", "1": "unfair"}}
    assert found.split == {"method": "group"}
    assert any("treebank" in reason for reason in found.reasons)


def test_every_role_is_found_and_explained_in_a_sentence(tmp_path: Path) -> None:
    frame = make_frame(rating=[1.5, 2.0, 4.5], author=[f"a{n}" for n in range(12)], year=[2001, 2002, 2003])
    found = guessed(tmp_path, frame.assign(id=range(1000, 1120)), "x.tsv", sep="\t")
    assert found.data["columns"] == {"text": "text", "score": "rating", "id": "id", "group": "author"}
    assert found.split == {"method": "group"}
    assert all(reason[0].isupper() and reason.endswith(".") for reason in found.reasons)
    for word in ("'text'", "'rating'", "'id'", "'author'", "defaults", "--label year"):
        assert any(word in reason for reason in found.reasons), word


@pytest.mark.parametrize(
    ("columns", "labels", "score"),
    [
        ({"label": ["spam", "ham"]}, {"rule": "given", "columns": ["label"], "names": ["ham", "spam"]}, None),
        ({"label": [0, 1]}, {"rule": "given", "columns": ["label"], "names": ["0", "1"]}, None),
        ({"stars": [1, 2, 3, 4, 5]}, {"rule": "median", "names": ["low stars", "high stars"]}, "stars"),
        (
            {"confidence": [0.1, 0.2, 0.3], "label": ["a", "b", "b"]},
            {"rule": "given", "columns": ["label"], "names": ["b", "a"]},
            None,
        ),
        (
            {"toxicity": [0.1, 0.2, 0.3], "topic_id": [3, 5, 7]},
            {"rule": "median", "names": ["low toxicity", "high toxicity"]},
            "toxicity",
        ),
        (
            {"toxic": [0, 1], "split": ["train", "test"]},
            {"rule": "given", "columns": ["toxic"], "names": {"0": "not toxic", "1": "toxic"}},
            None,
        ),
        (
            {"toxicity": [0.0, 0.0, 0.0, 0.2, 0.9]},
            {"rule": "value", "value": 0.2, "names": ["low toxicity", "high toxicity"]},
            "toxicity",
        ),
    ],
)
def test_scores_and_classes_are_told_apart(
    tmp_path: Path, columns: dict[str, Any], labels: dict[str, object], score: str | None
) -> None:
    found = guessed(tmp_path, make_frame(**columns))
    assert (found.labels, found.data["columns"].get("score")) == (labels, score)


def test_a_file_without_a_header_gets_column_names(tmp_path: Path) -> None:
    frame = make_frame(score=[0.25, 0.5, 0.75])
    frame.insert(0, "id", range(120))
    found = guessed(tmp_path, frame, "x.txt", sep="\t", header=False)
    assert found.data["column_names"] == ["column_1", "column_2", "column_3"]
    assert found.data["columns"] == {"text": "column_2", "score": "column_3", "id": "column_1"}


def test_encoding_and_stray_quotes_are_noticed(tmp_path: Path) -> None:
    lines = "\n".join(f'"quoted {row}" caf\u00e9 talk\t{row % 2}' for row in range(120))
    (tmp_path / "x.tsv").write_bytes(f"text\tlabel\n{lines}".encode("cp1252"))
    found = guess([tmp_path / "x.tsv"])
    assert (found.data["encoding"], found.data["quoting"]) == ("cp1252", False)


def test_jsonl_and_parquet_need_no_sniffing(tmp_path: Path) -> None:
    frame = make_frame(label=[True, False])
    frame.to_parquet(tmp_path / "x.parquet")
    frame.to_json(tmp_path / "x.jsonl", orient="records", lines=True)
    for name in ("x.parquet", "x.jsonl"):
        found = guess([tmp_path / name])
        assert found.data == {"source": str(tmp_path / name), "columns": {"text": "text"}}
        assert found.labels == {"rule": "given", "columns": ["label"], "names": ["False", "True"]}


def test_few_rows_and_few_groups_are_warned_of(tmp_path: Path) -> None:
    reasons = guessed(tmp_path, make_frame(40, label=[0, 1], source=["web", "mail", "web"])).reasons
    assert any("Only 40 rows" in reason for reason in reasons)
    assert any("'source' may name groups, but 2 are too few" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"name": ["a", "b"] * 9, "label": [0, 1] * 9}), r"no column looks like text .* 'name', 'label'"),
        (make_frame(), r"nothing to learn from: needed beside the text is a score"),
        (make_frame(label=[1]), r"nothing to learn from"),
        (make_frame(price=[1000.5, 2000.5, 1.5]), r"nothing to learn from but .*--score price"),
        (make_frame(score=[float("inf"), 1.0, 2.5]), r"nothing to learn from"),
    ],
)
def test_a_file_that_offers_nothing_to_learn_is_refused_with_what_was_looked_for(
    tmp_path: Path, frame: pd.DataFrame, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        guessed(tmp_path, frame)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.csv", None, "no such file"),
        ("x.csv", b"", "the file is empty"),
        ("x.csv", b"\x00\x01", "a NUL byte"),
        ("x.docx", b"x", "found suffix"),
        ("x.parquet", b"x", "not a readable parquet"),
        ("x.jsonl", b"{", "not JSON"),
        (
            "x.csv",
            b"Export of May\nby Anna\n\ntext,label\na b,1\nc d,0\ne f,1\n",
            "names 1 .* of 2 .* above 'text', 'label'",
        ),
        (
            "x.csv",
            b",Raters,,\ntext,a,b,c\nso kind,1,0,1\nso bad,0,0,1\n",
            "names 1 .Raters. of 4 columns that rows fill",
        ),
        (
            "x.tsv",
            b"text\tlabel\n1\tso kind\ta\n2\tso bad\tb\n",
            "begin with a number of the row, .* row.names = FALSE",
        ),
        ("x.csv", QUALTRICS, "lines 2 and 3 are headers too, as Qualtrics writes them"),
        ("x.json", b'{"text": {"0": "a b", "1": "c d"}, "label": {"0": 1, "1": 0}}', "as pandas writes it"),
        ("x.json", b'{"columns": ["text"], "index": [0], "data": [["a b"]]}', "as pandas writes it"),
        ("x.jsonl", b'{"text": "a b"}\n{"text": 42}\n', r"'text' \(row 2 holds no string: 42\)"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        guess([tmp_path / name])


def test_what_a_queue_says_of_a_text_is_nothing_to_learn_from(tmp_path: Path) -> None:
    queued = make_frame(
        probability=[0.41, 0.52, 0.63, 0.38], reason=["rude 0.41", "rude 0.52", "rude 0.63", "rude 0.38"]
    )
    with pytest.raises(InputError, match="nothing to learn from"):
        guessed(tmp_path, queued.assign(score=""))
    filled = guessed(tmp_path, queued.assign(score=[0.0, 0.25, 0.5, 1.0] * 30))
    assert filled.data["columns"] == {"text": "text", "score": "score"}


def test_of_several_sheets_an_option_names_the_one_that_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with pd.ExcelWriter(path) as book:
        make_frame(label=["spam", "ham"]).to_excel(book, sheet_name="rows", index=False)
        pd.DataFrame({"code": ["spam"]}).to_excel(book, sheet_name="legend", index=False)
    with pytest.raises(InputError, match=r"'rows', 'legend' hold rows; data.sheet \(--sheet\)"):
        guess([path])
    found = guess([path], Choices(sheet="rows"))
    assert (found.data["sheet"], found.labels["columns"]) == ("rows", ["label"])


def test_what_a_database_writes_for_nothing_is_no_class(tmp_path: Path) -> None:
    found = guessed(tmp_path, make_frame(is_spam=["0", "1", "0", r"\N"]))
    assert found.labels == {"rule": "given", "columns": ["is_spam"], "names": {"0": "not spam", "1": "spam"}}

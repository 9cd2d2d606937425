"""The annotation queue of a registered version: what is asked for, what is left out, and that the file goes back in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.training import ModelConfig
from agile_classifier.data.row_parts import Layout
from agile_classifier.data.tables import read_table, to_examples
from agile_classifier.data.text import text_digest
from agile_classifier.errors import InputError
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.ops.registry.contents import version_files
from agile_classifier.ops.scoring import queue as annotation_queue

KNOWN = "a text that the version was trained on"
TEXTS = [
    KNOWN,
    "certain thing",
    "doubtful thing, no. 1",
    "  ",
    "doubtful thing, no. 1",
    "a quite other doubt, with, commas",
]
SPEC = ClassifierSpec.describe(ModelConfig(source="base"), class_names=("no", "yes"), base_digest="")


@pytest.fixture
def version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that is sure of what says so."""

    def load(name: str, number: str) -> Callable[[Sequence[str]], pd.DataFrame]:
        def score(texts: Sequence[str]) -> pd.DataFrame:
            positive = np.asarray([0.99 if "certain" in text else 0.5 for text in texts])
            return pd.DataFrame({"probability_no": 1 - positive, "probability_yes": positive})

        return score

    monkeypatch.setattr(annotation_queue, "Scorer", load)
    monkeypatch.setattr(version_files, "read_spec", lambda *_: SPEC)
    monkeypatch.setattr(version_files, "read_config", lambda *_: {"labels": {"rule": "value", "not_rated": [-99.0]}})
    monkeypatch.setattr(version_files, "read_decision_threshold", lambda *_: 0.5)
    monkeypatch.setattr(version_files, "read_learnt_from", lambda *_: frozenset({text_digest(KNOWN)}))
    monkeypatch.setattr(annotation_queue, "find_scorer", lambda *_: ("mood", "3"))
    monkeypatch.setattr(annotation_queue, "_embed", lambda name, number, texts: np.eye(len(texts)))


def pool_of(folder: Path, frame: pd.DataFrame, **given: str) -> annotation_queue.Pool:
    frame.to_csv(folder / "pool.csv", index=False)
    return annotation_queue.read_pool(folder / "pool.csv", **{"column": "text", "score_column": "score", **given})


@pytest.mark.parametrize(
    ("config", "column"),
    [
        ({"data": {"columns": {"text": "comment", "score": "toxicity"}}, "labels": {"rule": "median"}}, "toxicity"),
        ({"data": {"columns": {"score": None}}, "labels": {"rule": "given", "columns": ["topic"]}}, "topic"),
        ({"labels": {"rule": "any", "columns": ["insult", "threat"]}}, "score"),
        ({}, "score"),
    ],
)
def test_annotators_fill_in_the_column_that_the_version_learnt_from(
    config: dict[str, object], column: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version_files, "read_config", lambda *_: config)
    assert annotation_queue.learnt_column("mood", "3") == column


def test_known_blank_and_repeated_texts_are_left_out_and_doubts_come_first(version: None, tmp_path: Path) -> None:
    pool = pool_of(tmp_path, pd.DataFrame({"number": range(6), "text": TEXTS}))
    queue = annotation_queue.make_queue(pool, count=10)
    assert queue.rows["text"].tolist() == [TEXTS[2], TEXTS[5], TEXTS[1]]
    assert queue.rows["probability"].tolist() == [0.5, 0.5, 0.99]
    assert queue.rows["reason"].iloc[0] == "yes 0.50"
    assert queue.in_words() == "3 of 6 rows chosen by mood version 3; left out: 1 without a text, 2 known already or there twice"  # fmt: skip


def test_rows_that_cannot_be_read_are_left_out_and_the_first_reason_is_said(version: None, tmp_path: Path) -> None:
    path = tmp_path / "pool.csv"
    path.write_bytes(b"number,text\n1,certain thing\n2,caf\xe9\n3,a,b,c\n4,certain\n")
    pool = annotation_queue.read_pool(path, column="text", score_column="score")
    said = annotation_queue.make_queue(pool, count=10).in_words()
    assert said.startswith(
        "2 of 4 rows chosen by mood version 3; left out: 2 that cannot be read (row 2 (line 3): byte 0xe9"
    )
    path.write_bytes(b"number,text\n1,caf\xe9\n")
    with pytest.raises(InputError, match=r"pool\.csv: row 1 \(line 2\): byte 0xe9 after '1,caf' is not UTF-8"):
        annotation_queue.read_pool(path, column="text", score_column="score")


def test_a_pool_of_which_most_cannot_be_read_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    path = tmp_path / "pool.csv"
    path.write_bytes(b"number,text\n1,fine\n2,caf\xe9\n3,\xfcber\n")
    with pytest.raises(InputError, match=r"only 1 of 3 rows could be read; row 2 \(line 3\): byte 0xe9"):
        annotation_queue.read_pool(path, column="text", score_column="score")


def test_the_queue_is_laid_out_as_the_pool(version: None, tmp_path: Path) -> None:
    pool = pool_of(tmp_path, pd.DataFrame({"number": range(6), "text": TEXTS}))
    queue = annotation_queue.make_queue(pool, count=2)
    layout = Layout(";", "\r\n", has_mark=True)
    annotation_queue.write_queue(queue, tmp_path / "queue.csv", layout=layout)
    written = (tmp_path / "queue.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbfnumber;text;probability;reason;score\r\n")
    frame = read_table(tmp_path / "queue.csv", Dialect(delimiter=";"))
    assert frame["text"].tolist() == queue.rows["text"].tolist()


def test_the_file_goes_back_in_once_it_is_filled_in(version: None, tmp_path: Path) -> None:
    pool = pool_of(tmp_path, pd.DataFrame({"text": TEXTS}), score_column="isHate")
    annotation_queue.write_queue(annotation_queue.make_queue(pool, count=2), tmp_path / "queue.csv")
    frame = read_table(tmp_path / "queue.csv")
    assert frame.columns.tolist() == ["text", "probability", "reason", "isHate"]
    assert frame["isHate"].tolist() == ["", ""]
    examples = to_examples(frame.assign(isHate=["0.2", "0.9"]), Columns(score="isHate"), path_name="queue.csv")
    assert sorted(examples["text"]) == sorted([TEXTS[2], TEXTS[5]])
    assert examples["score"].tolist() == [0.2, 0.9]


def test_of_a_training_file_the_rows_without_a_label_are_the_pool_and_an_earlier_queue_is_replaced(
    version: None, tmp_path: Path
) -> None:
    scores = ["0.5", "", "n/a", "", "-99", "0"]
    frame = pd.DataFrame({"text": TEXTS, "score": scores, "probability": "0.1", "reason": "an earlier queue"})
    queue = annotation_queue.make_queue(pool_of(tmp_path, frame), count=10)
    assert queue.rows["text"].tolist() == [TEXTS[2], TEXTS[1]]
    assert queue.rows["score"].tolist() == ["", ""]
    assert queue.rows["probability"].tolist() == [0.5, 0.99]
    assert queue.in_words().endswith(
        "left out: 2 with a 'score' already, 1 without a text, 1 known already or there twice"
    )


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ({"txt": ["a"]}, r"pool\.csv: no column 'text'; there are: txt; name it with --column"),
        ({"text": ["a"], "reason": ["1"]}, r"pool\.csv: the queue writes a column 'reason', and the pool has one"),
        ({"text": ["a", "b", KNOWN], "score": ["1", "0", ""]}, r"pool\.csv: no text left to label: 3 rows, 2 with a 'score' already \(--score-column\), 0 of them without a text, 1 known"),
        ({"text": [KNOWN, "  "]}, r"pool\.csv: no text left to label: 2 rows, 1 of them without a text, 1 known to mood version 3"),
        ({"text": []}, r"pool\.csv: "),
    ],
)  # fmt: skip
def test_a_pool_that_cannot_be_used_is_refused_by_name(
    version: None, tmp_path: Path, frame: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        annotation_queue.make_queue(pool_of(tmp_path, pd.DataFrame(frame)), count=1)


def test_an_output_that_cannot_be_written_is_refused_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found suffix \.xlsx; allowed is \.csv"):
        annotation_queue.require_writable(tmp_path / "queue.xlsx")
    with pytest.raises(InputError, match="there is no folder"):
        annotation_queue.require_writable(tmp_path / "gone" / "queue.csv")
    (tmp_path / "filled.csv").write_text("text,score\na,0.5\n", encoding="utf-8")
    with pytest.raises(InputError, match="exists already, perhaps with scores filled in"):
        annotation_queue.require_writable(tmp_path / "filled.csv")

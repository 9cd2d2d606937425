"""Files with a row for each rater's answer: the rows of a text become one example, and other files stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.config.data import DataConfig, LabelsConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.drafts.choices import Choices
from agile_classifier.drafts.draft import Project, compose
from agile_classifier.drafts.guess import guess
from agile_classifier.errors import InputError
from agile_classifier.ops import project
from tests.drafts.strangers import LONG

WHO = ["ann", "bob", "cyd", "dee"]


def rows(answers: list[Any], *, who: str = "annotator", n_texts: int = 60, **more: Any) -> pd.DataFrame:
    """Three answers to each text, of another three of four people, the first column counting the rows."""
    answered = [
        (text, WHO[(text + turn) % 4], answers[(text + turn // 2) % len(answers)])
        for text in range(n_texts)
        for turn in range(3)
    ]
    frame = pd.DataFrame(
        {"text": [LONG[text] for text, _, _ in answered], who: [name for _, name, _ in answered],
         "label": [answer for _, _, answer in answered]}
    )  # fmt: skip
    frame.insert(0, "id", range(len(frame)))
    return frame.assign(**{name: [cells[text % len(cells)] for text, _, _ in answered] for name, cells in more.items()})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "votes.csv"


@pytest.mark.parametrize(
    ("answers", "labels"),
    [
        (["ok", "toxic"], {"rule": "value", "value": 0.5, "absent": ["ok"], "names": ["ok", "toxic"]}),
        ([0, 1], {"rule": "value", "value": 0.5}),
        ([1, 2], {"rule": "value", "value": 1.5}),
    ],
)
def test_the_rows_of_a_text_become_one_example(file: Path, answers: list[Any], labels: dict[str, Any]) -> None:
    rows(answers).to_csv(file, index=False)
    found = guess([file])
    assert found.data["columns"] == {"text": "text", "score": "label", "rater": "annotator"}
    assert found.labels == labels
    read = LabelsConfig.model_validate(found.labels)
    examples = read_examples(DataConfig.model_validate(found.data), absent=read.absent)
    assert len(examples) == 60
    assert set(examples["ratings"].map(lambda cell: cell.count(","))) == {5}


def test_a_scale_is_cut_at_the_median_of_the_means(file: Path) -> None:
    rows([1, 2, 4, 5, 3], who="worker_id").rename(columns={"label": "rating"}).to_csv(file, index=False)
    found = guess([file])
    assert found.data["columns"] == {"text": "text", "score": "rating", "rater": "worker_id"}
    assert found.labels == {"rule": "median", "names": ["low rating", "high rating"]}
    assert any("4 raters ('worker_id')" in reason and "their mean" in reason for reason in found.reasons)


def test_a_group_must_be_one_of_texts_and_not_of_answers(file: Path) -> None:
    threads = [f"thread {number}" for number in range(15)]
    frame = rows(["ok", "toxic"], thread=threads)
    frame.assign(document=[f"doc {row % 20}" for row in range(len(frame))]).to_csv(file, index=False)
    assert guess([file]).data["columns"]["group"] == "thread"  # type: ignore[index]


def test_what_is_no_answer_of_several_stays_a_row(file: Path) -> None:
    three = rows(["good", "bad", "so so"])
    once = rows(["ok", "toxic"]).drop_duplicates("text")
    again = (
        rows(["ok", "toxic"]).assign(annotator="ann").assign(annotator=lambda frame: ["ann", "bob"] * (len(frame) // 2))
    )
    for frame in (three, once, again.assign(text=[LONG[row % 10] for row in range(len(again))])):
        frame.to_csv(file, index=False)
        found = guess([file])
        assert (found.labels["rule"], "rater" in found.data["columns"]) == ("given", False)  # type: ignore[operator]


def test_an_option_names_the_raters_where_no_name_tells(file: Path) -> None:
    rows(["ok", "toxic"], who="col7").to_csv(file, index=False)
    assert "rater" not in guess([file]).data["columns"]  # type: ignore[operator]
    columns = guess([file], Choices(rater="col7")).data["columns"]
    assert columns == {"text": "text", "score": "label", "rater": "col7"}
    with pytest.raises(InputError, match=r"--rated-by: no column 'col8'.*did you mean col7\?"):
        guess([file], Choices(rater="col8"))
    with pytest.raises(InputError, match="--rater and --rated-by exclude each other"):
        Choices(rater="a", raters=("b", "c"))
    rows(["good", "bad", "so so"]).to_csv(file, index=False)
    with pytest.raises(InputError, match=r"--rated-by annotator: the answers must be numbers, or two words; learnt is"):
        guess([file], Choices(rater="annotator"))


def test_the_forecast_tells_of_agreement_and_of_who_is_to_be_looked_at(file: Path) -> None:
    frame = rows(["ok", "ok", "toxic", "toxic"], n_texts=60)
    frame["label"] = ["toxic" if row // 3 % 2 else "ok" for row in range(len(frame))]
    contrary = frame["annotator"] == "dee"
    frame.loc[contrary, "label"] = frame.loc[contrary, "label"].map({"ok": "toxic", "toxic": "ok"})
    frame.to_csv(file, index=False)
    here = Project({"source": "hf://x/y", "revision": "0" * 40}, suites=project.configs())
    drafted = " ".join(
        line.removeprefix("#").strip()
        for line in compose([file], project=here, output=file.with_suffix(".yaml")).splitlines()
    )
    assert "The labels rest on 4 raters, 180 answers to 60 texts, 3 a text: Krippendorff's alpha -0.023 (" in drafted
    assert "The run will warn: raters dee (-0.80) answer against the others" in drafted

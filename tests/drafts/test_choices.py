"""What a person says overrules every guess, and is refused where the file does not bear it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer

from agile_classifier.cli.app import app
from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.data import DataConfig, LabelsConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.data.label_and_split import label_examples
from agile_classifier.data.tables import read_table
from agile_classifier.drafts.choices import OPTIONS, Choices, OpenQuestion
from agile_classifier.drafts.guess import guess, read_dialect
from agile_classifier.errors import InputError
from tests.drafts.strangers import LONG, REMARK, SHARES, Stranger


@pytest.fixture
def file(tmp_path: Path) -> Path:
    frame = Stranger(
        "",
        {
            "text": LONG,
            "remark": REMARK,
            "label": ["ok", "bad"],
            "insult": [0, 1],
            "threat": [0, 0, 1],
            "toxicity": SHARES,
        },
        "",
        (),
    ).frame()
    frame.to_csv(tmp_path / "x.csv", index=False)
    return tmp_path / "x.csv"


def test_two_likely_columns_are_named_with_the_options_that_decide(tmp_path: Path) -> None:
    Stranger("", {"question1": LONG, "question2": REMARK, "same": [0, 1]}, "", ()).frame().to_csv(
        tmp_path / "x.csv", index=False
    )
    with pytest.raises(
        OpenQuestion, match=r"which column holds the texts\? .*--text question1.* or .*--text question2"
    ) as raised:
        guess([tmp_path / "x.csv"])
    assert raised.value.exit_code == 2
    assert len(raised.value.question.rows) == 3


@pytest.mark.parametrize(
    ("choices", "labels", "columns"),
    [
        ({"score": "toxicity"}, {"rule": "median", "names": ["low toxicity", "high toxicity"]}, {"text": "text", "score": "toxicity"}),
        ({"labels": ("label",)}, {"rule": "given", "columns": ["label"], "names": ["ok", "bad"]}, {"text": "text"}),
        ({"labels": ("insult", "threat")}, {"rule": "any", "columns": ["insult", "threat"], "names": ["none of these", "insult or threat"]}, {"text": "text"}),
        ({"raters": ("insult", "threat")}, {"rule": "value", "value": 0.5, "names": ["most say 0", "most say 1"]}, {"text": "text", "raters": ["insult", "threat"]}),
        ({"text": "remark", "labels": ("label",), "class_1": "OK"}, {"rule": "given", "columns": ["label"], "names": ["bad", "ok"]}, {"text": "remark"}),
        ({"labels": ("label",), "group": "insult"}, {"rule": "given", "columns": ["label"], "names": ["ok", "bad"]}, {"text": "text", "group": "insult"}),
    ],
)  # fmt: skip
def test_options_overrule_the_guess(
    file: Path, choices: dict[str, Any], labels: dict[str, Any], columns: dict[str, Any]
) -> None:
    found = guess([file], Choices(**choices))
    assert (found.labels, found.data["columns"]) == (labels, columns)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"text": "texts"}, r"--text: no column 'texts'; there are .*; did you mean text\?"),
        ({"labels": ("lable",)}, r"--label: no column 'lable'.*did you mean label\?"),
        ({"text": "toxicity"}, "--text toxicity: needed are texts"),
        ({"score": "label"}, "--score label: needed are numbers"),
        ({"score": "toxicity", "text": "toxicity"}, "name the same column 'toxicity'"),
        ({"labels": ("label",), "class_1": "badd"}, r"--class-1: no class 'badd'.*did you mean bad\?"),
        ({"score": "toxicity", "class_1": "bad"}, "of a score it is high or low"),
        ({"labels": ("toxicity",), "class_1": "1"}, "found 6 classes"),
        ({"labels": ("insult", "threat"), "class_1": "1"}, "has any of them"),
        ({"raters": ("insult",)}, "--rater .* found one"),
    ],
)
def test_an_option_that_the_file_does_not_bear_out_is_refused(
    file: Path, choices: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        guess([file], Choices(**choices))


def test_a_score_and_classes_cannot_both_be_learnt() -> None:
    with pytest.raises(InputError, match="--score and --label exclude each other"):
        Choices(score="a", labels=("b",))


def test_a_list_of_several_labels_is_refused_with_what_can_be_learnt_of_it(tmp_path: Path) -> None:
    frame = Stranger("", {"text": LONG, "label": [["pos"], ["neg"], ["pos", "neg"], []]}, "", ()).frame()
    frame.to_json(tmp_path / "x.jsonl", orient="records", lines=True)
    with pytest.raises(InputError, match=r"'label' holds several labels or none in row 3 \(--label label"):
        guess([tmp_path / "x.jsonl"])
    assert guess([tmp_path / "x.jsonl"], Choices(labels=("label",))).labels == {
        "rule": "any",
        "columns": ["label"],
        "names": ["absent", "present"],
    }


def test_which_end_of_a_severity_is_the_bad_one_is_asked_where_it_may_be_the_low_one(tmp_path: Path) -> None:
    columns: dict[str, Sequence[Any]] = {"text": LONG, "severity": [1, 0, 1, -1, 1, -3]}
    Stranger("", columns, "", ()).frame().to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(OpenQuestion, match=r"which end of 'severity'.*--class-1 low.* or .*--class-1 high"):
        guess([tmp_path / "x.csv"])
    assert "reverse_coded" not in guess([tmp_path / "x.csv"], Choices(class_1="high")).data
    turned = guess([tmp_path / "x.csv"], Choices(class_1="low"))
    assert turned.data["reverse_coded"] == [-3, 1]
    data = DataConfig.model_validate(turned.data)
    score = read_examples(data)["score"]
    assert list(score[:6]) == [-3, -2, -3, -1, -3, 1]
    labels = LabelsConfig.model_validate(turned.labels)
    label = label_examples(read_examples(data), labels)[0]
    assert list(label[:6]) == [0, 1, 0, 1, 0, 1]


def test_a_word_among_numbers_stands_for_no_score(tmp_path: Path) -> None:
    columns: dict[str, Sequence[Any]] = {"text": LONG, "rating": [1, 2, 3.5, 4, "skipped"]}
    Stranger("", columns, "", ()).frame().to_csv(tmp_path / "x.csv", index=False)
    found = guess([tmp_path / "x.csv"])
    assert found.labels["not_rated"] == ["skipped"]
    assert found.data["columns"] == {"text": "text", "score": "rating"}


def test_files_of_one_config_are_read_alike(tmp_path: Path) -> None:
    frame = Stranger("", {"text": LONG, "label": ["ok", "bad"]}, "", ()).frame()
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "b.csv", index=False)
    frame.to_csv(tmp_path / "c.csv", index=False, sep=";")
    found = guess([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert found.data["source"] == [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    with pytest.raises(InputError, match=r"a\.csv: is written with delimiter None, .*c\.csv with ';'"):
        guess([tmp_path / "a.csv", tmp_path / "c.csv"])


def test_files_of_which_one_says_more_are_joined(tmp_path: Path) -> None:
    columns: dict[str, Sequence[Any]] = {"text": LONG, "rating": [1, 2, 3, 4, 5]}
    frame = Stranger("", columns, "", ()).frame()
    frame.to_csv(tmp_path / "a.csv", index=False, sep=";")
    halves = frame.assign(rating=[str(rating / 2).replace(".", ",") for rating in frame["rating"]])
    halves.to_csv(tmp_path / "b.csv", index=False, sep=";")
    found = guess([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert (found.data["delimiter"], found.data["decimal"]) == (";", ",")
    assert found.data["columns"] == {"text": "text", "score": "rating"}


def test_what_is_said_of_a_file_comes_before_what_is_detected(tmp_path: Path) -> None:
    rows = "".join(f"good day to all of you number {row};{row},{'ab'[row % 2]},1\n" for row in range(40))
    (tmp_path / "x.csv").write_text(rows, encoding="utf-8")
    dialect, _ = read_dialect([tmp_path / "x.csv"], Choices(delimiter=";"))
    assert len(read_table(tmp_path / "x.csv", dialect).columns) == 2


def test_the_sheet_that_is_said_is_read(tmp_path: Path) -> None:
    frame = Stranger("", {"text": LONG, "label": ["ok", "bad"]}, "", ()).frame()
    with pd.ExcelWriter(tmp_path / "x.xlsx") as book:
        frame.to_excel(book, sheet_name="one", index=False)
        frame.rename(columns={"label": "verdict"}).to_excel(book, sheet_name="two", index=False)
    with pytest.raises(InputError, match="--sheet"):
        guess([tmp_path / "x.xlsx"])
    found = guess([tmp_path / "x.xlsx"], Choices(sheet="two"))
    assert (found.data["sheet"], found.labels["columns"]) == ("two", ["verdict"])


def test_every_field_of_a_dialect_can_be_said() -> None:
    options = {option for each in typer.main.get_command(app).commands["init"].params for option in each.opts}  # type: ignore[attr-defined]
    assert set(OPTIONS.values()) <= options
    assert set(Dialect.model_fields) <= {each.name for each in fields(Choices)}


def test_a_code_page_that_gives_other_words_is_asked_about(tmp_path: Path) -> None:
    rows = "".join(f"это плохой комментарий номер {row};{'да' if row % 3 else 'нет'}\n" for row in range(60))
    (tmp_path / "x.csv").write_bytes(f"текст;метка\n{rows}".encode("cp1251"))
    with pytest.raises(OpenQuestion, match="--encoding cp1251"):
        guess([tmp_path / "x.csv"])
    found = guess([tmp_path / "x.csv"], Choices(encoding="cp1251"))
    assert (found.data["encoding"], found.data["columns"]) == ("cp1251", {"text": "текст"})

"""Several labels in a draft: `--many` is taken, and offered where columns may each be a label of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from agile_classifier.drafts.choices import Choices, OpenQuestion
from agile_classifier.drafts.draft import Project, compose
from agile_classifier.drafts.guess import guess
from agile_classifier.errors import InputError

PROJECT = Project({"source": "models/all-MiniLM-L6-v2"}, suites=Path(__file__).parents[2] / "configs")


def write(folder: Path, header: str, cells: list[str], *, n: int = 120) -> Path:
    file = folder / "comments.csv"
    rng = np.random.default_rng(0)
    texts = [" ".join("".join(rng.choice(list("abcdefgh"), 6)) for _ in range(8)) for _ in range(n)]
    rows = [f"{text},{cells[row % len(cells)]}" for row, text in enumerate(texts)]
    file.write_text("\n".join([f"comment,{header}", *rows]), encoding="utf-8")
    return file


def sections(file: Path, choices: Choices) -> dict[str, dict[str, object]]:
    made: dict[str, dict[str, object]] = yaml.safe_load(
        compose([file], project=PROJECT, output=file.with_suffix(".yaml"), choices=choices)
    )["parameters"]
    return made


def test_columns_that_are_named_become_labels_of_their_own(tmp_path: Path) -> None:
    file = write(tmp_path, "insult,threat,spam", ["1,0,0", "0,1,0", "1,1,1", "0,0,0"])
    labels = sections(file, Choices(labels=("insult", "threat", "spam"), many=True))["labels"]
    assert labels == {"rule": "many", "columns": ["insult", "threat", "spam"]}


def test_shares_of_annotators_are_cut_at_their_majority(tmp_path: Path) -> None:
    file = write(tmp_path, "insult,threat", ["0.2,0.9", "0.8,0.1", "1,0", "0.5,0.6"])
    labels = sections(file, Choices(labels=("insult", "threat"), many=True))["labels"]
    assert labels == {"rule": "many", "columns": ["insult", "threat"], "value": 0.5}


def test_one_column_that_lists_labels_is_parted_by_its_sign(tmp_path: Path) -> None:
    file = write(tmp_path, "kinds", ["insult", "insult|threat", "threat", ""])
    labels = sections(file, Choices(labels=("kinds",), many=True))["labels"]
    assert labels == {"rule": "many", "columns": ["kinds"], "joined_by": "|"}


def test_a_draft_foretells_the_rarest_label_and_not_the_rarest_set(tmp_path: Path) -> None:
    cells = ["1,0,0"] * 20 + ["0,1,0"] * 20 + ["1,1,1"] * 19 + ["0,0,1"]
    file = write(tmp_path, "insult,threat,spam", cells)
    text = compose(
        [file], project=PROJECT, output=tmp_path / "out.yaml", choices=Choices(labels=("insult", "threat", "spam"), many=True)
    )  # fmt: skip
    assert "It cannot train yet" not in text


def test_ethos_labels_are_offered_as_labels_of_their_own(ethos_file: Path) -> None:
    file = ethos_file.with_name("Ethos_Dataset_Multi_Label.csv")
    with pytest.raises(OpenQuestion) as asked:
        guess([file])
    (answer,) = [each for each in asked.value.question.answers if each.settles.get("many")]
    assert answer.options.endswith("--many")
    assert answer.options.count("--label ") == 8
    assert answer.options in str(asked.value) or len(asked.value.question.answers) > 2
    made = guess([file], Choices(labels=tuple(answer.settles["labels"]), many=True))
    assert made.labels["rule"] == "many"
    assert made.labels["value"] == 0.5


def test_one_column_of_yes_and_no_is_no_reason_to_ask(tmp_path: Path) -> None:
    file = write(tmp_path, "insult", ["1", "0"])
    assert guess([file]).labels["rule"] == "given"


def test_many_without_labels_is_refused() -> None:
    with pytest.raises(InputError, match="--many goes with --label"):
        Choices(many=True)


def test_class_1_means_nothing_with_several_labels(tmp_path: Path) -> None:
    file = write(tmp_path, "insult,threat", ["1,0", "0,1"])
    with pytest.raises(InputError, match=r"--class-1: with --many"):
        guess([file], Choices(labels=("insult", "threat"), many=True, class_1="1"))

"""Labelling and splitting together: what leaks, what a report states, and the published protocols to the row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.files import load_config
from agile_classifier.config.run import RunConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.label_and_split import Labelled, label_and_split, label_examples
from agile_classifier.data.tables import examples_digest, kept_column, read_table, to_examples
from agile_classifier.errors import InputError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
TOY: dict[str, Any] = {"method": "shuffle", "train": 60, "validation": 0, "test": 40}

# The codelab's protocol on ETHOS: which comment stands in which part, under which label. A new value is another protocol.
ETHOS_DIGESTS = {
    "train": "13eb107d18f385286afc1ad3fa7d29ef90bd3b2dd8032d2a27a64d04d7aa2ea9",
    "test": "f6d95a9dde67b32452f6d2262c7cd4821d853ed7edb3876042f52c9f2e11defd",
    "first 200 of train": "4db5ebbdc2ccc52f01b5f58d57eb4f1c8edc81d247fd2d4a05975bea7dfe6b0c",
}


def run_config(name: str, source: Path) -> tuple[RunConfig, Labelled]:
    """What ingest and label_and_split make of a config of the project."""
    config = load_config(CONFIGS / name)
    data = config.data
    frame = read_table(source, data)
    examples = to_examples(frame, data.columns, path_name=source.name, keep=config.kept_columns, repair=data.repair)
    return config, label_and_split(examples, config.labels, config.split)


def divide(examples: pd.DataFrame, **fields: Any) -> Labelled:
    """Label and split by fields of both sections, in place of `TOY`'s."""
    asked = {**TOY, **fields}
    labels = LabelsConfig(**{name: value for name, value in asked.items() if name in LabelsConfig.model_fields})
    split = SplitConfig(**{name: value for name, value in asked.items() if name in SplitConfig.model_fields})
    return label_and_split(examples, labels, split)


def ethos_by_pandas_alone(source: Path) -> pd.DataFrame:
    raw = pd.read_csv(source, sep=";")
    label = (raw["isHate"] >= raw["isHate"].median()).astype(int)
    numbered = raw.assign(id=[str(number) for number in range(1, len(raw) + 1)], label=label)
    return numbered.sample(frac=1, random_state=32)


def test_ethos_is_the_codelabs_split_to_the_row(ethos_file: Path) -> None:
    shuffled = ethos_by_pandas_alone(ethos_file)
    expected = {"train": shuffled.head(800), "test": shuffled.tail(198)}
    _, labelled = run_config("ethos.yaml", ethos_file)
    for part, rows in expected.items():
        found = labelled.parts[part]
        assert found["id"].tolist() == rows["id"].tolist()
        assert found["label"].tolist() == rows["label"].tolist()
        assert labelled.labelling.parts[part].digest == examples_digest(rows[["id", "label"]]) == ETHOS_DIGESTS[part]
    assert labelled.parts["validation"].empty
    assert labelled.labelling.model_dump(exclude={"parts", "n_doubtful"}) == {
        "label_threshold": 1 / 3, "n_ties": 80, "class_names": ("Not hateful", "Hateful"), "n_unused": 0, "n_unlabelled": 0,
        "start_copies": None,
        "duplicates": None, "origin": "fitted on all rows", "kept": None, "threshold": None, "raters": None, "ceiling": None,
        "several": False,
    }  # fmt: skip


def test_ethos_200_trains_on_the_first_200_and_is_tested_on_the_same_rows(ethos_file: Path) -> None:
    _, all_of_it = run_config("ethos.yaml", ethos_file)
    _, few = run_config("ethos-200.yaml", ethos_file)
    assert few.labelling.parts["test"] == all_of_it.labelling.parts["test"]
    assert few.labelling.parts["train"].digest == ETHOS_DIGESTS["first 200 of train"]
    pd.testing.assert_frame_equal(few.parts["train"], all_of_it.parts["train"].head(200))
    assert few.labelling.n_unused == 600


def test_unfair_tos_folds_its_kinds_into_the_column_unfair_and_keeps_contracts_whole(unfair_tos_file: Path) -> None:
    raw = pd.read_csv(unfair_tos_file, keep_default_na=False)
    config, labelled = run_config("unfair-tos.yaml", unfair_tos_file)
    rows = pd.concat(labelled.parts)
    assert len(rows) == len(raw) == 9414
    truth = raw["unfair"].set_axis([str(number) for number in range(1, len(raw) + 1)])
    assert rows["label"].tolist() == truth[rows["id"]].tolist()
    contracts = {part: set(frame["group"]) for part, frame in labelled.parts.items()}
    assert {part: len(held) for part, held in contracts.items()} == {
        "train": config.split.train, "validation": config.split.validation, "test": config.split.test,
    }  # fmt: skip
    assert len(set.union(*contracts.values())) == 50


@pytest.fixture
def examples() -> pd.DataFrame:
    """A hundred rows whose scores fall with the row number, so that every part has another median."""
    return pd.DataFrame({
        "id": [f"row {number}" for number in range(100)],
        "text": ["some text"] * 100,
        "score": np.linspace(1, 0, 100).round(2),
        "group": [f"document {number // 10}" for number in range(100)],
        kept_column("kind"): ["a", "b"] * 50,
        kept_column("part"): ["train"] * 50 + ["validation"] * 20 + ["test"] * 30,
    })  # fmt: skip


def test_the_label_threshold_is_fitted_on_train_alone_unless_the_protocol_says_all(examples: pd.DataFrame) -> None:
    on_train, on_all = (divide(examples, fit_on=fit_on) for fit_on in ("train", "all"))
    train_ids = on_train.parts["train"]["id"]
    assert on_train.labelling.label_threshold == examples.set_index("id")["score"][train_ids].median()
    assert on_all.labelling.label_threshold == examples["score"].median()
    assert on_train.labelling.label_threshold != on_all.labelling.label_threshold


def test_scores_of_other_parts_never_move_the_label_threshold(examples: pd.DataFrame) -> None:
    before = divide(examples, validation_share=0.3)
    others = [name for part in ("validation", "test") for name in before.parts[part]["id"]]
    changed = examples.assign(score=examples["score"].where(~examples["id"].isin(others), examples["score"] + 0.5))
    after = divide(changed, validation_share=0.3)
    assert after.labelling.label_threshold == before.labelling.label_threshold
    assert after.labelling.parts["train"] == before.labelling.parts["train"]


PARTITIONS: dict[str, dict[str, Any]] = {
    "stratified": {"train": 50, "validation": 20, "test": 30},
    "shuffle": {"train": 50, "validation": 20, "test": 30},
    "group": {"train": 6, "validation": 2, "test": 2},
    "columns": {"column": "part"},
}


@pytest.mark.parametrize("method", PARTITIONS)
def test_every_method_labels_the_rows_of_every_part(examples: pd.DataFrame, method: str) -> None:
    asked = {**PARTITIONS[method], "method": method}
    labelled = divide(examples, rule="given", columns=("kind",), **asked)
    ids = [name for frame in labelled.parts.values() for name in frame["id"]]
    assert sorted(ids) == sorted(examples["id"])
    for part, frame in labelled.parts.items():
        facts = labelled.labelling.parts[part]
        assert frame.index.tolist() == list(range(len(frame)))
        assert set(frame["label"]) == {0, 1}
        assert facts.n_rows == len(frame) == sum(facts.class_rows.values())
        assert sum(facts.class_shares.values()) == pytest.approx(1)
        assert facts.digest == examples_digest(frame[["id", "label"]])


def test_a_stratified_split_of_scores_gives_every_part_the_same_share_of_class_1(examples: pd.DataFrame) -> None:
    labelled = divide(examples, method="stratified", train=50, validation=20, test=30, fit_on="all")
    for frame in labelled.parts.values():
        assert frame["label"].mean() == pytest.approx(0.5, abs=0.051)


def test_given_classes_are_stratified_and_named_in_the_facts(examples: pd.DataFrame) -> None:
    labelled = divide(examples, rule="given", columns=("kind",), names=("b", "a"), method="stratified")
    assert labelled.labelling.class_names == ("b", "a")
    assert labelled.labelling.label_threshold is None
    assert labelled.labelling.n_ties == 0
    assert labelled.labelling.parts["train"].class_rows == {"b": 30, "a": 30}


def test_a_part_with_one_class_is_refused_and_says_what_to_do(examples: pd.DataFrame) -> None:
    with pytest.raises(
        InputError,
        match=r"^split: validation has 20 rows, all of class 'low'; two classes are needed: take more rows, ",
    ):
        divide(examples, method="columns", column="part", names=("low", "high"))


def test_scores_that_are_all_equal_are_refused_as_one_class(examples: pd.DataFrame) -> None:
    for method in ("stratified", "shuffle"):
        with pytest.raises(InputError, match=r"^split: train has 60 rows, all of class '1'"):
            divide(examples.assign(score=0.5), method=method)


@pytest.mark.parametrize("rule", ["median", "any", "given"])
def test_a_rule_without_names_says_what_it_calls_its_classes(examples: pd.DataFrame, rule: Any) -> None:
    columns = () if rule == "median" else ("kind",)
    _, names, threshold = label_examples(
        examples, LabelsConfig(rule=rule, columns=columns, absent=("b",) if rule == "any" else ())
    )
    assert names == (("a", "b") if rule == "given" else ("0", "1"))
    assert (threshold is not None) == (rule == "median")


def test_validation_taken_from_train_is_seen_by_nobody_else(examples: pd.DataFrame) -> None:
    without, with_some = (divide(examples, fit_on="all", validation_share=share) for share in (None, 0.25))
    assert [len(frame) for frame in with_some.parts.values()] == [45, 15, 40]
    taken, kept = with_some.parts["validation"]["id"], with_some.parts["train"]["id"]
    assert {*taken, *kept} == set(without.parts["train"]["id"])
    assert not {*taken} & {*kept}
    assert with_some.labelling.parts["test"] == without.labelling.parts["test"]

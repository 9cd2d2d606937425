"""Labelling and splitting of several labels, on ETHOS' eight and UNFAIR-ToS' eight kinds: every part holds each."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from agile_classifier.config.data import DataConfig, LabelsConfig
from agile_classifier.config.files import load_config
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.data.expectations.examples import check_examples
from agile_classifier.data.label_and_split import label_and_split
from agile_classifier.errors import InputError
from agile_classifier.label_sets import part_labels

CONFIGS = Path(__file__).parents[2] / "configs"
BOUNDS = {"min_rows": 50, "min_class_rows": 10, "score_min": 0, "score_max": 1, "max_words": 128}
TOY = LabelsConfig(rule="many", columns=("a", "b"))


def toy(rows: dict[str, list[str]]) -> pd.DataFrame:
    n = len(rows["a"])
    texts = [f"text number {place}" for place in range(n)]
    kept = {f"source column {name}": cells for name, cells in rows.items()}
    return pd.DataFrame({"id": [str(place) for place in range(n)], "text": texts, **kept})


@pytest.fixture(scope="module")
def kinds(unfair_tos_file: Path) -> pd.DataFrame:
    columns = {"text": "text", "group": "document"}
    return read_examples(DataConfig(source=str(unfair_tos_file), columns=columns), keep=("categories",))


def test_rare_labels_stand_in_every_part_in_nearly_their_share(kinds: pd.DataFrame) -> None:
    rule = LabelsConfig(rule="many", columns="categories", joined_by="|")
    made = label_and_split(kinds, rule, SplitConfig(validation=0.1, test=0.2)).labelling
    assert made.several
    totals = {name: sum(part.class_rows[name] for part in made.parts.values()) for name in made.class_names}
    for part, share in {"train": 0.7, "validation": 0.1, "test": 0.2}.items():
        for name, total in totals.items():
            assert made.parts[part].class_rows[name] == pytest.approx(share * total, abs=2)


def test_another_size_of_train_keeps_the_test_rows(kinds: pd.DataFrame) -> None:
    rule, some = LabelsConfig(rule="many", columns="categories", joined_by="|"), kinds.head(2000)
    tests = [
        set(label_and_split(some, rule, SplitConfig(train=n, validation=200, test=600)).parts["test"]["id"])
        for n in (600, 1000)
    ]
    assert tests[0] == tests[1]


def test_shipped_configs_label_what_they_say() -> None:
    for name, label, least in (("ethos-labels", "directed", 100), ("unfair-tos-kinds", "Arbitration", 40)):
        config = load_config(CONFIGS / f"{name}.yaml")
        examples = read_examples(config.data, keep=config.kept_columns)
        made = label_and_split(examples, config.labels, config.split, config.data_quality).labelling
        assert sum(part.class_rows[label] for part in made.parts.values()) >= least


def test_near_copies_stay_in_one_part_with_several_labels_too(kinds: pd.DataFrame) -> None:
    from agile_classifier.config.data_quality import DataQualityConfig

    rule = LabelsConfig(rule="many", columns="categories", joined_by="|")
    some = kinds[kinds["source column categories"].fillna("") != ""].reset_index(drop=True)
    made = label_and_split(some, rule, SplitConfig(), DataQualityConfig(duplicates="together"))
    assert min(part_labels(part["label"], 8).sum(axis=0).min() for part in made.parts.values()) > 0


def test_a_part_without_a_label_is_refused_by_its_name() -> None:
    rows = toy({"a": ["1", "0"] * 30, "b": ["1"] + ["0"] * 59})
    with pytest.raises(InputError, match=r"split: label 'b' stands in [01] of the \d+ rows of (train|validation|test)"):
        label_and_split(rows, TOY, SplitConfig())


def test_the_rarest_label_is_held_against_the_fewest_rows_of_a_class() -> None:
    rows = toy({"a": ["1", "0"] * 40, "b": ["1"] * 4 + ["0"] * 76})
    suite = CONFIGS / "expectations" / "examples.yaml"
    with pytest.raises(InputError, match=r"'b' has 4, 'not b' has 76|'b' has 4: label more"):
        check_examples(rows, TOY, suite=suite, bounds=BOUNDS)
    check_examples(rows, TOY, suite=suite, bounds={**BOUNDS, "min_class_rows": 4})

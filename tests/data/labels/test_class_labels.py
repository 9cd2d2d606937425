"""Class labels: the names that a hub data set gives to its codes, out of a Parquet file as `datasets` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.config.data import DataConfig, LabelsConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.data.label_and_split import label_examples
from agile_classifier.data.labels.class_labels import read_class_names
from agile_classifier.data.labels.unlabelled import leave_out_unlabelled
from agile_classifier.errors import InputError


@pytest.fixture(scope="module")
def hub_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five rows, of which the last has no class."""
    from datasets import ClassLabel, Dataset, Features, Sequence, Value

    topics = ClassLabel(names=["World", "Sports", "10 Tech", "2 Art"])
    features = Features(
        {"text": Value("string"), "label": topics, "tags": Sequence(ClassLabel(names=["a", "b"])), "n": Value("int64")}
    )
    rows = {
        "text": [*"abcde"], "label": [1, 0, 3, 2, -1], "tags": [[0], [1], [0], [], [1]], "n": [0, 1, 2, 3, 4],
    }  # fmt: skip
    path = tmp_path_factory.mktemp("hub") / "news.parquet"
    Dataset.from_dict(rows, features=features).to_parquet(str(path))
    return path


def read(path: Path, **fields: Any) -> tuple[pd.DataFrame, LabelsConfig]:
    labels = LabelsConfig.model_validate({"rule": "given", "columns": "label", "unlabelled": "leave_out", **fields})
    examples = read_examples(DataConfig(source=str(path)), keep=labels.columns)
    return leave_out_unlabelled(examples, labels), labels


def test_codes_are_called_by_their_own_names_in_their_own_order(hub_file: Path) -> None:
    label, names, _ = label_examples(*read(hub_file))
    assert (label.tolist(), names) == ([1, 0, 3, 2], ("World", "Sports", "10 Tech", "2 Art"))


def test_a_mapping_of_the_codes_goes_before_and_so_does_a_list_of_the_names(hub_file: Path) -> None:
    label, names, _ = label_examples(*read(hub_file, names={0: "w", 1: "s", 2: "t", 3: "t"}))
    assert (label.tolist(), names) == ([1, 0, 2, 2], ("w", "s", "t"))
    label, names, _ = label_examples(*read(hub_file, names=["Sports", "World", "2 Art", "10 Tech"]))
    assert label.tolist() == [0, 1, 2, 3]


def test_a_list_of_one_code_has_a_name_too_and_rule_any_reads_the_codes(hub_file: Path) -> None:
    label, names, _ = label_examples(*read(hub_file, columns="tags"))
    assert (label.tolist(), names) == ([0, 1, 0, 1], ("a", "b"))
    examples, labels = read(hub_file, rule="any", columns=["tags"])
    assert label_examples(examples, labels)[0].tolist() == [0, 1, 0, 0, 1]


def test_only_columns_of_class_labels_are_named_and_other_files_name_none(hub_file: Path, tmp_path: Path) -> None:
    assert set(read_class_names(hub_file)) == {"label", "tags"}
    frame = pd.DataFrame({"text": ["a"], "label": [0]})
    frame.to_parquet(tmp_path / "plain.parquet")
    frame.to_csv(tmp_path / "plain.csv")
    assert read_class_names(tmp_path / "plain.parquet") == read_class_names(tmp_path / "plain.csv") == {}


def test_a_code_without_a_name_is_refused(hub_file: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

    table = pq.read_table(hub_file)
    pq.write_table(table.set_column(1, "label", [[7, 0, 0, 0, 0]]), tmp_path / "odd.parquet")
    with pytest.raises(InputError, match=r"column label: found code 7; the file names 4: World, Sports"):
        read(tmp_path / "odd.parquet")

"""Finished cells: kept whole, found by key in any study's file, and lost by no kill."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.cli.studies import find_store
from agile_classifier.environment import home
from agile_classifier.errors import InputError
from agile_classifier.ops.project import configs, study_results
from agile_classifier.studies.cells import CellStore, FinishedCell, Made, read_cells, write_cells


def cell(key: str, **changed: Any) -> FinishedCell:
    facts: dict[str, Any] = {
        "key": key, "decides": {"data": {"source": "a.csv"}, "split": {"seed": 3}, "baseline": "tfidf"},
        "metrics": {"f1": 1 / 3, "roc_auc": 0.875}, "decision_threshold": 0.1234567890123,
        "y_true": [0, 1, 1], "y_score": [0.123456, 1e-9, 0.5], "y_true_validation": [1], "y_score_validation": [0.25],
        "n_train": 70, "train_seconds": 1.25, "seconds": 2.5, "peak_gigabytes": 0.5,
        "made": Made(command="agile study a.yaml", commit="0123abcd-dirty", time="2026-11-29T03:47:04+00:00"),
    }  # fmt: skip
    return FinishedCell(**{**facts, **changed})


def store_in(folder: Path, name: str = "mine") -> CellStore:
    return CellStore(file=folder / f"{name}.parquet", shared=(folder,), loose=folder / "cells")


def test_a_cell_is_read_from_json_and_from_parquet_as_it_was_written(tmp_path: Path) -> None:
    odd = cell("b", decision_threshold=None, metrics={"accuracy": 0.1, "roc_auc": math.nan}, y_true_validation=[])
    store = store_in(tmp_path)
    for one in (cell("a"), odd):
        store.add(one)
    loose = store.read({"a", "b"})
    store.fold({"a", "b"})
    kept = {one.key: one for one in read_cells(store.file)}
    for found in (loose, kept):
        assert found["a"] == cell("a")
        assert math.isnan(found["b"].metrics["roc_auc"])
        assert found["b"].model_dump(exclude={"metrics"}) == odd.model_dump(exclude={"metrics"})
        assert found["b"].metrics.keys() == {"accuracy", "roc_auc"}
    assert pd.read_parquet(store.file)["decision_threshold"].tolist()[0] == 0.1234567890123


def test_what_finished_before_a_kill_is_found_and_folded_in_and_nothing_that_was_there_goes(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    write_cells(store.file, [cell("of another grid")])
    store.add(cell("a"))
    (store.loose / ".b.json-0123").write_text('{"key": "b"', encoding="utf-8")  # the kill cut this one off
    assert store.read({"a", "b"}).keys() == {"a"}
    store.fold({"a", "b"})
    assert [one.key for one in read_cells(store.file)] == ["a", "of another grid"]
    assert list(store.loose.glob("*.json")) == []


def test_a_cell_that_another_study_holds_is_known_and_comes_into_the_own_file(tmp_path: Path) -> None:
    write_cells(tmp_path / "theirs.parquet", [cell("a"), cell("b")])
    store = store_in(tmp_path)
    assert store.read({"a", "c"}) == {"a": cell("a")}
    store.fold({"a", "c"})
    assert read_cells(store.file) == [cell("a")]
    assert len(read_cells(tmp_path / "theirs.parquet")) == 2


def test_a_file_is_left_as_it_is_where_there_is_nothing_new(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.fold({"a"})
    assert list(tmp_path.iterdir()) == []
    write_cells(store.file, [cell("a")])
    before = store.file.stat().st_mtime_ns
    store.fold({"a", "b"})
    assert store.file.stat().st_mtime_ns == before


def test_studies_that_fold_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    store, keys = store_in(tmp_path), [f"{number:02}" for number in range(16)]
    for key in keys:
        store.add(cell(key))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.fold({key}), keys))
    assert [one.key for one in read_cells(store.file)] == keys


def test_a_file_that_holds_no_finished_cell_is_named(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.loose.mkdir()
    (store.loose / "a.json").write_text('{"key": "', encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.json: not a finished cell; remove it, and it is run again"):
        store.read({"a"})
    pd.DataFrame({"text": ["a"]}).to_parquet(tmp_path / "texts.parquet")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    for name, why in (("texts", "key"), ("cut", "")):
        with pytest.raises(InputError, match=f"{name}.parquet: not a study's file of finished cells: .*{why}"):
            read_cells(tmp_path / f"{name}.parquet", keys={"a"})


def test_shipped_studies_are_kept_with_the_project_a_users_in_the_state_folder_and_each_knows_both(
    tmp_path: Path,
) -> None:
    shipped, own = find_store(configs() / "studies" / "ethos.yaml", None), find_store(tmp_path / "toy.yaml", None)
    assert shipped.file == study_results() / "ethos.parquet"
    assert own.file == home() / "studies" / "toy.parquet"
    assert shipped.shared == own.shared == (study_results(), home() / "studies")
    assert shipped.loose == own.loose == home() / "studies" / "cells"
    apart = find_store(configs() / "studies" / "ethos.yaml", tmp_path)
    assert (apart.file, apart.shared, apart.loose) == (tmp_path / "ethos.parquet", (tmp_path,), tmp_path / "cells")


def test_decides_is_readable_in_the_parquet_file(tmp_path: Path) -> None:
    write_cells(tmp_path / "mine.parquet", [cell("a")])
    row = pd.read_parquet(tmp_path / "mine.parquet").iloc[0]
    assert json.loads(row["decides"]) == cell("a").decides
    assert row["metrics"]["f1"] == 1 / 3
    assert row["made"]["command"] == "agile study a.yaml"

"""The benchmark of starts: its rows are differences on the same split, and a finished split is not run again."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.start import __main__ as benchmark
from benchmarks.start.cells import ARMS


def cell(plain: float, gain: float) -> dict[str, dict[str, float]]:
    return {
        arm: {"roc_auc": plain + gain * is_started, "f1": 0.5, "n_test": 198} for arm, (is_started, _) in ARMS.items()
    }


def test_a_difference_is_to_the_same_split_and_so_sure_where_splits_differ_more_than_it() -> None:
    rows = list(benchmark._rows(200, [cell(plain, 0.02) for plain in (0.7, 0.8, 0.9)]))
    assert rows[0] == "| 200 | plain | 3 | 0.800 ± 0.495 |  | 0.500 ± 0.000 |  |"
    assert rows[2] == "| 200 | started | 3 | 0.820 ± 0.495 | +0.020 ± 0.000 | 0.500 ± 0.000 | +0.000 ± 0.000 |"


def test_one_split_has_a_difference_and_no_interval() -> None:
    assert "| 0.720 | +0.020 | 0.500 | +0.000 |" in list(benchmark._rows(200, [cell(0.7, 0.02)]))[2]


def test_a_finished_split_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "200-4.json").write_text(json.dumps(cell(0.7, 0.1)))
    monkeypatch.setattr(benchmark, "run_cell", None)
    assert benchmark._run_once(tmp_path, "ethos", tmp_path, 200, 4) == cell(0.7, 0.1)


def test_votes_teach_the_share_of_the_raters_and_leave_the_test_rows_alone() -> None:
    rows = pd.DataFrame({"text": ["a", "b"], "score": [1 / 6, 5 / 6], "label": [0, 1]})
    changed = ARMS["votes"][1]({"train": rows, "test": rows})
    assert changed["train"]["target"].tolist() == [1 / 6, 5 / 6]
    assert "target" not in changed["test"]

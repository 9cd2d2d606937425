"""A smaller form of `python -m tests.ops.state.many_at_once`: three trainings at once on a fresh state folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.ops.state.many_at_once import train_at_once


@pytest.mark.slow
def test_trainings_at_once_on_a_fresh_folder_all_end_and_leave_whole_databases(
    tmp_path: Path, tiny_model: Path, tiny_examples: pd.DataFrame, warm_python: str
) -> None:
    examples = tmp_path / "examples.csv"
    tiny_examples.to_csv(examples, index=False)
    figures = train_at_once(tmp_path, trainings=3, model=tiny_model, examples=examples, python=warm_python)
    assert not figures.complaints, figures.in_words()

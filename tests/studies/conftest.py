"""What the tests of studies share: a small study over configs on the tiny model."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.toys.toy_study import write_study


@pytest.fixture(scope="module")
def study_folder(tiny_model: Path, tiny_examples: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of configs, with one on the tiny model and one whose data is not there, and a study over them."""
    folder = tmp_path_factory.mktemp("study")
    write_study(folder, base=tiny_model, examples=tiny_examples)
    return folder

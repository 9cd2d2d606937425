"""A state folder for the tests of this folder; ZenML and MLflow are the real ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared once a process: ZenML keeps to the folder that it found first, which tests elsewhere may have made."""
    if "ZENML_CONFIG_PATH" not in os.environ:
        os.environ["AGILE_HOME"] = str(tmp_path_factory.mktemp("agile-home"))
    from operations.state import prepare_state

    return prepare_state()

"""A stand-in for `agile`, so that a launch is a process which says what a test likes, and no training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agile_classifier.ops import project

Says = Callable[..., None]


@pytest.fixture(scope="module")
def says(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Says]:
    """Sets what the stand-in says from now on, and its exit code."""
    output = tmp_path_factory.mktemp("stand-in") / "output"
    with pytest.MonkeyPatch.context() as patch:

        def say(content: bytes, exit_code: int = 0) -> None:
            output.write_bytes(content)
            patch.setattr(project, "COMMAND", ("/bin/sh", "-c", f"cat '{output}'; exit {exit_code}"))

        say(b"")
        yield say


@pytest.fixture
def launches_folder(state_folder: Path) -> Path:
    return state_folder / "launches"

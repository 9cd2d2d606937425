"""A store of feedback of its own, and versions that sign in it; the registry is that of `tests/ops/conftest.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

NAMES = ("short", "long")


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    address = f"sqlite:///{tmp_path / 'feedback.db'}"
    monkeypatch.setenv("AGILE_FEEDBACK_URL", address)
    return address


@pytest.fixture
def store(address: str) -> Iterator[Any]:
    from agile_classifier.ops.feedback.store import open_store

    with closing(open_store()) as store:
        yield store


@pytest.fixture
def desk(store: Any) -> Any:
    """Version 1 of `toy`, which signs what it serves; half of `long` and a tenth of `short` are marked."""
    from tests.toys.toy_feedback import Desk

    return Desk.of(store)

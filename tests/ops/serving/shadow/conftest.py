"""A registry in which `toy` has a champion, and candidates that answer otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agile_classifier.ops.feedback.store import FeedbackStore
from tests.toys.toy_serving import CANDIDATE, Store, open_store


@pytest.fixture(scope="module")
def store(
    state_folder: Path, new_mlflow: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """Version 1 is champion; 2 and 3, which has the alias `candidate`, are candidates."""
    with open_store(tmp_path_factory.mktemp("shadow"), new_mlflow) as made:
        made.make_version(scorer=CANDIDATE)
        made.make_version(scorer=CANDIDATE)
        yield made


@pytest.fixture
def database(tmp_path: Path) -> Iterator[FeedbackStore]:
    found = FeedbackStore(f"sqlite:///{tmp_path / 'feedback.db'}")
    yield found
    found.close()

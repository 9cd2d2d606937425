"""Real servers on loopback, for every test of serving."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.toys.toy_serving import Server, Start, Store, open_store, starting


@pytest.fixture(scope="package")
def store(
    state_folder: Path, new_mlflow: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("serving"), new_mlflow) as made:
        yield made


@pytest.fixture(scope="package")
def start(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """`agile serve` with options, on any port; ended afterwards."""
    with starting(store, tmp_path_factory.mktemp) as run:
        yield run


@pytest.fixture(scope="package")
def server(start: Start) -> Server:
    """On the champion, with small limits."""
    return start("--max-characters", "100", "--max-rows", "5", "--max-bytes", "20000")

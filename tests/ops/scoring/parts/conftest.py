"""Parts in a folder or in a bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.toys.toy_places import EMULATED, SERVERS, Store, in_folder, opened, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Mapping[str, str]]:
    with serving() as variables:
        yield variables


@pytest.fixture
def bucket(server: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Store:
    return opened("s3", server, monkeypatch).fill()


@pytest.fixture(scope="module", params=EMULATED)
def emulator(request: pytest.FixtureRequest) -> Iterator[tuple[str, Mapping[str, str]]]:
    with SERVERS[request.param]() as variables:
        yield request.param, variables


@pytest.fixture
def emulated(emulator: tuple[str, Mapping[str, str]], monkeypatch: pytest.MonkeyPatch) -> Store:
    """A bucket of Google Cloud Storage, or a container of Azure Blob, that holds the parts below `in/`."""
    return opened(*emulator, monkeypatch).fill()


@pytest.fixture
def folder(tmp_path: Path) -> Store:
    return in_folder(tmp_path / "store").fill()


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> Store:
    """A place of either kind that holds the parts below `in/`."""
    made: Store = request.getfixturevalue(request.param)
    return made

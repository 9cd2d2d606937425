"""One Label Studio for all tests of this folder, with two annotators, and its address and token in the environment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agile_classifier.data.label_studio.connection import Connection, connect
from tests.toys import label_studio_server
from tests.toys.label_studio_server import FIRST, LEGACY_TOKEN, Person


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with label_studio_server.running(tmp_path_factory.mktemp("label-studio")) as address:
        yield address


@pytest.fixture(scope="session")
def first(server: str) -> Person:
    return Person(server, FIRST).log_in()


@pytest.fixture(scope="session")
def second(server: str, first: Person) -> Person:
    return Person(server, "second@example.org").sign_up()


@pytest.fixture
def connection(server: str, monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setenv("LABEL_STUDIO_URL", server)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", LEGACY_TOKEN)
    return connect()

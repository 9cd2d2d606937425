"""Schemes of sources that ask ZenML: a database's address from a secret, which never shows in an error."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agile_classifier.config.data import DataConfig
from agile_classifier.errors import InputError


@pytest.fixture(scope="module")
def schemes(state_folder: Path) -> Any:
    from agile_classifier.data.examples import read_examples
    from agile_classifier.ops import schemes

    assert read_examples
    return schemes


@pytest.fixture
def secrets(schemes: Any, tmp_path: Path) -> Iterator[Path]:
    """ZenML's secrets `warehouse`, which names a database, and `halfway`, which names none."""
    from zenml.client import Client

    path = tmp_path / "notes.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE notes (text)")
        database.execute("INSERT INTO notes VALUES ('so kind')")
    made = [
        Client().create_secret("warehouse", {"url": f"sqlite:///{path}"}),
        Client().create_secret("halfway", {"password": "sentinel"}),
    ]
    yield path
    for secret in made:
        Client().delete_secret(str(secret.id))


def texts(name: str) -> list[str]:
    from agile_classifier.data.examples import read_examples

    return list(read_examples(DataConfig(source=f"sql://{name}", query="SELECT text FROM notes"))["text"])


def test_a_secret_names_the_database(secrets: Path) -> None:
    assert texts("warehouse") == ["so kind"]


def test_the_variable_comes_before_the_secret(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGILE_SQL_WAREHOUSE", "sqlite:////nowhere.db")
    with pytest.raises(InputError, match=r"no such file /nowhere\.db"):
        texts("warehouse")


def test_a_secret_that_is_missing_or_lacks_its_key_is_one_line(secrets: Path) -> None:
    said = (
        r"^sql://nobody: the database's address is missing: set AGILE_SQL_NOBODY, or make a secret:"
        r" zenml secret create nobody --url=…$"
    )
    with pytest.raises(InputError, match=said):
        texts("nobody")
    with pytest.raises(InputError, match=r"^sql://halfway: the ZenML secret halfway has no key url; it has password$"):
        texts("halfway")

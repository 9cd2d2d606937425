"""Databases: what a query gives is read as rows, while rows are added; what is wrong is one line, without a password."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.config.data import DataConfig
from agile_classifier.data.examples import read_examples, read_snapshot
from agile_classifier.environment import database_variable
from agile_classifier.errors import InputError
from tests.toys.toy_databases import INSTALL, MARIADB, PASSWORD, POSTGRES, free_port, running_mariadb, running_postgres
from tests.toys.waiting import until

QUERY = "SELECT number AS id, words AS text, score, said, day FROM notes WHERE words NOT LIKE '%spam%' ORDER BY number"
ADDED = "SELECT number AS id, words AS text, score FROM notes WHERE number >= 100 ORDER BY number"
KEPT = ("said", "day")


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a database, as a person would write it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'notes.db'}"
    elif request.param == "postgresql":
        if not POSTGRES:
            pytest.skip("no PostgreSQL on this machine")
        with running_postgres("notes") as address:
            yield address
    else:
        if not (MARIADB and INSTALL):
            pytest.skip("no MariaDB on this machine")
        with running_mariadb("notes") as address:
            yield address


@pytest.fixture
def engine(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """The database with a fresh table of notes, named by the variable of `sql://our-notes`."""
    monkeypatch.setenv("AGILE_SQL_OUR_NOTES", url)
    engine = sa.create_engine(url.replace("mysql://", "mysql+pymysql://"))
    text = "TEXT CHARACTER SET utf8mb4" if engine.dialect.name in ("mysql", "mariadb") else "TEXT"
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS notes")
        connection.exec_driver_sql(
            f"CREATE TABLE notes (number NUMERIC(10), words {text}, score NUMERIC(4, 2), said BOOLEAN, day DATE)"
        )
    add(
        engine,
        (1, "so kind", "0.25", True, "2026-11-29"),
        (2, "Grüße, “100 %” 🙂", None, False, None),
        (3, "spam", "1.00", None, None),
    )
    yield engine
    engine.dispose()


def add(engine: sa.Engine, *rows: tuple[Any, ...]) -> None:
    names = ("number", "words", "score", "said", "day")
    with engine.begin() as connection:
        for row in rows:
            connection.execute(
                sa.text("INSERT INTO notes VALUES (:number, :words, :score, :said, :day)"),
                dict(zip(names, row, strict=True)),
            )


def source(query: str = QUERY, **fields: Any) -> DataConfig:
    return DataConfig(source="sql://our-notes", query=query, columns=Columns(id="id", score="score"), **fields)


def test_what_a_query_gives_is_read_with_its_types(engine: sa.Engine) -> None:
    examples = read_examples(source(), keep=KEPT)
    assert examples["id"].tolist() == ["1", "2"]
    assert examples["text"].tolist() == ["so kind", "Grüße, “100 %” 🙂"]
    assert examples["score"].tolist()[0] == 0.25
    assert examples["score"].isna().tolist() == [False, True]
    assert [int(said) for said in examples["source column said"]] == [1, 0]
    assert examples["source column day"].tolist()[0] == "2026-11-29"


def test_rows_that_are_added_are_read_the_next_time(engine: sa.Engine) -> None:
    assert len(read_examples(source(), keep=KEPT)) == 2
    add(engine, (4, "well done", "0.75", True, None), (1, "so kind", "0.50", True, None))
    grown = read_snapshot(source(relabel="latest"), keep=KEPT)
    assert grown.examples["id"].tolist() == ["1", "2", "4"]
    assert sorted((*grown.examples["score"].dropna(), *grown.earlier["score"])) == [0.25, 0.5, 0.75]


def test_rows_that_are_added_meanwhile_are_read_in_whole_transactions(engine: sa.Engine) -> None:
    def add_ten(first: int) -> None:
        add(engine, *((number, f"text {number}", None, None, None) for number in range(first, first + 10)))

    def may_go_on(first: int) -> bool:  # ten transactions a read, so that a reader of SQLite gets its turn
        return is_read.is_set() or len(reads) >= (first - 110) // 100

    def add_until_read() -> None:
        for first in range(110, 10_000, 10):
            until(partial(may_go_on, first), "reading goes on")
            if is_read.is_set():
                return
            add_ten(first)

    add_ten(100)
    is_read = threading.Event()
    reads: list[list[str]] = []
    writer = threading.Thread(target=add_until_read)
    writer.start()
    try:
        for _ in range(8):
            reads.append(read_examples(source(ADDED))["id"].tolist())
    finally:
        is_read.set()
        writer.join()
    reads.append(read_examples(source(ADDED))["id"].tolist())
    for before, after in zip([[], *reads], reads, strict=False):
        assert len(after) % 10 == 0
        assert len(set(after)) == len(after)
        assert set(before) <= set(after)
    assert len(reads[-1]) > 10, "rows came while others were read"


def test_a_query_changes_nothing(engine: sa.Engine) -> None:
    for query in ("DELETE FROM notes", "INSERT INTO notes (number) VALUES (9)", "DROP TABLE notes"):
        with pytest.raises(InputError, match="sql://our-notes: "):
            read_examples(source(query))
    assert len(read_examples(source(), keep=KEPT)) == 2


WRONG = [
    ("SELECT nothing FROM notes", r"sql://our-notes: the database refuses its query: .*nothing"),
    ("SELEC 1", r"sql://our-notes: the database refuses its query: .*SELEC"),
    (
        "SELECT number, words, words FROM notes",
        r"its query gives two columns of the name 'words': name one of them AS …",
    ),
    ("SELECT * FROM notes WHERE number > 100", r"sql://our-notes: its query gives no row$"),
    ("SELECT number AS id, words, score FROM notes", r"sql://our-notes: no column 'text' \(data.columns.text\)"),
]


@pytest.mark.parametrize(("query", "said"), WRONG, ids=[query for query, _ in WRONG])
def test_a_wrong_query_is_refused_in_one_line(engine: sa.Engine, query: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        read_examples(source(query))
    assert "\n" not in str(refused.value)
    assert PASSWORD not in str(refused.value)


UNREACHABLE = [
    (None, r"^sql://our-notes: the database's address is missing: set AGILE_SQL_OUR_NOTES($|, or )"),
    ("sqlite:////nowhere/notes.db", r"the database cannot be reached: no such file /nowhere/notes.db$"),
    (f"postgresql://me:{PASSWORD}@127.0.0.1:{{port}}/notes", "the database cannot be reached: .*[Rr]efused"),
    (f"mysql://me:{PASSWORD}@127.0.0.1:{{port}}/notes", "the database cannot be reached: .*[Rr]efused"),
    (PASSWORD, "what stands for the database's address is none, such as postgresql://USER:PASSWORD@HOST/NAME$"),
    (f"nosuch://me:{PASSWORD}@host/notes", "no driver for this kind of database: .*nosuch"),
    (f"oracle+oracledb://me:{PASSWORD}@host/notes", "its driver is not installed: pip install oracledb"),
]


@pytest.mark.parametrize(("address", "said"), UNREACHABLE, ids=[str(said)[:40] for _, said in UNREACHABLE])
def test_a_database_that_cannot_be_reached_is_told_in_one_line(
    address: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = database_variable("our-notes")
    monkeypatch.delenv(variable, raising=False)
    if address is not None:
        monkeypatch.setenv(variable, address.format(port=free_port()))
    with pytest.raises(InputError, match=said) as refused:
        read_examples(source())
    assert "\n" not in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_bytes_are_refused_with_their_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGILE_SQL_OUR_NOTES", f"sqlite:///{tmp_path / 'blob.db'}")
    (tmp_path / "blob.db").touch()
    with pytest.raises(
        InputError, match=r"column 'text' holds bytes; needed is text or a number: convert it in the query"
    ):
        read_examples(source("SELECT 1 AS id, x'00' AS text, 1 AS score"))

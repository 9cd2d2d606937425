"""Databases: the rows that a query gives, as a file of JSON lines for as long as they are read.

The database's own address never stands in a config: `sql://NAME` names a variable of the environment. The transaction
is read-only where the database knows such, and never committed.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from agile_classifier.config.addresses.source import Source
from agile_classifier.data.fetch.fetched import Fetched
from agile_classifier.environment import database_url, database_variable
from agile_classifier.errors import LONGEST_WORDS, InputError, one_line, redact

BATCH = 10_000
"""Rows that are fetched at once."""
CONNECT_SECONDS = 15
"""Longest wait for a database to answer, in seconds."""
DRIVERS = {"mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql", "postgres": "postgresql+psycopg2"}
"""What an address begins with → the driver that comes with this project."""
WAITING = {
    "postgresql": "connect_timeout",
    "mysql": "connect_timeout",
    "mariadb": "connect_timeout",
    "sqlite": "timeout",
}
"""Kind of a database → its driver's argument for the longest wait; of a SQLite file, for who writes it to let go."""
READ_ONLY = {
    "postgresql": "SET TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
    "sqlite": "PRAGMA query_only = ON",
}
"""Kind of a database → what makes a transaction read-only."""


def find_in_environment(name: str) -> str:
    """The address of a database, from the variable of its name.

    Raises
    ------
    InputError
        It is not set.
    """
    url = database_url(name)
    if url is None:
        raise InputError(f"sql://{name}: the database's address is missing: set {database_variable(name)}")
    return url


def fetch_query(source: Source, folder: Path, *, find_url: Callable[[str], str] = find_in_environment) -> list[Fetched]:
    """Write what a query gives as a file of JSON lines, in the order of the query.

    Numbers stay numbers, dates and times become ISO 8601, what is NULL is missing.

    Raises
    ------
    InputError
        The database is not named or not reached, or refuses the query; it gives no row, two columns of one name, or
        bytes.
    """
    address, query = str(source.source), str(source.query)
    name = address.partition("://")[2]
    file = Fetched(folder / f"{name}.jsonl", address)
    engine = _make_engine(find_url(name), address)
    try:
        with _connected(engine, address) as connection:
            n_rows = _write_rows(connection, query, file)
    finally:
        engine.dispose()
    if not n_rows:
        raise InputError(f"{address}: its query gives no row")
    return [file]


def _make_engine(url: str, address: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        parsed = parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
        waiting = WAITING.get(parsed.get_backend_name())
        arguments = {waiting: CONNECT_SECONDS} if waiting else {}
        return sa.create_engine(parsed, poolclass=sa.NullPool, connect_args=arguments, hide_parameters=True)
    except NoSuchModuleError as error:
        raise InputError(f"{address}: no driver for this kind of database: {one_line(error)}") from None
    except ModuleNotFoundError as error:
        raise InputError(f"{address}: its driver is not installed: pip install {error.name}") from None
    except (ArgumentError, ValueError):
        raise InputError(
            f"{address}: what stands for the database's address is none, such as postgresql://USER:PASSWORD@HOST/NAME"
        ) from None


@contextmanager
def _connected(engine: sa.Engine, address: str) -> Iterator[sa.Connection]:
    """A connection whose transaction is rolled back at its end."""
    kind = engine.dialect.name
    if kind == "sqlite":
        _require_file(engine, address)
    try:
        connection = engine.connect()
    except SQLAlchemyError as error:
        raise InputError(f"{address}: the database cannot be reached: {_words(error, engine)}") from None
    with connection:
        try:
            if kind in READ_ONLY:
                connection.exec_driver_sql(READ_ONLY[kind])
            yield connection
        except SQLAlchemyError as error:
            raise InputError(f"{address}: the database refuses its query: {_words(error, engine)}") from None


def _require_file(engine: sa.Engine, address: str) -> None:
    """SQLite would make an empty database of a path that is misspelt."""
    name = engine.url.database
    if name and name != ":memory:" and not Path(name.removeprefix("file:").partition("?")[0]).exists():
        raise InputError(f"{address}: the database cannot be reached: no such file {name}")


def _write_rows(connection: sa.Connection, query: str, file: Fetched) -> int:
    options = {"stream_results": True, "no_parameters": True, "max_row_buffer": BATCH}
    n_rows = 0
    with closing(connection.execution_options(**options).exec_driver_sql(query)) as result:
        names = _column_names(result, file.address)
        with file.path.open("w", encoding="utf-8") as lines:
            for rows in result.partitions(BATCH):
                lines.writelines(_line(names, row, file.address) for row in rows)
                n_rows += len(rows)
    return n_rows


def _column_names(result: sa.CursorResult[Any], address: str) -> list[str]:
    if not result.returns_rows:
        raise InputError(f"{address}: its query gives no rows; needed is one SELECT")
    names = list(result.keys())
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise InputError(f"{address}: its query gives two columns of the name {twice[0]!r}: name one of them AS …")
    return names


def _line(names: Sequence[str], row: Sequence[Any], address: str) -> str:
    cells = {name: _plain(cell, name, address) for name, cell in zip(names, row, strict=True)}
    return json.dumps(cells, ensure_ascii=False, default=str) + "\n"


def _plain(cell: Any, name: str, address: str) -> Any:
    """A cell as JSON has it."""
    if cell is None or isinstance(cell, bool | int | str):
        return cell
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, bytes | bytearray | memoryview):
        raise InputError(f"{address}: column {name!r} holds bytes; needed is text or a number: convert it in the query")
    return cell if isinstance(cell, list | Mapping) else str(cell)


def _words(error: SQLAlchemyError, engine: sa.Engine) -> str:
    """What the driver says, without the query, and without the password."""
    said = str(error.orig if isinstance(error, DBAPIError) and error.orig is not None else error)
    password = engine.url.password
    if password:
        said = said.replace(str(password), "***")
    return one_line(redact(said), longest=LONGEST_WORDS)

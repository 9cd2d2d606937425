"""Store of feedback: who signed predictions, predictions that were served, and verdicts on predictions, append-only.

A SQLite file of the state folder, in which many processes write at once (its write-ahead log lets readers go on), or
the team's database in `AGILE_FEEDBACK_URL`. A transaction holds a whole batch: what is stored is stored whole.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Select,
    String,
    Table,
    create_engine,
    event,
    func,
    inspect,
    select,
)
from sqlalchemy.dialects.mysql import LONGBLOB
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from agile_classifier.environment import FEEDBACK_URL, home
from agile_classifier.errors import InputError, one_line, redact
from agile_classifier.ops.state.databases import LONGEST_WAIT
from agile_classifier.ops.state.stores import SQLITE, feedback_address

DRIVERS = {"mysql": "mysql+pymysql", "mariadb": "mysql+pymysql", "postgres": "postgresql"}
"""Names in addresses that stand for a driver that is here."""
READ_AT_ONCE = 10_000
"""Rows of an answer that are in memory at a time."""

_METADATA = MetaData()
_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
_BYTES = LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb")
"""Texts are kept as UTF-8: whatever a database makes of characters, they come back as they were."""
SIGNERS = Table(
    "agile_signers",
    _METADATA,
    Column("signer", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(64), nullable=False, unique=True),
    Column("secret", String(64), nullable=False),
    Column("facts", _BYTES, nullable=False),
)
"""Who signed predictions: key and, as JSON, model, version, classes."""
PREDICTIONS = Table(
    "agile_predictions",
    _METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("signer", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("predicted", Integer, nullable=False),
    Column("scores", _BYTES, nullable=False),
    Column("length", Integer, nullable=False),
    Column("text", _BYTES),
    Index("agile_predictions_made", "signer", "made"),
    Index("agile_predictions_number", "number"),
)
"""Predictions that were served: class, probabilities as float32, length in characters, and the text if it is kept."""
VERDICTS = Table(
    "agile_verdicts",
    _METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("signer", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("predicted", Integer, nullable=False),
    Column("probability", Double, nullable=False),
    Column("sampling", Double),
    Column("verdict", Integer, nullable=False),
    Column("person", String(200), nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("text", _BYTES),
    Index("agile_verdicts_made", "signer", "made"),
)
"""Verdicts with what the id of their prediction tells; none is ever changed, and of one person the last one counts."""
SHADOWED = Table(
    "agile_shadowed",
    _METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("pair", String(64), nullable=False),
    Column("model", String(256), nullable=False),
    Column("champion", String(20), nullable=False),
    Column("candidate", String(20), nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("champion_answer", _BYTES, nullable=False),
    Column("candidate_answer", _BYTES),
    Column("text", _BYTES),
    Index("agile_shadowed_pair", "pair"),
)
"""Texts that a champion has answered and a candidate too, unheard: both answers as JSON, or none of a candidate that
failed. `pair` names the very files of both versions; a text is kept as its digest alone, unless texts are kept."""


class FeedbackStore:
    """The store at an address; nothing is opened before something is asked of it."""

    def __init__(self, address: str) -> None:
        self.address = address

    @property
    def exists(self) -> bool:
        """Whether there may be something in it: a file that is not there holds nothing."""
        path = self._path
        return path is None or path.is_file()

    @property
    def shown(self) -> str:
        """Address for a person, without a password."""
        return str(self._path or redact(self.address))

    def add(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows to a table, all or none."""
        if rows:
            with self._connected() as connection, connection.begin():
                connection.execute(table.insert(), list(map(dict, rows)))

    def add_once(self, table: Table, row: Mapping[str, Any], *, key: str) -> Row[Any]:
        """The row of a table that has this value of a unique column: that of who came first."""
        asked = select(table).where(table.c[key] == row[key])
        with self._connected() as connection:
            with connection.begin():
                found = connection.execute(asked).first()
            if found is None:
                try:
                    with connection.begin():
                        connection.execute(table.insert(), dict(row))
                except IntegrityError:  # another process was first
                    pass
                with connection.begin():
                    found = connection.execute(asked).one()
        return found

    def read(self, asked: Select[Any]) -> Iterator[Row[Any]]:
        """Rows of an answer, in memory a part at a time; none where the store is not there yet."""
        if self.exists:
            with self._connected() as connection:
                yield from connection.execution_options(yield_per=READ_AT_ONCE).execute(asked)

    def count(self, table: Table, *where: Any) -> int:
        """Number of rows of a table."""
        return next((int(row[0]) for row in self.read(select(func.count()).select_from(table).where(*where))), 0)

    def remove(self, table: Table, *where: Any) -> int:
        """Remove rows of a table; returns how many."""
        with self._connected() as connection, connection.begin():
            return int(connection.execute(table.delete().where(*where)).rowcount)

    def close(self) -> None:
        """Close the connections."""
        if "_engine" in self.__dict__:
            self._engine.dispose()
            del self._engine

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            yield connection

    @property
    def _path(self) -> Path | None:
        return Path(self.address.removeprefix(SQLITE)) if self.address.startswith(SQLITE) else None

    @cached_property
    def _engine(self) -> Engine:
        """Engine of the store, whose tables are there."""
        path, url = self._path, _read_url(self.address)
        waits = {"timeout": LONGEST_WAIT} if path else {}
        try:
            engine = create_engine(url, connect_args=waits, pool_pre_ping=path is None, hide_parameters=True)
            if path is None:
                _make_tables(engine)
                return engine
            event.listen(engine, "connect", _log_ahead)
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_name(f"{path.name}.lock")):
                _make_tables(engine)
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise InputError(f"{FEEDBACK_URL} {self.shown}: {one_line(error)}") from None
        except OSError as error:
            raise InputError(f"{self.shown}: cannot be made ({error.strerror})") from None
        except DBAPIError as error:
            raise InputError(f"{self._named}: no answer: {one_line(redact(str(error.orig)), longest=200)}") from None
        return engine

    @property
    def _named(self) -> str:
        return self.shown if self._path else f"{FEEDBACK_URL} {self.shown}"


def open_store() -> FeedbackStore:
    """The store that the environment names, or the one in the state folder."""
    return FeedbackStore(feedback_address(home()))


def draw_signer(name: str, facts: str) -> dict[str, Any]:
    """A new row of `SIGNERS`, with a number and a key by chance."""
    number = int.from_bytes(secrets.token_bytes(7)) >> 1
    return {"signer": number, "name": name, "secret": secrets.token_hex(32), "facts": facts.encode()}


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())


def _read_url(address: str) -> URL:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise InputError(f"{FEEDBACK_URL} {redact(address)}: no address of a database, as {EXAMPLE}") from None
    return url.set(drivername=DRIVERS.get(url.drivername, url.drivername))


EXAMPLE = "postgresql://USER:PASSWORD@HOST/NAME"


def _make_tables(engine: Engine) -> None:
    wanted = set(_METADATA.tables)
    if wanted <= set(inspect(engine).get_table_names()):
        return
    try:
        _METADATA.create_all(engine)
    except DBAPIError:  # another machine makes them at this moment
        if not wanted <= set(inspect(engine).get_table_names()):
            raise


def _log_ahead(connection: Any, _record: Any) -> None:
    """Let readers of a SQLite file go on while one writes."""
    connection.execute("PRAGMA journal_mode=WAL")

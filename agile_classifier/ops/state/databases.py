"""Embedded databases: ZenML's and MLflow's SQLite files, copied while others write, and who locks them."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from agile_classifier.errors import InputError

DATABASES = ("mlflow.db", "zenml/local_stores/default_zen_store/zenml.db")
_OPEN_IN_MLFLOW = """
    SELECT tags.value FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid
    WHERE runs.status = 'RUNNING' AND tags.key = 'zenml.run_name'"""
_OPEN_IN_ZENML = """
    SELECT name FROM pipeline_run
    WHERE status NOT IN ('completed', 'cached', 'failed', 'stopped', 'cancelled', 'skipped', 'paused')"""
LONGEST_WAIT = 30.0
"""Longest wait for somebody else's lock on a database, in seconds."""


def copy_database(source: Path, target: Path, *, longest_wait: float = LONGEST_WAIT) -> None:
    """Copy a database as of one moment by sqlite's online backup; writers go on, and no transaction is copied in part.

    Raises
    ------
    InputError
        The database stays locked for longer than `longest_wait` seconds, or it is damaged.
    """
    deadline = time.monotonic() + longest_wait

    def give_up(_status: int, _remaining: int, _total: int) -> None:
        if time.monotonic() > deadline:
            raise InputError(locked_line([source]))

    try:
        with closing(sqlite3.connect(source)) as origin, closing(sqlite3.connect(target)) as copy:
            origin.backup(copy, progress=give_up)
            (said,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        raise InputError(locked_line([source]) if "locked" in str(error) else f"{source}: {error}") from None
    except sqlite3.DatabaseError as error:
        raise InputError(f"{source}: damaged: {error}") from None
    if said != "ok":
        raise InputError(f"{source}: damaged: {said}")


def list_unfinished_runs(folder: Path) -> list[str]:
    """Names of the ZenML runs that the databases in a folder hold for running, or whose MLflow run they do."""
    questions = zip(DATABASES, (_OPEN_IN_MLFLOW, _OPEN_IN_ZENML), strict=True)
    return sorted({name for database, question in questions for name in _ask(folder / database, question)})


def locked_databases(folder: Path) -> list[Path]:
    """Paths of the databases in a folder that another process holds for writing at this moment."""
    return [path for path in (folder / name for name in DATABASES) if path.is_file() and _is_locked(path)]


def locked_line(databases: list[Path]) -> str:
    """One line that names the locked databases and says what to do."""
    return (
        f"database is locked: {', '.join(map(str, databases))}: another process writes to it; wait until its run ends "
        "or stop it, "
        "and try again"
    )


def _ask(path: Path, question: str) -> list[str]:
    """First column of the answer; empty where there is no such database, or nothing has run in it yet."""
    if not path.is_file():
        return []
    with closing(sqlite3.connect(path)) as connection:
        try:
            return [str(name) for (name,) in connection.execute(question)]
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise


def _is_locked(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            return "locked" in str(error)
    return False

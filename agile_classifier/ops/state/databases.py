"""Embedded databases: SQLite files of ZenML, MLflow and feedback, copied while others write, whole or not, locked."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from agile_classifier.errors import InputError, one_line

MLFLOW, ZENML = "mlflow.db", "zenml/local_stores/default_zen_store/zenml.db"
DATABASES = (MLFLOW, ZENML)
FEEDBACK = "feedback.db"
"""Served predictions and verdicts, which name no path; the file appears with the first of them."""
KEPT = (*DATABASES, FEEDBACK)
"""Every database that may lie in a state folder."""
OWN_TABLES = {MLFLOW: "registered_models", ZENML: "pipeline_run"}
"""A table that each has had for as long as this project knows it, by which another program's database is told."""
WAY_ON = "restore a backup (agile restore FILE --force), or name another folder in AGILE_HOME"
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
    return [path for path in (folder / name for name in KEPT) if path.is_file() and _is_locked(path)]


def locked_line(databases: list[Path]) -> str:
    """One line that names the locked databases and says what to do."""
    return (
        f"database is locked: {', '.join(map(str, databases))}: another process writes to it; wait until its run ends "
        "or stop it, "
        "and try again"
    )


def read_revision(folder: Path, name: str) -> str:
    """Read the revision of a database's schema, which its library's migrations have left in it.

    Raises
    ------
    InputError
        The file is gone, empty, cut off, no database, or another program's; says how to go on.
    """
    path = folder / name
    if not path.exists():
        raise InputError(f"{path}: is gone, though {_owner(name)} kept its records there; {WAY_ON}")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path}: is empty, though {_owner(name)} kept its records there; {WAY_ON}")
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=LONGEST_WAIT)) as database:
            tables = {table for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"alembic_version", OWN_TABLES[name]} <= tables:
                raise InputError(f"{path}: is another program's database, not {_owner(name)}'s; {WAY_ON}")
            revisions = [revision for (revision,) in database.execute("SELECT version_num FROM alembic_version")]
    except sqlite3.DatabaseError as error:
        raise InputError(_explained(path, error)) from None
    return ", ".join(sorted(map(str, revisions)))


def find_damage(path: Path) -> str | None:
    """Describe in one line what sqlite's own check finds wrong with a database; None if it is whole.

    It reads the whole file.
    """
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=LONGEST_WAIT)) as database:
            (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        return _explained(path, error)
    return None if said == "ok" else f"{path}: damaged ({one_line(said, longest=120)}); {WAY_ON}"


def _explained(path: Path, error: sqlite3.DatabaseError) -> str:
    if "locked" in str(error):
        return locked_line([path])
    if "unable to open" in str(error):
        return f"{path}: cannot be opened ({error}); make it a file that you may read and write, or {WAY_ON}"
    return f"{path}: damaged ({error}); {WAY_ON}"


def _owner(name: str) -> str:
    return "MLflow" if name == MLFLOW else "ZenML"


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

"""State: the one folder that holds everything a run leaves behind, and the environment that points there.

`AGILE_HOME` (default `~/.local/share/agile-classifier`) holds ZenML's database and artifacts, MLflow's database and
artifacts, downloads and checkpoints. `prepare_state` must run before zenml or mlflow is imported. Values that are
already in the environment win, so the same commands work against a team's servers (`ZENML_STORE_URL`,
`MLFLOW_TRACKING_URI`).
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from agile_classifier.ending import postponed
from agile_classifier.environment import home
from agile_classifier.errors import InputError, one_line
from agile_classifier.files import content_digest, write_whole
from agile_classifier.ops import project
from agile_classifier.ops.state import version as state_version
from agile_classifier.ops.state.address import require_address
from agile_classifier.ops.state.databases import MLFLOW, WAY_ON, read_revision
from agile_classifier.ops.state.stores import embedded_databases
from agile_classifier.ops.state.temporary import use_own_folder

OTHER_SCHEMA_SAID = (
    "Can't locate revision",
    "The database migration failed",
    "already exists",
    "duplicate column",
    "no such table",
    "no such column",
)
"""Phrases by which libraries complain of a database whose schema is another than its revision says, or unknown."""
NO_SCHEMA_SAID = ("database is locked", "disk is full", "No space left", "Read-only file system", "readonly database")
"""Phrases that give another reason why a database could not be migrated."""
LEAST_FREE_BYTES = 1_000_000_000
"""Free bytes that a run needs: a quantized base model, two checkpoints, two databases."""


def mlflow_artifacts() -> str:
    """URI of the folder where MLflow keeps files when it has no server."""
    return (home() / "mlflow-artifacts").as_uri()


def checkpoints() -> Path:
    """Folder of the checkpoints of trainings under way, which have a subfolder each."""
    return home() / "checkpoints"


def scratch() -> Path:
    """Make a temporary folder for files on their way into the artifact store; it is removed when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="agile-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def suite_path(suite: str) -> Path:
    """Path of an expectation suite that is named relative to the configs folder, or by an absolute path."""
    return project.configs() / suite


def suite_digest(suite: str) -> str:
    """SHA-256 of a suite's file.

    Raises
    ------
    InputError
        There is no such file.
    """
    path = suite_path(suite)
    if not path.is_file():
        raise InputError(f"validation.suite: {path}: no such file")
    return content_digest(path)


def prepare_state(*, least_free: int = LEAST_FREE_BYTES, with_databases: bool = True) -> Path:
    """Make the state folder usable and point ZenML and MLflow at it.

    Both databases are created once, under a lock: two runs that start together on an empty folder would break them.

    Parameters
    ----------
    least_free : int
        Bytes that must be free on its disk; 0 for a command that makes room.
    with_databases : bool
        False for a command that asks neither ZenML nor MLflow for anything, and so needs no server to answer.

    Raises
    ------
    InputError
        The folder cannot be written, its disk is full, a newer project wrote it, it was moved or copied, or a database
        in it is damaged, gone or another program's.
    """
    folder = home()
    _check_writable(folder, least_free=least_free)
    use_own_folder()
    state_version.require_not_newer(state_version.read_versions(folder), f"AGILE_HOME {folder}")
    require_address(folder)
    is_ready = not with_databases or _is_up_to_date(folder)
    for name, value in _environment(folder).items():
        os.environ.setdefault(name, value)
    if not is_ready:
        _prepare_databases(folder)
    return folder


def _prepare_databases(folder: Path) -> None:
    ready = folder / state_version.RECORD
    with FileLock(folder / "prepare.lock"):
        if not ready.exists():
            print(f"preparing the state folder {folder} (once)", file=sys.stderr, flush=True)
        elif _is_up_to_date(folder):
            return
        else:
            loss = state_version.describe_loss(state_version.read_versions(folder))
            said = f"bringing the state folder {folder} up to date (once)"
            print(f"{said}: {loss}" if loss else said, file=sys.stderr, flush=True)
        with _half_made_removed(folder), postponed():
            _create_databases()
        revisions = {name: read_revision(folder, name) for name in embedded_databases(folder)}
        record = state_version.read_record(folder)
        there = {**record.revisions, **revisions}
        state_version.write_record(folder, state_version.Record(state_version.present(), str(folder), there))


@contextmanager
def _half_made_removed(folder: Path) -> Iterator[None]:
    """Context in which databases are made; those that a killed process has left half made are removed before.

    Raises
    ------
    InputError
        A database that was there before is damaged or another program's.
    """
    mark, embedded = folder / "preparing", embedded_databases(folder)
    for name in mark.read_text(encoding="utf-8").splitlines() if mark.exists() else ():
        (folder / name).unlink(missing_ok=True)
    there = [name for name in embedded if (folder / name).exists()]
    for name in there:
        read_revision(folder, name)
    write_whole(mark, "".join(f"{name}\n" for name in embedded if name not in there))
    yield
    mark.unlink()


def _is_up_to_date(folder: Path) -> bool:
    """Whether this project and these libraries prepared the folder; one without recorded versions counts as older.

    Raises
    ------
    InputError
        A database that it names is damaged, gone or another program's.
    """
    if not (folder / state_version.RECORD).exists():
        return False
    record = state_version.read_record(folder)
    embedded = embedded_databases(folder)
    revisions = {name: read_revision(folder, name) for name in embedded if name in record.revisions}
    if not record.versions:
        return not (folder / MLFLOW).exists()
    same = (dict(record.versions), record.home) == (state_version.present(), str(folder))
    return same and revisions == {name: record.revisions.get(name) for name in embedded}


def _check_writable(folder: Path, *, least_free: int) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"0")
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"AGILE_HOME {folder}: cannot be written ({error.strerror}); name a folder of yours in AGILE_HOME"
        ) from None
    free = shutil.disk_usage(folder).free
    if free < least_free:
        raise InputError(
            f"AGILE_HOME {folder}: {free / 1e9:.2f} GB free, a run needs {least_free / 1e9:.0f} GB; make room or name "
            "another folder"
        )


def _environment(folder: Path) -> dict[str, str]:
    return {
        "ZENML_CONFIG_PATH": str(folder / "zenml"),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_AUTO_OPEN_DASHBOARD": "false",
        "ZENML_DISABLE_STEP_LOGS_STORAGE": "true",
        "ZENML_ENABLE_RICH_TRACEBACK": "false",
        "ZENML_LOGGING_VERBOSITY": "WARN",
        "ZENML_LOGGING_COLORS_DISABLED": str(not sys.stdout.isatty()).lower(),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait by spinning slow training several times on a busy machine
    }


def _create_databases() -> None:
    """Create or migrate both databases in a process of its own, so that the caller imports against finished ones.

    MLflow's as `mlflow db upgrade` does, without the rest of its command line.
    """
    code = "from zenml.client import Client; Client().active_stack_model"
    if os.environ["MLFLOW_TRACKING_URI"].startswith("sqlite"):
        code += "; import os, mlflow.db; mlflow.db.commands(['upgrade', os.environ['MLFLOW_TRACKING_URI']])"
    _run([sys.executable, "-c", code])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, start_new_session=True)
    if not done.returncode:
        return
    has_reason = any(said in done.stderr for said in NO_SCHEMA_SAID)
    if not has_reason and any(said in done.stderr for said in OTHER_SCHEMA_SAID):
        last = one_line(done.stderr.strip().splitlines()[-1], longest=200)
        raise InputError(
            f"AGILE_HOME {home()}: a database has a schema that is not of mlflow {version('mlflow')} or zenml"
            f" {version('zenml')} ({last}); install the versions that wrote it, or {WAY_ON}"
        )
    raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")

"""State: the one folder that holds everything a run leaves behind, and the environment that points there.

`AGILE_HOME` (default `~/.local/share/agile-classifier`) holds ZenML's database and artifacts, MLflow's database and
artifacts, downloads and checkpoints. `prepare_state` must run before zenml or mlflow is imported. Values that are
already in the environment win, so the same commands work against a team's servers (`ZENML_STORE_URL`,
`MLFLOW_TRACKING_URI`).
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

from agile_classifier.environment import home
from agile_classifier.errors import InputError
from agile_classifier.files import content_digest, write_whole
from agile_classifier.ops import project
from agile_classifier.ops.state import version as state_version
from agile_classifier.ops.state.temporary import use_own_folder

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
        The folder cannot be written, its disk is full, or a newer project wrote it.
    """
    folder = home()
    _check_writable(folder, least_free=least_free)
    use_own_folder()
    if (folder / "ready").exists():
        state_version.require_not_newer(state_version.read_versions(folder), f"AGILE_HOME {folder}")
    for name, value in _environment(folder).items():
        os.environ.setdefault(name, value)
    if with_databases:
        _prepare_databases(folder)
    return folder


def _prepare_databases(folder: Path) -> None:
    ready = folder / "ready"
    with FileLock(folder / "prepare.lock"):
        if not ready.exists():
            print(f"preparing the state folder {folder} (once)", file=sys.stderr, flush=True)
        elif _is_up_to_date(folder):
            return
        else:
            loss = state_version.describe_loss(state_version.read_versions(folder))
            said = f"bringing the state folder {folder} up to date (once)"
            print(f"{said}: {loss}" if loss else said, file=sys.stderr, flush=True)
        _create_databases()
        write_whole(ready, json.dumps(state_version.present()))


def _is_up_to_date(folder: Path) -> bool:
    """Whether this project and these libraries prepared the folder; one without recorded versions counts as older."""
    found = state_version.read_versions(folder)
    state_version.require_not_newer(found, f"AGILE_HOME {folder}")
    return found == state_version.present() or (not found and not (folder / "mlflow.db").exists())


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
    """Create ZenML's and MLflow's databases in a process of its own, so that the caller imports against finished ones.

    As `mlflow db upgrade` does, without the rest of MLflow's command line.
    """
    code = "from zenml.client import Client; Client().active_stack_model"
    if os.environ["MLFLOW_TRACKING_URI"].startswith("sqlite"):
        code += "; import os, mlflow.db; mlflow.db.commands(['upgrade', os.environ['MLFLOW_TRACKING_URI']])"
    _run([sys.executable, "-c", code])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")

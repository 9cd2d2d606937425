"""A Python that has imported the libraries already: a stand-in for `python` in tests that start many commands.

Importing ZenML, MLflow, torch and Great Expectations takes longer than most commands themselves. A server imports them
once; its `python` then asks it for a fork, which becomes the command: arguments, folder, environment and the three
standard streams are the caller's, signals reach it, nothing of this project is imported yet, and what one command does,
another does not see. What a command starts by `sys.executable` is a fork as well. With COLD=1 in the environment it is
the real Python throughout.

A command that does without ZenML, such as `agile serve`, is not to be started so: ZenML arranges logging when it is
imported.

    python -m tests.toys.warm_python FOLDER
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import importlib.metadata
import json
import os
import runpy
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from tests.toys.waiting import until

LIBRARIES = (
    "multiprocessing.spawn",
    "zenml.client", "zenml.pipelines", "zenml.orchestrators", "zenml.orchestrators.local.local_orchestrator",
    "zenml.artifact_stores", "zenml.zen_stores.sql_zen_store", "zenml.zen_stores.migrations.alembic",
    "zenml.materializers", "zenml.integrations.registry", "mlflow.pyfunc", "mlflow.artifacts",
    "mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.sqlalchemy_store", "torch.utils.data",
    "transformers.trainer", "transformers.models.auto.modeling_auto", "transformers.models.bert.modeling_bert",
    "peft", "datasets", "great_expectations", "sklearn.linear_model", "sklearn.feature_extraction.text",
    "scipy.stats", "pandas", "pyarrow.parquet", "matplotlib.pyplot", "matplotlib.backends.backend_svg", "typer",
    "rich.table", "grimp", "ftfy", "git", "IPython.display", "sklearn.pipeline", "python_calamine", "standardwebhooks",
    "cronsim", "crontab", "asgiref.sync", "opentelemetry.sdk._logs", "wrapt", "jsonref", "safetensors.numpy",
    "zenml.orchestrators.step_launcher", "zenml.orchestrators.legacy_dag_runner", "zenml.pipelines.build_utils",
    "zenml.execution.pipeline.dynamic.runner", "zenml.execution.pipeline.utils", "zenml.deployers", "zenml.alerter",
    "zenml.annotators", "zenml.container_registries", "zenml.data_validators", "zenml.experiment_trackers",
    "zenml.feature_stores", "zenml.image_builders", "zenml.log_stores", "zenml.model_deployers",
    "zenml.model_registries", "zenml.sandboxes", "zenml.step_operators", "zenml.secret.schemas",
    *(f"zenml.integrations.{name}.materializers" for name in ("numpy", "pandas", "pillow", "pytorch", "scipy", "sklearn")),
)  # fmt: skip
SETTINGS = {
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
    "ZENML_ANALYTICS_OPT_IN": "false",
    "ZENML_DISABLE_STEP_LOGS_STORAGE": "true",
    "ZENML_ENABLE_RICH_TRACEBACK": "false",
    "ZENML_LOGGING_COLORS_DISABLED": "true",
    "ZENML_LOGGING_VERBOSITY": "WARN",
}
"""What `prepare_state` sets, as far as a library reads it while it is imported."""
COUNT = 4
"""Bytes of each number in a request and its answers: its length; the command's process, then its exit code."""
ASK = f"""#!{{python}} -IS
import json, os, signal, socket, sys
if os.environ.get("COLD") or sys.argv[1:2] not in (["-c"], ["-m"]):
    os.execv({{python!r}}, [{{python!r}}, *sys.argv[1:]])
request = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect({{address!r}})
    socket.send_fds(server, [len(request).to_bytes({COUNT}, "big")], [0, 1, 2])
    server.sendall(request)
    command = int.from_bytes(server.recv({COUNT}, socket.MSG_WAITALL), "big")
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(command, number))
    answer = server.recv({COUNT}, socket.MSG_WAITALL)
code = int.from_bytes(answer, "big", signed=True) if answer else -signal.SIGKILL
if code < 0:
    signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
    os.kill(os.getpid(), -code)
sys.exit(code)
"""
SECONDS_BETWEEN_LOOKS = 5
"""Seconds after which a server looks whether the tests that started it are still there."""


@contextmanager
def serving() -> Iterator[str]:
    """Start a server; gives the path of its `python`, and ends all that it has started."""
    with tempfile.TemporaryDirectory(prefix="warm-") as folder, Path(folder, "log").open("w+") as log:
        command = [sys.executable, "-m", __name__, folder]
        server = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=Path(__file__).parents[2], start_new_session=True
        )
        try:
            until(lambda: _has_started(server, Path(folder)), "the libraries are not imported yet")
            yield str(Path(folder, "python"))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            server.wait()


def look_up_packages_once() -> None:
    """Let MLflow read the list of installed files now: 0.7 seconds. ZenML's reading `ops.runs.caching` sees to."""
    from mlflow.utils import requirements_utils

    requirements_utils._init_modules_to_packages_map()  # type: ignore[no-untyped-call]


def forgo_syncing() -> None:
    """Let SQLite leave it to the system when its pages reach the disk: what a test makes need not outlive a power cut."""
    from sqlalchemy import Engine, event

    @event.listens_for(Engine, "connect")
    def leave_it(connection: Any, _: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")


def _has_started(server: subprocess.Popen[bytes], folder: Path) -> bool:
    assert server.poll() is None, (folder / "log").read_text(encoding="utf-8")
    return (folder / "python").exists()


def _serve(folder: Path) -> None:
    """Import the libraries, put `python` into the folder, and answer until the process, or the one above it, ends."""
    tests = os.getppid()
    os.environ |= SETTINGS
    for name in LIBRARIES:
        importlib.import_module(name)
    look_up_packages_once()
    forgo_syncing()
    importlib.metadata.packages_distributions = functools.cache(importlib.metadata.packages_distributions)
    importlib.metadata.packages_distributions()  # for all commands that are forked
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
        server.listen()
        server.settimeout(SECONDS_BETWEEN_LOOKS)
        _write_stand_in(folder)
        signal.signal(signal.SIGCHLD, lambda *_: _reap())
        while os.getppid() == tests:
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            with connection:
                if os.fork() == 0:
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    server.close()
                    _end(_answer, connection)


def _write_stand_in(folder: Path) -> None:
    made = folder / "python.new"
    made.write_text(ASK.format(python=sys.executable, address=str(folder / "socket")), encoding="utf-8")
    made.chmod(stat.S_IRWXU)
    made.replace(folder / "python")


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _answer(connection: socket.socket) -> None:
    """Fork once more: the child becomes the command, and its parent tells how it ended."""
    size, streams, _, _ = socket.recv_fds(connection, COUNT, 3)
    request = connection.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
    os.setsid()  # a command may end its own group
    command = os.fork()
    if command == 0:
        connection.close()
        words, folder, environment = json.loads(request)
        return _become(words, folder, environment, streams)
    connection.sendall(command.to_bytes(COUNT, "big"))
    for stream in (*streams, 0, 1, 2):
        os.close(stream)
    threading.Thread(target=_end_with, args=(connection, command), daemon=True).start()
    _, status = os.waitpid(command, 0)
    with suppress(BrokenPipeError):
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(COUNT, "big", signed=True))
    os._exit(0)


def _end_with(caller: socket.socket, command: int) -> None:
    """Kill the command once its caller is gone, which says nothing more as long as it waits."""
    if not caller.recv(1):
        os.kill(command, signal.SIGKILL)


def _become(words: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> None:
    """Run what the real Python would run."""
    from zenml.utils import source_utils

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    installed = sys.path[1 + len(_search_path()) :]
    os.chdir(folder)
    os.environ.clear()
    os.environ |= environment
    sys.path[:] = [folder, *_search_path(), *installed]
    source_utils.set_custom_source_root(environment.get("ZENML_CUSTOM_SOURCE_ROOT"))  # read as ZenML is imported
    for path in filter(Path.is_file, (Path(path, "sitecustomize.py") for path in _search_path())):
        runpy.run_path(str(path))
    sys.executable, kind, what, *rest = words
    sys.argv = [kind, *rest]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(compile(what, "<string>", "exec"), sys.modules["__main__"].__dict__)


def _search_path() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


def _end(function: Callable[..., None], *arguments: Any) -> NoReturn:
    """Call a function and end the process as Python does, but without taking the libraries down piece by piece."""
    code = 1
    try:
        function(*arguments)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except KeyboardInterrupt:
        traceback.print_exc()
        code = -signal.SIGINT
    except BaseException:  # what Python itself does with an error that nobody catches
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        if code < 0:
            signal.signal(-code, signal.SIG_DFL)
            os.kill(os.getpid(), -code)
        os._exit(code)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))

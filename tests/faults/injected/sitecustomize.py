"""Injection: Python runs this before a command, and the command meets a fault at one of its effects.

FAULT in the environment holds the place (module, function, effect), which call of it, the kind of fault, and a file
that is made when it strikes, so that of several processes one is struck. Nothing of the project knows of this.
"""

from __future__ import annotations

import errno
import functools
import importlib
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MLFLOW = "mlflow", "mlflow:MlflowClient"
OWNERS = {
    **dict.fromkeys(
        (
            "create_experiment", "start_run", "set_tags", "log_params", "log_metrics", "log_metric", "log_dict", "log_text",
            "log_artifacts", "log_batch", "log_input", "set_tag", "log_model_artifact", "log_model_artifacts", "create_registered_model", "create_model_version",
            "update_model_version", "update_registered_model", "set_registered_model_alias", "delete_registered_model_alias", "set_registered_model_tag",
            "delete_registered_model_tag", "set_model_version_tag", "delete_model_version_tag", "delete_logged_model",
            "set_terminated",
        ),
        MLFLOW,
    ),
    "log_model": ("mlflow.pyfunc",),
    "__exit__": ("mlflow:ActiveRun",),
    "log_metadata": ("zenml",),
    **dict.fromkeys(("create_tag", "delete_tag", "delete_artifact_version", "resolve_run_wait_condition"), ("zenml.client:Client",)),
    **dict.fromkeys(("update_run", "update_run_step"), ("zenml.zen_stores.sql_zen_store:SqlZenStore",)),
    "_store_output_artifacts": ("zenml.orchestrators.step_runner:StepRunner",),
    "publish_successful_step_run": ("zenml.orchestrators.step_runner",),
    "write_whole": ("agile_classifier.files",),
    **dict.fromkeys(("write_text", "write_bytes", "open", "rename", "replace", "unlink", "mkdir"), ("pathlib:Path",)),
    **dict.fromkeys(("rmtree", "copytree", "copy2", "copyfile", "copyfileobj"), ("shutil",)),
    **dict.fromkeys(("write_table", "ParquetWriter"), ("pyarrow.parquet",)),
    "post": ("requests:Session",),
    "run": ("subprocess",),
    "__init__": ("subprocess:Popen",),
}  # fmt: skip
"""What is called, in Python's own words → where it stands: a module, or a class in one."""
NEED_NO_ROOM = ("run", "__init__", "post", "unlink", "rmtree")
IN_DATABASES = ("mlflow", "zenml")
KILLED_BEFORE, KILLED_AFTER, RAISED, DISK_FULL = "killed before", "killed after", "error", "disk full"


class Fault:
    """The fault of this process, and whether it has struck."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.module, self.function, self.effect = given["module"], given["function"], given["effect"]
        self.kind, self.left, self.struck = given["kind"], given["call"], Path(given["struck"])
        self.is_disk_full = False

    def install(self) -> None:
        """Wrap what has effects: for a full disk all of it, for it stays full, otherwise what the fault is about."""
        for name in OWNERS if self.kind == DISK_FULL else (self.effect,):
            for owner in map(_load, OWNERS[name]):
                if hasattr(owner, name):
                    setattr(owner, name, self._wrap(getattr(owner, name), name))

    def _wrap(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(call)
        def wrapped(*arguments: Any, **named: Any) -> Any:
            if self.is_disk_full and name not in NEED_NO_ROOM and _writes(name, arguments, named):
                raise _no_room(call)
            if name != self.effect or not self._is_here(arguments, named):
                return call(*arguments, **named)
            return self._strike(call, arguments, named)

        return wrapped

    def _is_here(self, arguments: Any, named: Any) -> bool:
        """Whether the call stands where the fault is to strike, and it is its turn."""
        if not _writes(self.effect, arguments, named) or not self._is_place(arguments):
            return False
        self.left -= 1
        return self.left == 0 and self._is_first()

    def _is_place(self, arguments: Any) -> bool:
        if self.effect in ("_store_output_artifacts", "publish_successful_step_run"):
            runner = sys._getframe(3).f_locals.get("self") or arguments[0]
            return str(runner._step.spec.source.import_path).rpartition(".")[0] == self.module
        frame = sys._getframe(3)
        function = ".".join(part for part in frame.f_code.co_qualname.split(".") if not part.startswith("<"))
        return (frame.f_globals.get("__name__"), function) == (self.module, self.function)

    def _is_first(self) -> bool:
        try:
            os.close(os.open(self.struck, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def _strike(self, call: Callable[..., Any], arguments: Any, named: Any) -> Any:
        if self.kind == KILLED_AFTER:
            call(*arguments, **named)
        if self.kind in (KILLED_BEFORE, KILLED_AFTER):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == DISK_FULL:
            self.is_disk_full = True
            raise _no_room(call)
        raise RuntimeError(f"a fault at {self.function}")


def _writes(name: str, arguments: Any, named: Any) -> bool:
    """Whether a call writes; of those that may not, only opening a file does not."""
    return name != "open" or str(named.get("mode", (*arguments, "r", "r")[1]))[:1] in "wax"


def _no_room(call: Callable[..., Any]) -> Exception:
    if call.__module__.partition(".")[0] in IN_DATABASES:
        from sqlalchemy.exc import OperationalError

        return OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    loaded = importlib.import_module(module)
    return getattr(loaded, name) if name else loaded


if "FAULT" in os.environ:
    Fault(json.loads(os.environ["FAULT"])).install()
if "FAULT_GATE" in os.environ:  # on a toy's few words TF-IDF is hard to beat
    from agile_classifier.ops.promotion import gate

    gate.FIRST_COMPARATORS = ("majority",)
    gate._other_baselines = lambda evidence: {}

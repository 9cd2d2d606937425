"""Failures: what a command that could not finish says, and its exit code. Imports neither zenml nor mlflow.

It must not fail.
"""

from __future__ import annotations

import errno
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agile_classifier.environment import home
from agile_classifier.errors import GateRefused, InputError, one_line, redact
from agile_classifier.ops import project
from agile_classifier.ops.state.databases import KEPT, find_damage, locked_databases, locked_line

FAILED = 1
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
NO_ROOM_SAID = (
    "database or disk is full",
    "No space left on device",
    "Read-only file system",
    "attempt to write a readonly database",
)
"""Phrases by which a full or read-only disk is recognised in the errors of databases, safetensors and child
processes."""
LOCKED_SAID = "database is locked"
DAMAGED_SAID = ("database disk image is malformed", "file is not a database", "malformed database schema")
"""Phrases by which a damaged database is recognised, where a command meets the damage midway."""
OUTSIDE = ("kubernetes", "mlflow", "requests", "sqlalchemy", "urllib3", "zenml")
"""Libraries whose errors are about a server, a database or a network, and not defects of this project."""
ENGINES = "zenml/integrations/*/*.py"
"""Files of ZenML that raise a bare RuntimeError when a job failed elsewhere, say because its image cannot be pulled."""

KILLED = 137
"""Exit status of a process ended by SIGKILL, as the kernel does when memory runs out."""
REFUSALS = {f"{kind.__module__}.{kind.__name__}": kind for kind in (InputError, GateRefused)}
"""Errors that a person can mend, by the name that a traceback prints."""


@dataclass(frozen=True)
class Failure:
    """How a failed command ends: its message and its exit code."""

    line: str
    """One-line message for the person."""
    exit_code: int
    is_defect: bool
    """Whether this is a defect of the project, so that the traceback is printed too."""


def explain(error: BaseException) -> Failure:
    """Explain an error in one line with an exit code, from its type or that of its causes."""
    full = next(filter(_is_no_room, _causes(error, with_context=True)), None)
    if full is not None:
        return Failure(_no_room(full), InputError.exit_code, is_defect=False)
    if any(
        LOCKED_SAID in str(cause) for cause in _causes(error, with_context=True) if not isinstance(cause, InputError)
    ):
        return Failure(_locked(), InputError.exit_code, is_defect=False)
    if (damage := _find_damage(error)) is not None:
        return Failure(damage, InputError.exit_code, is_defect=False)
    causes = list(_causes(error, with_context=False))
    told = next((_in_container(cause) for cause in causes if _is_container(cause)), None)
    if told is not None:
        return told
    for cause in causes:
        if isinstance(cause, (InputError, GateRefused)):
            return Failure(redact(one_line(cause)), cause.exit_code, is_defect=False)
    if _is_statement(error):
        return Failure(redact(str(error)), FAILED, is_defect=False)
    line = redact(f"{type(error).__name__}: {one_line(error)}")
    return Failure(line, FAILED, is_defect=not any(map(_is_outside, causes)))


def _causes(error: BaseException, *, with_context: bool) -> Iterator[BaseException]:
    """Yield an error and its causes.

    With `with_context`, also the errors that were being handled when it was raised.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is not None and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [cause.__cause__, cause.__context__ if with_context else None]


def _is_container(error: BaseException) -> bool:
    return (type(error).__module__, type(error).__name__) == ("docker.errors", "ContainerError")


def _in_container(error: Any) -> Failure:
    """Failure of a step in a container, from the last line it printed, which holds the error's type and message."""
    step, printed = error.command[-1], (error.stderr or b"").decode(errors="replace").strip()
    kind, _, said = printed.splitlines()[-1].partition(": ") if printed else ("", "", "")
    if error.exit_status == KILLED:
        line = (
            f"step {step}: its container was killed; its memory limit (run_args.mem_limit of the stack) may be too "
            "small"
        )
        return Failure(line, FAILED, is_defect=False)
    refusal = REFUSALS.get(kind)
    if refusal is not None:
        return Failure(redact(f"step {step}: {said}"), refusal.exit_code, is_defect=False)
    print(redact(printed), file=sys.stderr)
    return Failure(redact(f"step {step}: {kind}: {said}"), FAILED, is_defect=False)


def _is_outside(error: BaseException) -> bool:
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in OUTSIDE


def _is_no_room(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return True
    return not isinstance(error, InputError) and any(said in str(error) for said in NO_ROOM_SAID)


def _no_room(error: BaseException) -> str:
    said = one_line(error)[-200:]  # a traceback says it last
    temporary = Path(tempfile.gettempdir())
    return (
        f"AGILE_HOME {home()} ({_free(home())}) or TMPDIR {temporary} ({_free(temporary)}): no room left or read-only;"
        f" make room, or name another folder: {redact(said)}"
    )


def _free(folder: Path) -> str:
    return f"{shutil.disk_usage(folder).free / 1e9:.2f} GB free" if folder.is_dir() else "no folder"


def _locked() -> str:
    """One line that names the locked databases; one released meanwhile cannot be told from the others."""
    locked = locked_databases(home()) or [home() / name for name in KEPT if (home() / name).is_file()]
    return locked_line(locked)


def _find_damage(error: BaseException) -> str | None:
    """One line that names the damaged database of the state folder, where an error speaks of one; None if none does."""
    causes = [cause for cause in _causes(error, with_context=True) if not isinstance(cause, InputError)]
    if not any(said in str(cause) for cause in causes for said in DAMAGED_SAID):
        return None
    there = [home() / name for name in KEPT if (home() / name).is_file()]
    return next((damage for path in there if (damage := find_damage(path)) is not None), None)


def _is_statement(error: BaseException) -> bool:
    """Whether the project or an engine raised the error with a message for a person: a failed run, not a defect."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if type(error) is not RuntimeError or frame is None:
        return False
    raised_in = Path(frame.tb_frame.f_code.co_filename)
    return raised_in.match(ENGINES) or project.holds(raised_in)

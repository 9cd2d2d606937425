"""Launches: commands that were started from the launcher's page, each a process of its own that outlives the page.

`launches/ID` of the state folder holds what was asked for, the output, and the exit code once there is one; the kernel
frees a launch's lock when its last process ends, however it ends. A training is one, and so is a promotion, the answer
to one, or a rollback.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, computed_field

from agile_classifier.config.files import load_config, write_override
from agile_classifier.config.form import changed
from agile_classifier.config.run import RunConfig
from agile_classifier.config.sources import require_files
from agile_classifier.environment import home
from agile_classifier.errors import InputError, redact
from agile_classifier.files import read_end, write_whole
from agile_classifier.ops import project
from agile_classifier.ops.state.locks import is_locked
from agile_classifier.ops.web.output import plain_text

LONGEST_OUTPUT = 20_000
"""Bytes of the end of a launch's output that are shown."""
LONGEST_BEGINNING = 20_000
"""Characters at the beginning of the output, in which a training says its name."""
KEEP_EXIT_CODE = 'trap : TERM INT; "$@"; code=$?; echo $code > "$0.tmp" && mv "$0.tmp" "$0"'
"""Shell words that run a command and keep its exit code, also where all of it is told to stop."""
RUN_NAME = re.compile(r"^run ([\w.-]{1,200})$", re.MULTILINE)
"""Line by which a training says its run's name in ZenML."""
IDENTITY = re.compile(r"[0-9T]+-[0-9a-f]{8}")
GOING, CUT_SHORT, DONE, REFUSED, FAILED = "running", "cut short", "done", "refused by a gate", "failed"
STOPPED = "stopped"
OUTCOMES = {0: DONE, 3: REFUSED}
TRAINING, PROMOTION, ANSWER, ROLLBACK = "training", "promotion", "answer", "rollback"
"""Kinds of launches."""
LONG = (TRAINING, PROMOTION)
"""Kinds of which this machine takes one at a time."""


class StillGoing(RuntimeError):
    """A launch is refused while another one runs on an engine of this machine."""


class Launch(BaseModel, frozen=True):
    """A command started from the launcher, and its state."""

    id: str
    config: str
    """Name of the config that is trained, or of what is promoted."""
    overrides: dict[str, Any]
    """Fields that differ from the config."""
    started: str
    """UTC, ISO 8601."""
    kind: str = TRAINING
    """`training`, `promotion`, the `answer` to one, or `rollback`."""
    file: str | None = None
    """Id of the upload that is trained on."""
    model_name: str | None = None
    """Registered model that it is about."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def state(self) -> str:
        """`running`, `done`, `refused by a gate`, `failed`, `stopped`, or `cut short` where its process was killed."""
        folder = _folder(self.id)
        is_going = is_locked(folder / "lock")
        if self.exit_code is not None:  # written before the lock is free
            return STOPPED if self.exit_code > 128 and self.is_told_to_stop else OUTCOMES.get(self.exit_code, FAILED)
        return GOING if is_going else STOPPED if self.is_told_to_stop else CUT_SHORT

    @computed_field  # type: ignore[prop-decorator]
    @property
    def exit_code(self) -> int | None:
        """Exit code of the command; None while it runs or if it was killed."""
        file = _folder(self.id) / "exit"
        return int(file.read_text(encoding="utf-8")) if file.exists() else None

    @property
    def folder(self) -> Path:
        """Folder of what was asked for and of the output."""
        return _folder(self.id)

    @property
    def is_told_to_stop(self) -> bool:
        """Whether somebody has stopped it by the page."""
        return (_folder(self.id) / "stopped").exists()

    @computed_field(alias="run")  # type: ignore[prop-decorator]
    @property
    def run_name(self) -> str | None:
        """Name of its run in ZenML, once the command has said it."""
        with (_folder(self.id) / "log.txt").open(encoding="utf-8", errors="replace") as log:
            found = RUN_NAME.search(log.read(LONGEST_BEGINNING))
        return found[1] if found else None


class LaunchWithOutput(Launch, frozen=True):
    """A launch with the end of its output."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def output(self) -> str:
        """End of the command's output, from the beginning of a line."""
        log = _folder(self.id) / "log.txt"
        end = read_end(log, n_bytes=LONGEST_OUTPUT)
        is_cut = log.stat().st_size > LONGEST_OUTPUT
        return redact(plain_text(end.partition("\n")[2] or end if is_cut else end))


def configs() -> dict[str, tuple[Path, str]]:
    """Name → file and purpose of every config that can be launched."""
    return {path.stem: (path, purpose) for path, purpose in project.list_configs().items()}


def find_config(name: str) -> Path:
    """Find the file of a config by its name.

    Raises
    ------
    InputError
        There is no such config.
    """
    there = configs()
    if name not in there:
        raise InputError(f"config {name!r}: no such config; there are: {', '.join(there)}")
    return there[name][0]


def read_config(path: Path, overrides: Mapping[str, Any] | None = None, *, needs_sources: bool = False) -> RunConfig:
    """Read a config with overrides.

    Raises
    ------
    InputError
        No such field, or a value that is not allowed.
    """
    return load_config(path, overrides=_as_words(overrides or {}), here=project.root(), needs_sources=needs_sources)


def start(
    path: Path, name: str, filled_in: Mapping[str, Any], *, is_local: bool, file: str | None = None
) -> LaunchWithOutput:
    """Start a training; nothing is started or written where the config is not sound.

    Parameters
    ----------
    path, name : Path, str
        The config, and what it is called.
    filled_in : mapping
        `section.field` → its value, a text that is read as in the form, a number, a boolean or None; what equals the
        config's value changes nothing.
    is_local : bool
        Whether it runs on an engine of this machine, which takes one at a time and reads this machine's files.
    file : str, optional
        Id of the upload that the config is of.

    Raises
    ------
    InputError
        As `read_config`; or a file that it reads is not there.
    StillGoing
        Another one runs.
    """
    texts = {field: _as_text(value) for field, value in filled_in.items()}
    overrides = changed(read_config(path), texts)
    config = read_config(path, overrides, needs_sources=True)
    if is_local:
        require_files(config, name=name)
        _require_none_going()
    words = ("train", str(path.resolve()), *(word for each in _as_words(overrides) for word in ("--set", each)))
    facts = {"file": file, "model_name": config.registry.model_name}
    return _run(words, config=name, overrides=overrides, **facts)


def promote(model_name: str, version: str, *, is_local: bool) -> LaunchWithOutput:
    """Start a promotion of a version by the policy of the run that made it; raises `StillGoing` as `start`."""
    if is_local:
        _require_none_going()
    words = ("promote", "--model", model_name, "--", version)
    return _run(words, config=f"{model_name} version {version}", kind=PROMOTION, model_name=model_name)


def settle(model_name: str, run: str, *, promotes: bool, reason: str = "") -> LaunchWithOutput:
    """Start the command that answers a promotion which waits for a person."""
    words = ("approve", "--", run) if promotes else ("reject", f"--reason={reason}", "--", run)
    return _run(words, config=f"{run}: {'yes' if promotes else 'no'}", kind=ANSWER, model_name=model_name)


def roll_back(model_name: str, version: str, *, reason: str = "") -> LaunchWithOutput:
    """Start a rollback of the champion, which is refused where another version is champion by then."""
    words = ("rollback", "--model", model_name, f"--from={version}", f"--reason={reason}")
    return _run(words, config=f"{model_name} version {version}", kind=ROLLBACK, model_name=model_name)


def stop(identity: str) -> LaunchWithOutput:
    """Tell all processes of a launch to stop; told once more, they end at once, and can set nothing in order.

    Raises
    ------
    InputError
        There is no such launch, or it does not run.
    """
    launch = find(identity)
    if launch.state != GOING:
        raise InputError(f"launch {identity}: does not run; it is {launch.state}")
    number = signal.SIGKILL if launch.is_told_to_stop else signal.SIGTERM
    write_whole(_folder(identity) / "stopped", datetime.now(UTC).isoformat(timespec="seconds"))
    with suppress(ProcessLookupError):  # it has ended just now
        os.killpg(int((_folder(identity) / "process").read_text(encoding="utf-8")), number)
    return find(identity)


def find(identity: str) -> LaunchWithOutput:
    """Find a launch by its id.

    Raises
    ------
    InputError
        There is none.
    """
    file = _folder(identity) / "launch.json"
    if not IDENTITY.fullmatch(identity) or not file.exists():
        raise InputError(f"no launch {identity!r}")
    return LaunchWithOutput.model_validate_json(file.read_text(encoding="utf-8"))


def list_launches() -> list[LaunchWithOutput]:
    """List all launches, newest first."""
    return [find(file.parent.name) for file in sorted((home() / "launches").glob("*/launch.json"), reverse=True)]


def is_going(identity: str) -> bool:
    """Whether a launch runs; False where it is gone."""
    return is_locked(_folder(identity) / "lock")


def remove(identity: str) -> bool:
    """Remove what is kept of a launch; returns False, and keeps it, while it runs."""
    if is_going(identity):
        return False
    shutil.rmtree(_folder(identity))
    return True


def _require_none_going() -> None:
    if others := [launch.id for launch in list_launches() if launch.state == GOING and launch.kind in LONG]:
        raise StillGoing(f"launch {others[0]} still runs; this machine takes one at a time")


def _run(
    words: Sequence[str], *, config: str, overrides: Mapping[str, Any] | None = None, **facts: Any
) -> LaunchWithOutput:
    """Run a command of `agile` as a process of its own, which holds the launch's lock while it lives."""
    now = datetime.now(UTC)
    identity, started = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}", now.isoformat(timespec="seconds")
    launch = LaunchWithOutput(id=identity, config=config, overrides=dict(overrides or {}), started=started, **facts)
    folder = _folder(identity)
    with ExitStack() as undo:
        folder.mkdir(parents=True)
        undo.callback(shutil.rmtree, folder)
        with (folder / "log.txt").open("wb") as log, (folder / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            write_whole(folder / "launch.json", launch.model_dump_json(include=set(Launch.model_fields)))
            process = subprocess.Popen(
                ["/bin/sh", "-c", KEEP_EXIT_CODE, str(folder / "exit"), *project.COMMAND, *words], cwd=project.root(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=(lock.fileno(),),
                env=dict(os.environ),
            )  # fmt: skip
            write_whole(folder / "process", str(process.pid))
        undo.pop_all()
    return launch


def _as_text(value: Any) -> str:
    """The text that stands for a value in the form."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _as_words(overrides: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(write_override(name, value) for name, value in overrides.items())


def _folder(identity: str) -> Path:
    return home() / "launches" / identity

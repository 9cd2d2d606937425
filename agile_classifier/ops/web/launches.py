"""Launches: trainings that were started from the launcher's page, each a process of its own that outlives the page.

`launches/ID` of the state folder holds what was asked for, the output, and the exit code once there is one; the kernel
frees a launch's lock when its last process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, computed_field

from agile_classifier.config.files import load_config, write_override
from agile_classifier.config.run import RunConfig
from agile_classifier.environment import home
from agile_classifier.errors import InputError, redact
from agile_classifier.files import read_end, write_whole
from agile_classifier.ops import project
from agile_classifier.ops.runs.liveness import is_locked

LONGEST_OUTPUT = 20_000
"""Bytes of the end of a launch's output that are shown."""
LONGEST_BEGINNING = 20_000
"""Characters at the beginning of the output, in which a training says its name."""
KEEP_EXIT_CODE = '"$@"; code=$?; echo $code > "$0.tmp" && mv "$0.tmp" "$0"'
RUN_NAME = re.compile(r"^run (\S+)$", re.MULTILINE)
"""Line by which a training says its run's name in ZenML."""
IDENTITY = re.compile(r"[0-9T]+-[0-9a-f]{8}")
GOING, CUT_SHORT, DONE, REFUSED, FAILED = "running", "cut short", "done", "refused by a gate", "failed"
OUTCOMES = {0: DONE, 3: REFUSED}


class StillGoing(RuntimeError):
    """A launch is refused while another one runs on an engine of this machine."""


class Launch(BaseModel, frozen=True):
    """A training started from the launcher, and its state."""

    id: str
    config: str
    overrides: dict[str, Any]
    started: str
    """UTC, ISO 8601."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def exit_code(self) -> int | None:
        """Exit code of the training; None while it runs, or if it was cut short."""
        file = _folder(self.id) / "exit"
        return int(file.read_text()) if file.exists() else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def state(self) -> str:
        """State of the launch, in a word or two."""
        if self.exit_code is not None:
            return OUTCOMES.get(self.exit_code, FAILED)
        return GOING if is_locked(_folder(self.id) / "lock") else CUT_SHORT

    @computed_field  # type: ignore[prop-decorator]
    @property
    def output(self) -> str:
        """End of the training's output."""
        return redact(read_end(_folder(self.id) / "log.txt", n_bytes=LONGEST_OUTPUT))

    @computed_field(alias="run")  # type: ignore[prop-decorator]
    @property
    def run_name(self) -> str | None:
        """Name of the run in ZenML; None before it began."""
        with (_folder(self.id) / "log.txt").open(encoding="utf-8", errors="replace") as log:
            found = RUN_NAME.search(log.read(LONGEST_BEGINNING))
        return found[1] if found else None


def configs() -> dict[str, tuple[Path, str]]:
    """Name → file and purpose of every config that can be launched."""
    return {path.stem: (path, purpose) for path, purpose in project.list_configs().items()}


def read_config(name: str, overrides: Mapping[str, Any] | None = None, *, needs_sources: bool = False) -> RunConfig:
    """Read the config of a name with overrides.

    Raises
    ------
    InputError
        No such config or field, or a value that is not allowed.
    """
    there = configs()
    if name not in there:
        raise InputError(f"config {name!r}: no such config; there are: {', '.join(there)}")
    return load_config(
        there[name][0], overrides=_as_words(overrides or {}), here=project.root(), needs_sources=needs_sources
    )


def start(name: str, overrides: Mapping[str, Any], *, one_at_a_time: bool) -> Launch:
    """Start a training; nothing is started where the config is not sound.

    Raises
    ------
    InputError
        As `read_config`.
    StillGoing
        Another one runs.
    """
    read_config(name, overrides, needs_sources=True)
    if one_at_a_time and (others := [launch.id for launch in list_launches() if launch.state == GOING]):
        raise StillGoing(f"launch {others[0]} still runs; this machine takes one at a time")
    now = datetime.now(UTC)
    identity, started = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}", now.isoformat(timespec="seconds")
    launch = Launch(id=identity, config=name, overrides=dict(overrides), started=started)
    folder = _folder(launch.id)
    folder.mkdir(parents=True)
    words = [word for override in _as_words(overrides) for word in ("--set", override)]
    command = [*project.COMMAND, "train", str(configs()[name][0].resolve()), *words]
    with (folder / "log.txt").open("wb") as log, (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.Popen(
            ["/bin/sh", "-c", KEEP_EXIT_CODE, str(folder / "exit"), *command], cwd=project.root(),
            stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True, pass_fds=(lock.fileno(),), env=dict(os.environ),
        )  # fmt: skip
    write_whole(folder / "launch.json", launch.model_dump_json(include=set(Launch.model_fields)))
    return launch


def find(identity: str) -> Launch:
    """Find a launch by its id.

    Raises
    ------
    InputError
        There is none.
    """
    file = _folder(identity) / "launch.json"
    if not IDENTITY.fullmatch(identity) or not file.exists():
        raise InputError(f"no launch {identity!r}")
    return Launch.model_validate_json(file.read_text(encoding="utf-8"))


def list_launches() -> list[Launch]:
    """List all launches, newest first."""
    return [find(file.parent.name) for file in sorted((home() / "launches").glob("*/launch.json"), reverse=True)]


def _as_words(overrides: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(write_override(name, value) for name, value in overrides.items())


def _folder(identity: str) -> Path:
    return home() / "launches" / identity

"""Launches: trainings that were started from the launcher's page, each a process of its own that outlives the page.

`launches/ID` of the state folder holds what was asked for, the output, and the exit code once there is one; the kernel
frees a launch's lock when its last process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, computed_field

from agile_classifier.config.files import load_config, write_override
from agile_classifier.config.form import changed
from agile_classifier.config.run import RunConfig
from agile_classifier.data.text import kind_of
from agile_classifier.environment import home
from agile_classifier.errors import InputError, redact
from agile_classifier.files import read_end, write_whole
from agile_classifier.ops import project
from agile_classifier.ops.state.locks import is_locked
from agile_classifier.ops.web.output import plain_text

LONGEST_VALUE = 4_000
"""Characters of a field's value that a launch may be given."""
LONGEST_NAME = 100
"""Characters of the name of a config or field."""
MOST_VALUES = 300
"""Fields that a launch may be given; a config has about 120."""
LONGEST_OUTPUT = 20_000
"""Bytes of the end of a launch's output that are shown."""
LONGEST_BEGINNING = 20_000
"""Characters at the beginning of the output, in which a training says its name."""
KEEP_EXIT_CODE = '"$@"; code=$?; echo $code > "$0.tmp" && mv "$0.tmp" "$0"'
RUN_NAME = re.compile(r"^run ([\w.-]{1,200})$", re.MULTILINE)
"""Line by which a training says its run's name in ZenML."""
IDENTITY = re.compile(r"[0-9T]+-[0-9a-f]{8}")
GOING, CUT_SHORT, DONE, REFUSED, FAILED = "running", "cut short", "done", "refused by a gate", "failed"
OUTCOMES = {0: DONE, 3: REFUSED}
_NOT_PASSED_ON = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control characters but tab and line end, and halves of characters: no command line takes all of them."""


def _require_scalar(value: Any) -> Any:
    if not isinstance(value, str | int | float | None):
        raise ValueError(f"a number, a text, true, false or null is needed; found {kind_of(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a finite number is needed; found {value}")
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        raise ValueError(f"the value has {len(value)} characters; at most {LONGEST_VALUE} are allowed")
    if isinstance(value, str) and (refused := _NOT_PASSED_ON.search(value)):
        raise ValueError(f"the value holds the character {refused[0]!a}, which is not allowed")
    return value


Scalar = Annotated[str, Field(max_length=LONGEST_VALUE)] | int | float | bool | None
Value = Annotated[Any, BeforeValidator(_require_scalar, json_schema_input_type=Scalar)]
"""Value of a field, a scalar; a list or mapping is a text, written as the form shows it: `["a.csv", "b.csv"]`."""
FieldName = Annotated[str, Field(max_length=LONGEST_NAME, pattern=r"^[A-Za-z0-9_.]+$")]
Overrides = Annotated[dict[FieldName, Value], Field(max_length=MOST_VALUES)]
"""`section.field` → its value."""


class StillGoing(RuntimeError):
    """A launch is refused while another one runs on an engine of this machine."""


class Launch(BaseModel, frozen=True):
    """A training started from the launcher, and its state."""

    id: str
    config: str
    overrides: dict[str, Any]
    """Fields that differ from the config."""
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

    @computed_field(alias="run")  # type: ignore[prop-decorator]
    @property
    def run_name(self) -> str | None:
        """Name of the run in ZenML; None before it began."""
        with (_folder(self.id) / "log.txt").open(encoding="utf-8", errors="replace") as log:
            found = RUN_NAME.search(log.read(LONGEST_BEGINNING))
        return found[1] if found else None


class LaunchWithOutput(Launch, frozen=True):
    """A training started from the launcher, its state, and what it says."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def output(self) -> str:
        """End of the training's output, from the beginning of a line."""
        log = _folder(self.id) / "log.txt"
        end = read_end(log, n_bytes=LONGEST_OUTPUT)
        is_cut = log.stat().st_size > LONGEST_OUTPUT
        return redact(plain_text(end.partition("\n")[2] or end if is_cut else end))


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


def start(name: str, filled_in: Mapping[str, Any], *, one_at_a_time: bool) -> LaunchWithOutput:
    """Start a training; nothing is started or written where the config is not sound.

    Parameters
    ----------
    filled_in : mapping
        `section.field` → its value, a text that is read as in the form, a number, a boolean or None; what equals the
        config's value changes nothing.

    Raises
    ------
    InputError
        As `read_config`.
    StillGoing
        Another one runs.
    """
    texts = {field: _as_text(value) for field, value in filled_in.items()}
    overrides = changed(read_config(name), texts)
    read_config(name, overrides, needs_sources=True)
    if one_at_a_time and (others := [launch.id for launch in list_launches() if launch.state == GOING]):
        raise StillGoing(f"launch {others[0]} still runs; this machine takes one at a time")
    now = datetime.now(UTC)
    identity, started = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}", now.isoformat(timespec="seconds")
    launch = LaunchWithOutput(id=identity, config=name, overrides=overrides, started=started)
    with ExitStack() as undo:
        folder = _folder(launch.id)
        folder.mkdir(parents=True)
        undo.callback(shutil.rmtree, folder)
        _run(launch, folder)
        undo.pop_all()
    return launch


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


def _run(launch: Launch, folder: Path) -> None:
    """Run a launch's training as a process of its own, which holds the launch's lock while it lives."""
    words = [word for override in _as_words(launch.overrides) for word in ("--set", override)]
    command = [*project.COMMAND, "train", str(configs()[launch.config][0].resolve()), *words]
    with (folder / "log.txt").open("wb") as log, (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_whole(folder / "launch.json", launch.model_dump_json(include=set(Launch.model_fields)))
        subprocess.Popen(
            ["/bin/sh", "-c", KEEP_EXIT_CODE, str(folder / "exit"), *command], cwd=project.root(),
            stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True, pass_fds=(lock.fileno(),), env=dict(os.environ),
        )  # fmt: skip


def _as_text(value: Any) -> str:
    """The text that stands for a value in the form."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _as_words(overrides: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(write_override(name, value) for name, value in overrides.items())


def _folder(identity: str) -> Path:
    return home() / "launches" / identity

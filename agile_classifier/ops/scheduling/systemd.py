"""systemd timers: a timer and a service of the user for each schedule, where `systemctl --user` answers."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from agile_classifier.environment import home
from agile_classifier.errors import InputError
from agile_classifier.files import write_whole

LONGEST_WAIT = 10
"""Seconds that systemd has to answer."""


def is_there() -> bool:
    """Whether the user's systemd answers."""
    if shutil.which("systemctl") is None:
        return False
    try:
        done = subprocess.run(
            ["systemctl", "--user", "show-environment"], capture_output=True, timeout=LONGEST_WAIT, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def units(
    name: str, minutes: Sequence[int], command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> dict[str, str]:
    """File name → text of a schedule's timer and service."""
    stem = f"{_prefix()}{name}"
    variables = "".join(f"Environment={_quoted(f'{key}={value}')}\n" for key, value in environment.items())
    words = " ".join(_quoted(word) for word in command)
    service = (
        f"[Unit]\nDescription=agile schedule {name}\n\n[Service]\nType=oneshot\n"
        f"WorkingDirectory={_escaped(str(folder))}\n{variables}ExecStart={words}\n"
    )
    marks = ",".join(f"{minute:02d}" for minute in minutes)
    timer = (
        f"[Unit]\nDescription=When agile schedule {name} is asked whether it is due\n\n[Timer]\n"
        f"OnCalendar=*-*-* *:{marks}:00\nAccuracySec=1s\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n"
    )
    return {f"{stem}.service": service, f"{stem}.timer": timer}


def install(texts: Mapping[str, str]) -> None:
    """Make these the user's units of this state folder: changed ones are written, others of ours stopped and removed."""
    place = _place()
    place.mkdir(parents=True, exist_ok=True)
    for gone in sorted(set(installed()) - set(texts)):
        if gone.endswith(".timer"):
            _systemctl("disable", "--now", gone)
        (place / gone).unlink()
    for name, text in texts.items():
        write_whole(place / name, text)
    _systemctl("daemon-reload")
    for name in texts:
        if name.endswith(".timer"):
            _systemctl("enable", name)
            _systemctl("restart", name)


def installed() -> list[str]:
    """File names of the units of this state folder."""
    return sorted(path.name for path in _place().glob(f"{_prefix()}*"))


def _place() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "systemd" / "user"


def _prefix() -> str:
    """Two state folders of one user have timers of their own."""
    return f"agile-{hashlib.sha256(str(home()).encode()).hexdigest()[:8]}-"


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    escaped = _escaped(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"'


def _systemctl(*words: str) -> None:
    done = subprocess.run(["systemctl", "--user", *words], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise InputError(f"systemctl --user {' '.join(words)}: {' '.join(done.stderr.split())}")

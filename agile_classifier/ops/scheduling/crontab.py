"""Crontab: one line for a state folder, `agile schedule tick` every minute; every other byte stays.

python-crontab makes that line and recognises it, and is shown no other: what somebody else wrote it would move
(variables, to the top), spell anew (`0 0 * * *` as `@daily`) and comment out (what it cannot read), and bytes that are
not UTF-8 it refuses.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
from crontab import CronItem, CronTab

from agile_classifier.environment import home
from agile_classifier.errors import InputError, one_line
from agile_classifier.ops.project import COMMAND, root

DAEMONS = frozenset({"cron", "crond", "fcron", "dcron", "cronie"})
"""Names of processes that read crontabs."""


def is_available() -> bool:
    """Whether this machine has a crontab command."""
    return shutil.which("crontab") is not None


def is_daemon_missing() -> bool:
    """Whether the processes of this machine can be seen, and none of them is a cron daemon."""
    seen = {process.pid: process.info["name"] for process in psutil.process_iter(["name"])}
    return bool(seen.get(1)) and not DAEMONS & set(seen.values())


def read() -> bytes:
    """Read the user's crontab; empty if there is none.

    Raises
    ------
    InputError
        The user may not have one.
    """
    done = subprocess.run(["crontab", "-l"], capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode and b"no crontab for" not in done.stderr:
        raise InputError(f"crontab -l: {one_line(done.stderr)}")
    return b"" if done.returncode else done.stdout


def write(text: bytes) -> None:
    """Replace the user's crontab; an empty one is removed.

    Raises
    ------
    InputError
        crontab refuses it: what was there stays.
    """
    command = ["crontab", "-"] if text else ["crontab", "-r"]
    done = subprocess.run(command, input=text, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        raise InputError(f"{' '.join(command)}: {one_line(done.stderr)}")


def keep_line(*, wanted: bool) -> bool:
    """Have our line in the user's crontab, or not; returns whether lines of an earlier version went.

    Raises
    ------
    InputError
        The crontab cannot be read or written: it stays as it was.
    """
    before = read()
    after = with_line(before, home(), wanted=wanted)
    if after != before:
        write(after)
    return _without_earlier(before, home()) != before


def holds_line() -> bool:
    """Whether the user's crontab has our line, and nobody has commented it out."""
    return any(job.is_enabled() for each in read().splitlines() for job in _jobs(each, home()))


def find_gone() -> str | None:
    """Say which folder or Python our line names that is gone, so that nothing ticks; None where all is there."""
    for job in (job for each in read().splitlines() for job in _jobs(each, home()) if job.is_enabled()):
        folder, _, command = job.command.partition(" && ")
        words = [word.replace("\\%", "%") for word in (*shlex.split(folder)[1:2], *shlex.split(command)[2:3])]
        if missing := [word for word in words if not Path(word).exists()]:
            return f"the crontab's line names {missing[0]}, which is gone"
    return None


def output() -> Path:
    """File that a tick's output goes to."""
    return home() / "schedules" / "tick.txt"


def with_line(text: bytes, folder: Path, *, wanted: bool) -> bytes:
    """Crontab with or without the line of a state folder, added at its end unless it is there already.

    Only a last line without its newline is given one, without which cron ignores it.
    """
    lines = _without_earlier(text, folder).splitlines(keepends=True)
    ours = [number for number, each in enumerate(lines) if any(_jobs(each, folder))]
    if wanted and [lines[number] for number in ours] == [line(folder)]:
        return b"".join(lines)
    kept = b"".join(each for number, each in enumerate(lines) if number not in ours)
    if not wanted:
        return kept
    return kept + (b"\n" if kept and not kept.endswith(b"\n") else b"") + line(folder)


def line(folder: Path) -> bytes:
    """Crontab line of a state folder.

    In it stands no variable but AGILE_HOME, and percent signs, newlines to cron, are escaped.
    """
    words = shlex.join([f"AGILE_HOME={folder}", *COMMAND, "schedule", "tick"])
    place = shlex.quote(str(folder / "schedules" / "tick.txt"))
    command = f"cd {shlex.quote(str(root()))} && env {words} > {place} 2>&1"
    if "\n" in command:
        raise InputError(f"AGILE_HOME {folder!s}: a crontab cannot hold a path with a line break")
    return f"{CronItem(command, comment=_mark(folder)).render()}\n".encode()


def _mark(folder: Path) -> str:
    """Comment at the end of a state folder's line; two folders of one user have a line each."""
    return f"agile schedules {hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"


def _jobs(text: bytes, folder: Path) -> Iterator[CronItem]:
    """Lines of a crontab that are a state folder's, be they edited or commented out.

    Nothing where the line is somebody else's.
    """
    if _mark(folder).encode() in text:
        yield from CronTab(tab=text.decode(errors="replace")).find_comment(re.compile(f"{_mark(folder)}$"))


def _without_earlier(text: bytes, folder: Path) -> bytes:
    """Crontab without the block of lines that an earlier version wrote, one for each schedule."""
    mark = rb"agile schedules of " + re.escape(str(folder).encode())
    return re.sub(rb"^# BEGIN %b:.*?^# END %b\n" % (mark, mark), b"", text, flags=re.MULTILINE | re.DOTALL)

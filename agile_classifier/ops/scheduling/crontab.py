"""Crontab: a block of our own between two marker lines; every other byte stays as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from agile_classifier.environment import home
from agile_classifier.errors import InputError


def is_there() -> bool:
    """Whether this machine has a crontab command."""
    return shutil.which("crontab") is not None


def read() -> bytes:
    """The user's crontab; empty where there is none.

    Raises
    ------
    InputError
        The user may not have one.
    """
    done = subprocess.run(["crontab", "-l"], capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode and b"no crontab for" not in done.stderr:
        raise InputError(f"crontab -l: {_line(done.stderr)}")
    return b"" if done.returncode else done.stdout


def write(text: bytes) -> None:
    """Replace the user's crontab; an empty one is removed.

    Raises
    ------
    InputError
        crontab refuses it: what was there stays.
    """
    if not text and not read():
        return
    command = ["crontab", "-"] if text else ["crontab", "-r"]
    done = subprocess.run(command, input=text, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        raise InputError(f"{' '.join(command)}: {_line(done.stderr)}")


def install(lines: Sequence[str]) -> None:
    """Make these lines our block; none removes it. What somebody edited within the block is written anew: it is ours."""
    before = read()
    after = with_block(before, lines, home())
    if after != before:
        write(after)


def installed() -> list[str]:
    """The lines of our block as they stand in the crontab."""
    return _split(read(), home())[1].decode(errors="replace").splitlines()


def with_block(text: bytes, lines: Sequence[str], folder: Path) -> bytes:
    """A crontab with these lines as the block of a state folder, where the old one stood or else at the end.

    Only a last line without its newline is given one, without which cron ignores it.
    """
    begin, end = _markers(folder)
    before, _, after = _split(text, folder)
    if not lines:
        return before + after
    if before and not before.endswith(b"\n"):
        before += b"\n"
    block = b"".join(line.encode() + b"\n" for line in lines)
    return before + begin + block + end + after


def _split(text: bytes, folder: Path) -> tuple[bytes, bytes, bytes]:
    """Before our block, its lines, after it."""
    begin, end = _markers(folder)
    lines = text.splitlines(keepends=True)
    places = [
        [number for number, line in enumerate(lines) if line.rstrip(b"\r\n") == mark[:-1]] for mark in (begin, end)
    ]
    if places == [[], []]:
        return text, b"", b""
    if [len(found) for found in places] != [1, 1] or places[0] > places[1]:
        raise InputError(f"crontab: the marker lines of {folder} do not stand in a pair; mend them with crontab -e")
    (first,), (last,) = places
    return b"".join(lines[:first]), b"".join(lines[first + 1 : last]), b"".join(lines[last + 1 :])


def _markers(folder: Path) -> tuple[bytes, bytes]:
    begin = f"# BEGIN agile schedules of {folder}: written anew by agile schedule apply, edit configs/schedules.yaml\n"
    return begin.encode(), f"# END agile schedules of {folder}\n".encode()


def _line(said: bytes) -> str:
    return " ".join(said.decode(errors="replace").split())

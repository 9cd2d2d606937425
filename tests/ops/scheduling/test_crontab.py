"""The line of our own in a crontab: nothing around it changes by a byte."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agile_classifier.errors import InputError
from agile_classifier.ops.project import root
from agile_classifier.ops.scheduling.crontab import line, with_line

HOME, OTHER = Path("/home/a/state"), Path("/home/a/state-2")
THEIRS = (
    b'# mine\r\nMAILTO=""\nPATH=/a b:/c\n\n*/5 * * * * echo 100\\% \xff\xfe\n0 0 * * *  a # b\n'
    b"no line at all\n\t# last\n"
)
"""Whatever python-crontab would spell anew, move, comment out or refuse."""


def test_the_rest_stays_byte_for_byte_while_the_line_comes_and_goes() -> None:
    once = with_line(THEIRS, HOME, wanted=True)
    assert once == THEIRS + line(HOME)
    assert with_line(once, HOME, wanted=True) == once
    assert with_line(once, HOME, wanted=False) == THEIRS


def test_what_stands_after_the_line_stays_after_it() -> None:
    text = with_line(THEIRS, HOME, wanted=True) + b"1 1 * * * theirs, no newline"
    assert with_line(text, HOME, wanted=True) == text
    assert with_line(text, HOME, wanted=False) == THEIRS + b"1 1 * * * theirs, no newline"


def test_a_last_line_without_its_newline_is_given_one() -> None:
    assert with_line(b"0 0 * * * theirs", HOME, wanted=True) == b"0 0 * * * theirs\n" + line(HOME)


def test_no_crontab_and_no_line_is_no_crontab() -> None:
    assert with_line(b"", HOME, wanted=False) == b""
    assert with_line(line(HOME), HOME, wanted=False) == b""


@pytest.mark.parametrize(("old", "new"), [(b"schedule tick", b"schedule list"), (b"* * * * * cd", b"# 5 * * * * cd")])
def test_a_line_that_somebody_edited_or_commented_out_is_written_anew(old: bytes, new: bytes) -> None:
    edited = with_line(THEIRS, HOME, wanted=True).replace(old, new)
    assert edited != with_line(THEIRS, HOME, wanted=True)
    assert with_line(edited, HOME, wanted=True) == with_line(THEIRS, HOME, wanted=True)
    assert with_line(edited, HOME, wanted=False) == THEIRS


def test_two_state_folders_have_a_line_each() -> None:
    both = with_line(with_line(THEIRS, HOME, wanted=True), OTHER, wanted=True)
    assert both == THEIRS + line(HOME) + line(OTHER)
    assert with_line(both, HOME, wanted=False) == THEIRS + line(OTHER)


@pytest.mark.parametrize("name", ["plain", "100% of it", "a # b", "it's $HOME"])
def test_a_shell_reads_the_line_as_it_was_meant(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    (folder / "schedules").mkdir(parents=True)
    written = line(folder).decode()
    assert written.startswith("* * * * * cd ")
    assert "%" not in written.replace("\\%", "")
    read_by_cron = written.removeprefix("* * * * * ").replace("\\%", "%")
    done = subprocess.run(["sh", "-c", read_by_cron], check=False, capture_output=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (folder / "schedules" / "tick.txt").read_text() == ""
    assert with_line(line(folder), folder, wanted=False) == b""


def test_the_line_holds_the_state_folder_and_no_other_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "sentinel-secret")
    written = line(HOME).decode()
    assert f"cd {root()} && env AGILE_HOME=/home/a/state " in written
    assert "sentinel" not in written


def test_a_state_folder_with_a_line_break_is_refused() -> None:
    with pytest.raises(InputError, match="a crontab cannot hold a path with a line break"):
        line(Path("/home/a\nb"))

"""The dialogue of `agile init`: rows as they are read, one question at a time, and nothing left behind by Ctrl-C."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from agile_classifier.cli.terminal.dialogue import ask
from agile_classifier.config.files import load_config
from agile_classifier.drafts.choices import Answer, Question

QUESTION = Question(
    "which column holds the texts",
    (Answer({"text": "a"}, "'a' (long)"), Answer({"text": "b [bold]"}, "'b [bold]' (short)")),
    rows=({"label": "no", "a": "one text", "b [bold]": "[red]another[/red]"},),
)
ROWS = "".join(
    f"the {row}th comment of the many,{'no' if row % 3 else 'insult'},{'no' if row % 2 else 'threat'}\n"
    for row in range(60)
)


def answered(keys: str) -> tuple[Answer, str]:
    shown = io.StringIO()
    return ask(QUESTION, Console(file=shown, width=100), keyboard=io.StringIO(keys)), shown.getvalue()


def test_the_rows_and_the_readings_are_shown_as_they_stand() -> None:
    answer, shown = answered("2\n")
    assert answer == QUESTION.answers[1]
    for words in ("one text", "[red]another[/red]", "Which column holds the texts?", "'b [bold]' (short)", "--text a"):
        assert words in shown


def test_an_empty_answer_takes_the_first_and_a_wrong_one_is_asked_again() -> None:
    assert answered("\n")[0] == QUESTION.answers[0]
    assert answered("7\nx\n2\n")[0] == QUESTION.answers[1]


TAKE_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.default_int_handler)
os.execv(sys.executable, [sys.executable, "-m", "agile_classifier", "init", "x.csv"])
"""
"""The child makes its input the terminal whose Ctrl-C it hears; a process with threads, as pytest's, must not fork."""


def on_terminal(folder: Path, keys: bytes) -> tuple[int, str]:
    """Run `agile init x.csv` on a terminal of its own; the keys are typed at the first question."""
    (folder / "x.csv").write_text(f"text,insult,threat\n{ROWS}")
    terminal, its_end = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", TAKE_TERMINAL],
        cwd=folder,
        stdin=its_end,
        stdout=its_end,
        stderr=its_end,
        start_new_session=True,
    )
    os.close(its_end)
    printed = b""
    with child, os.fdopen(terminal, "r+b", buffering=0):
        while read := _read(terminal):
            printed += read
            if keys and b"Number" in printed:
                os.write(terminal, keys)
                keys = b""
    return child.returncode, printed.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.parametrize(
    ("keys", "columns"), [(b"2\n", ("threat",)), (b"3\n", ("insult", "threat"))], ids=["a column", "any of both"]
)
def test_an_answer_on_a_terminal_is_what_the_config_holds(
    tmp_path: Path, keys: bytes, columns: tuple[str, ...]
) -> None:
    code, printed = on_terminal(tmp_path, keys)
    assert code == 0, printed
    assert load_config(tmp_path / "x.yaml").labels.columns == columns


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    code, printed = on_terminal(tmp_path, b"\x03")
    assert code == 130, printed
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]

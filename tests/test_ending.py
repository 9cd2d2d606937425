"""Ending: a command that is told to stop at any moment says so in one line, with exit code 130 or 143."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agile_classifier.ops.project import PACKAGE, configs
from tests.toys.waiting import LONGEST

AT = """
import os, signal, sys
module, number, *words = sys.argv[1:]
class At:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), int(number))
sys.meta_path.insert(0, At())
sys.argv[:] = ["agile", *words]
from agile_classifier.__main__ import main
main()
"""
"""Runs a command that gets a signal while it imports a module."""
NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
QUICKSTART = str(configs() / "quickstart.yaml")
COMPILE = ["compile", QUICKSTART, "--output", "pipeline.yaml"]


def run(code: str, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AGILE_HOME": str(folder / "home"), "PYTHONPATH": str(PACKAGE.parent)}
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=LONGEST,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def is_told(done: subprocess.CompletedProcess[str], number: signal.Signals) -> bool:
    line = f"agile: stopped by {NAMES[number]}; the same command, given again, goes on or begins anew\n"
    shown = "".join(each for each in done.stderr.splitlines(True) if not each.startswith(("project ", "preparing ")))
    assert shown == line, done.stderr
    return done.returncode == 128 + number


@pytest.mark.parametrize(
    ("number", "module", "words"),
    [
        (signal.SIGTERM, "typer", ["configs"]),
        (signal.SIGINT, "typer", ["configs"]),
        (signal.SIGTERM, "agile_classifier.cli.training", ["configs"]),
        (signal.SIGINT, "pandas", ["init", "texts.csv"]),
        (signal.SIGTERM, "agile_classifier.drafts.forecast", ["init", "texts.csv"]),
        (signal.SIGTERM, "zenml.client", COMPILE),
        (signal.SIGINT, "kfp.dsl", COMPILE),
    ],
)
def test_a_command_that_is_told_to_stop_while_it_loads_says_so(
    tmp_path: Path, number: signal.Signals, module: str, words: list[str]
) -> None:
    rows = "".join(f"the text of number {row},{row % 2}\n" for row in range(60))
    (tmp_path / "texts.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    assert is_told(run(AT, module, str(int(number)), *words, folder=tmp_path), number)
    assert {path.name for path in tmp_path.iterdir()} <= {"texts.csv", "home"}


CONTEXT = """
import os, signal, sys, threading, time
from agile_classifier.ending import as_exit, is_told, postponed, told
def stop():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
with told(patience=0.2):
"""
LOST = {
    "dropped, as Python drops what is raised while an object is removed": """
    class Thing:
        def __del__(self):
            stop()
    Thing()
    time.sleep(60)""",
    "swallowed by a library": """
    try:
        stop()
    except BaseException:
        pass
    time.sleep(60)""",
    "made another error of, as of a model that cannot be read": """
    try:
        stop()
    except BaseException as error:
        raise ValueError("not a model that AutoModel knows") from error""",
    "made the end of a command of": """
    try:
        stop()
    except BaseException:
        sys.exit(0)""",
    "told while another thread works": """
    threading.Thread(target=time.sleep, args=(600,)).start()
    import atexit
    atexit.register(print, "tidied up")
    stop()""",
    "heard by another thread, while the main one waits in the system": """
    send = lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    threading.Timer(0.1, send).start()
    os.read(os.pipe()[0], 1)""",
    "told twice": """
    try:
        stop()
    finally:
        stop()""",
    "told in a block that is not to be cut short": """
    with postponed():
        os.kill(os.getpid(), signal.SIGTERM)
        with postponed():
            print("inner")
        print("whole")
    print("never")""",
}


@pytest.mark.parametrize("body", LOST.values(), ids=LOST)
def test_a_signal_is_never_lost_nor_taken_for_something_else(tmp_path: Path, body: str) -> None:
    done = run(CONTEXT + body, folder=tmp_path)
    assert is_told(done, signal.SIGTERM)
    assert done.stdout == ("inner\nwhole\n" if "whole" in body else "tidied up\n" if "tidied" in body else "")


def test_a_command_that_is_not_told_ends_as_it_does(tmp_path: Path) -> None:
    for end, code in (("sys.exit(3)", 3), ("pass", 0), ("raise ValueError('odd')", 1)):
        done = run(f"{CONTEXT}    {end}", folder=tmp_path)
        assert (done.returncode, "stopped by" in done.stderr) == (code, False)
    kept = "\nprint(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, threading.active_count())"
    assert run(f"{CONTEXT}    pass{kept}", folder=tmp_path).stdout == "True 1\n"


def test_a_child_by_fork_ends_alone(tmp_path: Path) -> None:
    body = """
    if (child := os.fork()) == 0:
        try:
            stop()
        finally:
            os._exit(5)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    time.sleep(1)"""
    done = run(CONTEXT + body, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "5\n", "")


def test_a_signal_that_a_library_handles_is_not_sent_again(tmp_path: Path) -> None:
    body = """
    signal.signal(signal.SIGTERM, lambda *_: print("heard"))
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1)"""
    done = run(CONTEXT + body, folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "heard\n")


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    code = CONTEXT.replace("with told", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwith told")
    done = run(f"{code}    os.kill(os.getpid(), signal.SIGTERM); print(is_told())", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "False\n")


def test_ctrl_c_is_no_keyboard_interrupt_where_that_means_something_else(tmp_path: Path) -> None:
    body = """
    try:
        with as_exit():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
    except KeyboardInterrupt:
        print("answered with no")"""
    done = run(CONTEXT + body, folder=tmp_path)
    assert done.stdout == ""
    assert is_told(done, signal.SIGINT)

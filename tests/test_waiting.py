"""No test waits for a fixed number of seconds, or judges by one: it would fail on a machine that is busy."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.toys import waiting

TESTS = Path(__file__).parent
CLOCKS = {"monotonic", "perf_counter", "time"}
WAITING = {"wait", "join", "result", "exception", "communicate"}
"""Methods whose argument is a number of seconds."""


def test_the_first_answer_that_is_true_is_given_and_what_was_waited_for_in_vain_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([None, "", "here"])
    assert waiting.until(lambda: next(answers), "nothing came") == "here"
    monkeypatch.setattr(waiting, "LONGEST", 0)
    with pytest.raises(AssertionError, match="nothing came"):
        waiting.until(lambda: False, "nothing came")


def test_a_process_that_ended_without_its_words_fails_with_what_it_said(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("no memory")
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        with pytest.raises(AssertionError, match="no memory"):
            waiting.until_said("ready", process, log.read_text)
        waiting.until_said("memory", process, log.read_text)


def test_who_keeps_a_person_waiting_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with waiting.before_a_person_gives_up():
        pass
    monkeypatch.setattr(waiting, "PATIENCE", 0)
    with pytest.raises(AssertionError, match="told after 0 seconds"), waiting.before_a_person_gives_up():
        pass


def test_a_number_of_seconds_is_found() -> None:
    code = (
        "process.wait(30); get(x, timeout=5); time.sleep(1); time.monotonic()\n"
        "connect(timeout=0); process.wait(); thread.join(LONGEST)"
    )
    assert [line for line, _ in _seconds(ast.parse(code))] == [1, 1, 1, 1]


def test_every_test_waits_for_conditions_and_not_for_seconds() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{line}: {code}"
        for path in sorted({*TESTS.rglob("*.py")} - {Path(waiting.__file__)})
        for line, code in _seconds(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == [], "tests/toys/waiting.py waits for conditions, and LONGEST is the limit of whatever wants one"


def _seconds(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and code of each call that is given a number of seconds, or reads a clock."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (_reads_clock(node) or any(map(_is_number, _time_limits(node)))):
            yield node.lineno, ast.unparse(node)


def _reads_clock(call: ast.Call) -> bool:
    function = call.func
    return isinstance(function, ast.Attribute) and ast.unparse(function.value) == "time" and function.attr in CLOCKS


def _time_limits(call: ast.Call) -> Iterator[ast.expr]:
    yield from (keyword.value for keyword in call.keywords if keyword.arg == "timeout")
    if isinstance(call.func, ast.Attribute) and (call.func.attr in WAITING or ast.unparse(call.func) == "time.sleep"):
        yield from call.args[:1]


def _is_number(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, int | float) and value.value > 0

"""CPU seconds of each test file, the processes that it starts included: a plugin, off unless it is asked for.

Seconds on a clock say little where something else runs too; these are comparable. Fixtures count where they are first
asked for. What outlives its parent is not seen.

    python -m pytest -n 2 --dist loadfile -p tests.toys.cpu_times tests/pipelines
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import psutil
import pytest

SHOWN = 40
"""Files in the summary, the costliest first."""
SECONDS: Counter[str] = Counter()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Add what a test takes to its file's account."""
    before = _spent()
    try:
        return (yield)
    finally:
        SECONDS[item.nodeid.partition("::")[0]] += _spent() - before


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send a worker's account to the process that writes the summary (pytest-xdist)."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["cpu_seconds"] = dict(SECONDS)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the account of a worker that has ended; one that crashed has sent none."""
    SECONDS.update(getattr(node, "workeroutput", {}).get("cpu_seconds", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the files, and the sum."""
    terminalreporter.section("CPU seconds")
    for file, seconds in SECONDS.most_common(SHOWN):
        terminalreporter.write_line(f"{seconds:8.1f}  {file}")
    terminalreporter.write_line(f"{sum(SECONDS.values()):8.1f}  all {len(SECONDS)} files")


def _spent() -> float:
    """CPU seconds so far: of this process, of those that have ended, and of those that run and what they started."""
    total = sum(os.times()[:4])
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total

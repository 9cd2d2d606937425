"""An `agile` command that goes on beside a test."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.toys.waiting import LONGEST, until


class Command:
    """An `agile` command that goes on beside the test."""

    def __init__(self, home: Path, *words: str) -> None:
        self.log = home.parent / f"{words[0]}.txt"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agile_classifier", *words], env={**os.environ, "AGILE_HOME": str(home)},
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def until(self, words: str) -> str:
        """What stands after the words, once they are said."""

        def find() -> re.Match[str] | None:
            has_ended, found = self.process.poll() is not None, re.search(rf"{words}(\S*)", self.said())
            assert found or not has_ended, self.said()
            return found

        found = until(find, self.said)
        assert found
        return found[1]

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
            self.process.wait(LONGEST)

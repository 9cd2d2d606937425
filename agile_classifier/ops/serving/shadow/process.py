"""Process of a candidate: started, asked and ended by the server; whatever goes wrong with it is one exception."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from agile_classifier.ops.serving.batches import Answer

WORKER = "agile_classifier.ops.serving.shadow.worker"
SECONDS_TO_LOAD, SECONDS_TO_ANSWER = 600.0, 120.0
"""Longest time that a candidate may take to be loaded, and over one batch; then its process is killed."""
SECONDS_TO_END = 5.0
"""Longest wait for the end of a process that has closed its answers."""


class CandidateFailed(Exception):
    """The candidate has raised over a text; its process goes on."""


class CandidateGone(Exception):
    """The candidate's process has ended, was killed for taking too long, or could not load its version."""


class CandidateProcess:
    """A version in a process of its own, which is being loaded at first."""

    def __init__(self, model_name: str, version: str) -> None:
        self.version = version
        self._process = subprocess.Popen(
            [sys.executable, "-m", WORKER, model_name, version],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip
        self._is_ready = False

    def require_ready(self) -> None:
        """Wait until it can be asked.

        Raises
        ------
        CandidateGone
            It cannot be loaded.
        """
        if not self._is_ready and "error" in (told := self._read(SECONDS_TO_LOAD)):
            raise CandidateGone(told["error"])
        self._is_ready = True

    def score(self, texts: Sequence[str]) -> tuple[Answer, float]:
        """Answers, and the time that one text took.

        Raises
        ------
        CandidateFailed, CandidateGone
        """
        try:
            print(json.dumps(list(texts)), file=self._process.stdin, flush=True)
        except OSError:
            raise CandidateGone(self._ending()) from None
        answer = self._read(SECONDS_TO_ANSWER)
        if "error" in answer:
            raise CandidateFailed(answer["error"])
        return answer["rows"], float(answer["seconds"])

    def kill(self) -> None:
        """End the process, whatever it does; who waits for its answer is told that it is gone."""
        self._process.kill()

    def close(self) -> None:
        """End the process, and forget it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was not sent to it yet
                if stream is not None:
                    stream.close()

    def _read(self, seconds: float) -> dict[str, Any]:
        timer = threading.Timer(seconds, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline() if self._process.stdout else ""
        finally:
            timer.cancel()
        if not line.endswith("\n"):
            raise CandidateGone(self._ending())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ending(self) -> str:
        """How the process has ended."""
        try:
            code = self._process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        return f"its process ended by signal {-code}" if code < 0 else f"its process ended with exit code {code}"

"""Worker: the process of a candidate in the shadow, so that nothing that befalls it befalls the server.

    python -m agile_classifier.ops.serving.shadow.worker MODEL VERSION

Reads lines of JSON, a list of texts each, and writes a line for each: `{"rows", "seconds"}`, or `{"error"}`; before
them one that says that it is ready, or why not. It gives way to every other process.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

from agile_classifier.errors import one_line, redact
from agile_classifier.ops.serving.versions import LoadedVersion

NICENESS = 5
"""How far it gives way: the champion has three times its share of a busy processor, and it still gets on."""


def main(model_name: str, version: str) -> None:
    """Answer until there is nothing more to read."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is told to the server, which then ends this
    os.nice(NICENESS)
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a version's code prints is no answer
        try:
            loaded = LoadedVersion(model_name, version)
        except Exception as error:  # whatever a stranger's version raises, the server is told it in a line
            _say(answers, _explain(error))
            return
        _say(answers, {"ready": True})
        for line in sys.stdin:
            _say(answers, _answer(loaded, json.loads(line)))


def _answer(loaded: LoadedVersion, texts: list[str]) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        rows = loaded.score(texts)
    except Exception as error:  # of a stranger's version; the text that it fails over is found by asking one by one
        return _explain(error)
    return {"rows": rows, "seconds": (time.perf_counter() - began) / len(texts)}


def _explain(error: Exception) -> dict[str, Any]:
    return {"error": redact(f"{type(error).__name__}: {one_line(error, longest=200)}")}


def _say(answers: Any, answer: dict[str, Any]) -> None:
    answers.write(f"{json.dumps(answer)}\n")
    answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

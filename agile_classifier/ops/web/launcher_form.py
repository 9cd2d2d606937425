"""Launcher: its server, until it is told to stop. What was launched goes on."""

from __future__ import annotations

import sys
from pathlib import Path

from agile_classifier.ops.engines import require as engines
from agile_classifier.ops.engines import stacks
from agile_classifier.ops.serving.listening import address, listen, read_token, run
from agile_classifier.ops.web.launcher import make_app

TOKEN = "AGILE_LAUNCH_TOKEN"  # noqa: S105  (the name of a variable)


def serve(*, host: str, port: int, token_file: Path | None) -> None:
    """Serve the page until SIGTERM or Ctrl-C.

    Raises
    ------
    InputError
        The port is taken, there is no token beyond loopback, or the active stack's engine cannot take a run.
    """
    token = read_token(token_file, variable=TOKEN)
    with listen(host, port, token=token, variable=TOKEN) as listener:
        stack = stacks.active_stack()
        engines.require_engine(stack)
        run(make_app(token=token), listener, said=f"launcher for the stack {stack.name}: {address(listener)}")
    print("stopped; what was launched goes on", file=sys.stderr)

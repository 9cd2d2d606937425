"""Serving: a registered version over HTTP, by MLflow's contract, until it is told to stop.

`/ping`, `/health`, `/version` and `/invocations` are MLflow's; `/metrics` is Prometheus'. A promotion is followed without a restart.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from agile_classifier.errors import InputError
from agile_classifier.ops.serving.app import ServingApp, ServingLimits
from agile_classifier.ops.serving.batches import Batches
from agile_classifier.ops.serving.listening import address, listen, read_token, run
from agile_classifier.ops.serving.metrics import ServingMetrics
from agile_classifier.ops.serving.versions import Follower, InService, LoadedVersion, find_target

TOKEN = "AGILE_SERVE_TOKEN"  # noqa: S105  (the name of a variable)
SWITCH_SECONDS = 0.0005
"""Longest turn of a thread that only computes in Python: the scoring thread asks for its turn after every product."""


@dataclass(frozen=True)
class ServingOptions:
    """What `agile serve` is asked for."""

    model_name: str | None = None
    version: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    token_file: Path | None = None
    poll_seconds: float = 5.0
    """Between two looks at the alias."""
    shutdown_seconds: int = 30
    """Longest wait for requests under way, once told to stop."""
    limits: ServingLimits = field(default_factory=ServingLimits)


def serve(options: ServingOptions) -> None:
    """Serve until SIGTERM or Ctrl-C; what is under way then is answered first.

    Raises
    ------
    InputError
        No such model, version or alias; the port is taken; another address than loopback without a token.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # a registry that is down is told in seconds
    token = read_token(options.token_file, variable=TOKEN)
    _check_limits(options.limits)
    listener = listen(options.host, options.port, token=token, variable=TOKEN)
    with listener:
        target = find_target(options.model_name, options.version)
        metrics = ServingMetrics()
        in_service = InService(LoadedVersion(target.model_name, target.version), metrics)
        limits = options.limits
        batches = Batches(in_service.score, batch_rows=limits.batch_rows, max_waiting=limits.max_waiting)
        follower = Follower(in_service, target=target, every=options.poll_seconds, metrics=metrics)
        app = ServingApp(batches, limits=limits, metrics=metrics, token=token)
        follower.start()
        followed = f" (follows {target.alias})" if target.alias else ""
        said = f"{target.model_name} version {target.version}{followed} at {address(listener)}"
        sys.setswitchinterval(SWITCH_SECONDS)
        run(app, listener, said=f"serving {said}", shutdown_seconds=options.shutdown_seconds)
        print("agile serve: stopped", file=sys.stderr, flush=True)
        follower.stop()
        batches.close()


def _check_limits(limits: ServingLimits) -> None:
    if limits.max_waiting < limits.max_rows:
        raise InputError(
            f"--max-waiting {limits.max_waiting}: a request may have {limits.max_rows} rows (--max-rows); allow as many"
        )

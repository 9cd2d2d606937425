"""Serving: a registered version over HTTP, by MLflow's contract, until it is told to stop.

`/ping`, `/health`, `/version` and `/invocations` are MLflow's, `/metrics` is Prometheus', `/docs` describes them.
A promotion is followed without a restart.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from agile_classifier.errors import InputError
from agile_classifier.ops.serving.app import ServingLimits, make_app
from agile_classifier.ops.serving.batches import Batches
from agile_classifier.ops.serving.listening import address, listen, read_token, run
from agile_classifier.ops.serving.metrics import ServingMetrics
from agile_classifier.ops.serving.versions import Follower, InService, LoadedVersion, find_target

TOKEN = "AGILE_SERVE_TOKEN"  # noqa: S105  (the name of a variable)
SWITCH_SECONDS = 0.0005
"""Longest turn of a thread that only computes in Python: the scoring thread asks for its turn after every product."""


def serve(
    *,
    model_name: str | None,
    version: str | None,
    host: str,
    port: int,
    token_file: Path | None,
    poll_seconds: float,
    limits: ServingLimits,
) -> None:
    """Serve until SIGTERM or Ctrl-C; what is under way then is answered first.

    Parameters
    ----------
    version : str or None
        Number or alias; None: the champion. An alias is looked up anew every `poll_seconds`.

    Raises
    ------
    InputError
        No such model, version or alias; the port is taken; another address than loopback without a token.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # a registry that is down is told in seconds
    token = read_token(token_file, variable=TOKEN)
    _check_limits(limits)
    with listen(host, port, token=token, variable=TOKEN) as listener:
        target, metrics = find_target(model_name, version), ServingMetrics()
        in_service = InService(LoadedVersion(target.model_name, target.version), metrics)
        batches = Batches(in_service.score, batch_rows=limits.batch_rows, max_waiting=limits.max_waiting)
        follower = Follower(in_service, target=target, every=poll_seconds, metrics=metrics)
        app = make_app(batches, limits=limits, metrics=metrics, token=token)
        follower.start()
        followed = f" (follows {target.alias})" if target.alias else ""
        sys.setswitchinterval(SWITCH_SECONDS)
        said = f"serving {target.model_name} version {target.version}{followed} at {address(listener)}"
        run(app, listener, said=said, limits=limits)
        print("agile serve: stopped", file=sys.stderr, flush=True)
        follower.stop()
        batches.close()


def _check_limits(limits: ServingLimits) -> None:
    if limits.max_waiting < limits.max_rows:
        raise InputError(
            f"--max-waiting {limits.max_waiting}: a request may have {limits.max_rows} rows (--max-rows); allow as many"
        )

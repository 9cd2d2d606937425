"""Serving: a registered version over HTTP, by MLflow's contract, until it is told to stop.

`/ping`, `/health`, `/version` and `/invocations` are MLflow's, `/feedback` takes verdicts, `/metrics` is Prometheus',
`/docs` describes them. A promotion is followed without a restart.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.errors import InputError
from agile_classifier.ops.feedback.marking import make_marker
from agile_classifier.ops.feedback.served import ServedLog
from agile_classifier.ops.feedback.settings import SettingsOf, settings_by
from agile_classifier.ops.feedback.store import open_store
from agile_classifier.ops.feedback.verdicts import VerdictTaker
from agile_classifier.ops.serving.app import ServingLimits, make_app
from agile_classifier.ops.serving.batches import Batches
from agile_classifier.ops.serving.listening import address, listen, read_token, run
from agile_classifier.ops.serving.metrics import ServingMetrics
from agile_classifier.ops.serving.versions import FindMark, Follower, InService, LoadedVersion, Mark, find_target

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
    prediction_ids: bool,
    monitoring: MonitoringConfig | None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; what is under way then is answered first.

    Parameters
    ----------
    version : str or None
        Number or alias; None: the champion. An alias is looked up anew every `poll_seconds`.
    prediction_ids : bool
        Whether each answer is given a `prediction_id` and listed in the store of feedback.
    monitoring : MonitoringConfig or None
        What is marked and kept; None: as the config of each version's own run says.

    Raises
    ------
    InputError
        No such model, version or alias; the port is taken; another address than loopback without a token.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # a registry that is down is told in seconds
    token = read_token(token_file, variable=TOKEN)
    _check_limits(limits)
    with listen(host, port, token=token, variable=TOKEN) as listener:
        target, metrics, settings_of = find_target(model_name, version), ServingMetrics(), settings_by(monitoring)
        log = _open_log(metrics) if prediction_ids else None
        load = partial(LoadedVersion, find_mark=_marks_by(log, settings_of) if log else None)
        in_service = InService(load(target.model_name, target.version), metrics)
        batches = Batches(in_service.score, batch_rows=limits.batch_rows, max_waiting=limits.max_waiting)
        follower = Follower(in_service, target=target, every=poll_seconds, metrics=metrics, load=load)
        verdicts = VerdictTaker(open_store(), keeps_texts=lambda *named: settings_of(*named).keep_texts)
        app = make_app(batches, verdicts, limits=limits, metrics=metrics, token=token)
        follower.start()
        followed = f" (follows {target.alias})" if target.alias else ""
        sys.setswitchinterval(SWITCH_SECONDS)
        said = f"serving {target.model_name} version {target.version}{followed} at {address(listener)}"
        run(app, listener, said=said, limits=limits)
        print("agile serve: stopped", file=sys.stderr, flush=True)
        follower.stop()
        batches.close()
        verdicts.close()
        if log is not None:
            log.close()


def _open_log(metrics: ServingMetrics) -> ServedLog:
    return ServedLog(open_store(), count=lambda result, n: metrics.logged.labels(result).inc(n))


def _marks_by(log: ServedLog, settings_of: SettingsOf) -> FindMark:
    """What finds the mark of a version: ids by its signer in the store, logged as they are given."""

    def find(model_name: str, version: str, columns: Sequence[str]) -> Mark:
        settings = settings_of(model_name, version)
        marker = make_marker(log.store, model_name, version, columns=columns, settings=settings, origin="served")
        return partial(marker.mark, log=log.add)

    return find


def _check_limits(limits: ServingLimits) -> None:
    if limits.max_waiting < limits.max_rows:
        raise InputError(
            f"--max-waiting {limits.max_waiting}: a request may have {limits.max_rows} rows (--max-rows); allow as many"
        )

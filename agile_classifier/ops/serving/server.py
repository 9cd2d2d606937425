"""Serving: registered versions over HTTP, by the contracts of MLflow, OpenAI and Perspective, until told to stop.

`/ping`, `/health`, `/version` and `/invocations` are MLflow's, `/v1/moderations` is OpenAI's,
`/v1alpha1/comments:analyze` Perspective's, `/feedback` takes verdicts, `/metrics` is Prometheus', `/docs` describes
them. A promotion is followed without a restart.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.errors import InputError
from agile_classifier.ops.feedback.marking import make_marker
from agile_classifier.ops.feedback.served import ServedLog
from agile_classifier.ops.feedback.settings import SettingsOf, settings_by
from agile_classifier.ops.feedback.store import open_store
from agile_classifier.ops.feedback.verdicts import VerdictTaker
from agile_classifier.ops.serving.apis.classes import ClassNames
from agile_classifier.ops.serving.app import make_app
from agile_classifier.ops.serving.batches import Batches
from agile_classifier.ops.serving.listening import address, listen, read_token, run
from agile_classifier.ops.serving.metrics import ServingMetrics
from agile_classifier.ops.serving.several.fleet import Fleet
from agile_classifier.ops.serving.several.served import Served
from agile_classifier.ops.serving.several.targets import ModelChoice, describe_targets, find_targets
from agile_classifier.ops.serving.shadow.choice import ShadowChoice, find_shadows
from agile_classifier.ops.serving.shadow.shadowing import Shadows
from agile_classifier.ops.serving.texts import ServingLimits
from agile_classifier.ops.serving.versions import (
    FindMark,
    Follower,
    InService,
    LoadedVersion,
    Mark,
    give_memory_back,
)

TOKEN = "AGILE_SERVE_TOKEN"  # noqa: S105  (the name of a variable)
SWITCH_SECONDS = 0.0005
"""Longest turn of a thread that only computes in Python: the scoring thread asks for its turn after every product."""


def serve(
    *,
    models: ModelChoice,
    host: str,
    port: int,
    token_file: Path | None,
    poll_seconds: float,
    limits: ServingLimits,
    prediction_ids: bool,
    monitoring: MonitoringConfig | None,
    names: ClassNames = ClassNames(),
    shadows: ShadowChoice = ShadowChoice(),
) -> None:
    """Serve until SIGTERM or Ctrl-C; what is under way then is answered first.

    Parameters
    ----------
    models : ModelChoice
        An alias, as that of the champion, is looked up anew every `poll_seconds`.
    prediction_ids : bool
        Whether each answer is given a `prediction_id` and listed in the store of feedback.
    monitoring : MonitoringConfig or None
        What is marked and kept; None: as the config of each version's own run says.
    names : ClassNames
        What classes are called in other interfaces than MLflow's.
    shadows : ShadowChoice
        Which versions are asked too and not heard.

    Raises
    ------
    InputError
        No such model, version, alias or class; a shadow of another task; the port is taken; another address than
        loopback without a token.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # a registry that is down is told in seconds
    token = read_token(token_file, variable=TOKEN)
    _check_limits(limits)
    with listen(host, port, token=token, variable=TOKEN) as listener, ExitStack() as ending:
        targets, metrics, settings_of = find_targets(models), ServingMetrics(), settings_by(monitoring)
        shadow_targets = find_shadows(shadows, targets)
        log = _open_log(metrics) if prediction_ids else None
        if log is not None:
            ending.callback(log.close)
        load = partial(LoadedVersion, find_mark=_marks_by(log, settings_of) if log else None)
        services = {each.model_name: InService(load(each.model_name, each.version), metrics) for each in targets}
        give_memory_back()
        listening = Shadows(shadow_targets, shadows, store=open_store(), metrics=metrics, every=poll_seconds)
        verdicts = VerdictTaker(open_store(), keeps_texts=lambda *named: settings_of(*named).keep_texts)
        ending.callback(verdicts.close)
        fleet = Fleet(services, metrics, hear=listening.hear)
        batches = Batches(fleet.score, batch_rows=limits.batch_rows, max_waiting=limits.max_waiting)
        ending.callback(batches.close)
        app = make_app(Served(services, batches, limits), verdicts, metrics=metrics, token=token, names=names)
        for each in targets:
            follower = Follower(services[each.model_name], target=each, every=poll_seconds, metrics=metrics, load=load)
            follower.start()
            ending.callback(follower.stop)
        listening.start()
        ending.callback(listening.stop)
        sys.setswitchinterval(SWITCH_SECONDS)
        run(app, listener, said=f"serving {describe_targets(targets)} at {address(listener)}", limits=limits)
        print("agile serve: stopped", file=sys.stderr, flush=True)


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

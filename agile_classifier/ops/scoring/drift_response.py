"""Drift response: a batch is looked at by the monitoring pipeline, and what its config says follows.

A warning, a refusal, a training.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zenml import log_metadata

from agile_classifier.config.reading import ReadingOptions
from agile_classifier.config.run import RunConfig
from agile_classifier.environment import home
from agile_classifier.errors import GateRefused
from agile_classifier.evaluation.drift import Drift
from agile_classifier.files import write_whole
from agile_classifier.ops.engines import run as local_runs
from agile_classifier.ops.notifications import DRIFT_FOUND, Notice, tell
from agile_classifier.ops.runs.outputs import output_of
from agile_classifier.ops.scoring import monitoring


@dataclass(frozen=True)
class Seen:
    """Result of the monitoring pipeline, and the response that is asked for where it is drift."""

    sentence: str
    is_drift: bool
    report: Path
    on_drift: str
    model_name: str
    version: str
    run_name: str
    """Name of the monitoring pipeline's run."""
    config: RunConfig | None = None
    """Config that was named in place of the version's own."""


def look(
    file: Path,
    *,
    options: ReadingOptions = ReadingOptions(),
    model_name: str | None,
    on_drift: str | None,
    config: RunConfig | None = None,
) -> Seen:
    """Run the monitoring pipeline on a file, which is scored first where it is not yet.

    Raises
    ------
    InputError
        As `agile_classifier.ops.scoring.monitoring.measure`.
    """
    model_name = model_name or (config.registry.model_name if config else None)
    source = file.absolute()
    scores = monitoring.place_for_scores(source, options)
    version = monitoring.scored_version(source, options) if scores is None else None
    settings = monitoring.settings_of(model_name, version, on_drift=on_drift, config=config)
    run = local_runs.run_here(
        "monitoring", source=str(source), scored_to=str(scores) if scores else None, options=options,
        model_name=model_name, settings=settings,
    )  # fmt: skip
    if scores is not None:
        _say_rejected(output_of(run, "score_file", "scored_file")["n_rejected"])
    found: Drift = output_of(run, "measure_drift", "drift")
    report = home() / "reports" / f"{run.name}.html"
    report.parent.mkdir(exist_ok=True)
    write_whole(report, str(output_of(run, "measure_drift", "drift_report")))
    return Seen(
        found.sentence,
        found.drift,
        report,
        settings.on_drift,
        found.model_name,
        found.model_version,
        run.name,
        config,
    )


def respond(seen: Seen, train: Callable[[RunConfig], Any]) -> None:
    """Respond to drift: send a notice, then warn, refuse or train as the config asks; without drift, do nothing.

    Raises
    ------
    GateRefused
        With `refuse`.
    """
    if not seen.is_drift:
        return
    facts = {"model_name": seen.model_name, "version": seen.version, "run": seen.run_name, "response": seen.on_drift}
    tell(Notice(DRIFT_FOUND, f"{seen.model_name}: {seen.sentence}", facts, about=seen.run_name))
    if seen.on_drift == "refuse":
        raise GateRefused(f"{seen.sentence}; monitoring.on_drift is refuse; {seen.report}")
    print(f"agile: warning: {seen.sentence}", file=sys.stderr, flush=True)
    if seen.on_drift == "train":
        config = seen.config or monitoring.training_config(seen.model_name, seen.version)
        how = "by the config given" if seen.config else f"as version {seen.version} was trained"
        print(f"training {seen.model_name} again, {how}", file=sys.stderr, flush=True)
        run = train(config)
        if run is not None:  # a stack may only have scheduled it
            log_metadata(metadata={"training_run": run.name}, run_id_name_or_prefix=seen.run_name)


def _say_rejected(n_rows: int) -> None:
    if n_rows:
        print(
            f"{n_rows:,} rows could not be scored and are no part of the batch; agile score names them", file=sys.stderr
        )

"""Drift response: a batch, or a version in service, is looked at by the monitoring pipeline, and its config decides.

What follows from drift, and from precision or recall that has fallen by people's verdicts: a warning, a refusal, a
training.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zenml import log_metadata
from zenml.models import PipelineRunResponse

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.config.run import RunConfig
from agile_classifier.environment import home
from agile_classifier.errors import GateRefused, InputError
from agile_classifier.evaluation.drift import Drift
from agile_classifier.evaluation.quality import Quality
from agile_classifier.files import write_whole
from agile_classifier.ops.engines import run as local_runs
from agile_classifier.ops.notifications import DECAY_FOUND, DRIFT_FOUND, Notice, tell
from agile_classifier.ops.runs.outputs import output_of
from agile_classifier.ops.scoring import monitoring, scored_batch
from agile_classifier.ops.scoring.parts import monitor
from agile_classifier.ops.scoring.parts.listing import is_many


@dataclass(frozen=True)
class Seen:
    """Result of the monitoring pipeline, and the response that is asked for where it is drift."""

    sentence: str
    is_drift: bool
    report: Path
    """Page of the drift."""
    on_drift: str
    model_name: str
    version: str
    run_name: str
    """Name of the monitoring pipeline's run."""
    config: RunConfig | None = None
    """Config that was named in place of the version's own."""
    quality: str = ""
    """What verdicts and probabilities tell of precision and recall."""
    is_decay: bool = False
    quality_report: Path | None = None
    on_decay: str = "warn"


def look(
    file: Path | str | None,
    *,
    options: ReadingOptions = ReadingOptions(),
    model_name: str | None,
    on_drift: str | None,
    on_decay: str | None = None,
    config: RunConfig | None = None,
    stack: str | None = None,
) -> Seen:
    """Run the monitoring pipeline on a file, which is scored first where it is not yet, or on what was served.

    Parameters
    ----------
    file : Path, str or None
        None: what the champion has served, and the verdicts on it. A folder or prefix: the parts that were scored into
        it.
    stack : str, optional
        The stack that reads such parts; by default the active one.

    Raises
    ------
    InputError
        As `agile_classifier.ops.scoring.monitoring.measure`.
    """
    model_name = model_name or (config.registry.model_name if config else None)
    if file is not None and is_many(str(file)):
        of = monitor.ScoredPlace.of(str(file), model_name=model_name)
        settings = monitoring.settings_of(
            of.scored.model_name, of.scored.version, on_drift=on_drift, on_decay=on_decay, config=config
        )
        run = monitor.run_on_parts(of, options=options, settings=settings, stack=stack)
        return _seen(run, "measure_parts", settings, config)
    if stack is not None:
        raise InputError("--stack: goes with a folder or prefix of scored parts; a file is looked at here")
    source = Path(file).absolute() if file else None
    scores = monitoring.place_for_scores(source, options) if source else None
    version = scored_batch.scored_version(source, options) if source and scores is None else None
    settings = monitoring.settings_of(model_name, version, on_drift=on_drift, on_decay=on_decay, config=config)
    run = local_runs.run_here(
        "monitoring", source=str(source) if source else None, scored_to=str(scores) if scores else None,
        options=options, model_name=model_name, settings=settings,
    )  # fmt: skip
    if scores is not None:
        _say_rejected(output_of(run, "score_file", "scored_file")["n_rejected"])
    return _seen(run, "measure_drift" if source else "measure_served", settings, config)


def _seen(run: PipelineRunResponse, step: str, settings: MonitoringConfig, config: RunConfig | None) -> Seen:
    """What a run has found; of quality nothing where it ran without verdicts at hand."""
    found: Drift = output_of(run, step, "drift")
    seen = Seen(
        found.sentence,
        found.drift,
        _write_report(run.name, str(output_of(run, step, "drift_report"))),
        settings.on_drift,
        found.model_name,
        found.model_version,
        run.name,
        config,
        on_decay=settings.on_decay,
    )
    if "measure_quality" not in run.steps:
        return seen
    quality: Quality = output_of(run, "measure_quality", "quality")
    report = _write_report(f"{run.name}-quality", str(output_of(run, "measure_quality", "quality_report")))
    return replace(seen, quality=quality.sentence, is_decay=quality.decay, quality_report=report)


def respond(seen: Seen, train: Callable[[RunConfig], Any]) -> None:
    """Respond to drift and decay: send notices, then warn, refuse or train as the config asks; without either, nothing.

    Raises
    ------
    GateRefused
        With `refuse`.
    """
    about = {"model_name": seen.model_name, "version": seen.version, "run": seen.run_name}
    found = [(DRIFT_FOUND, seen.sentence, seen.on_drift)] if seen.is_drift else []
    found += [(DECAY_FOUND, seen.quality, seen.on_decay)] if seen.is_decay else []
    for kind, sentence, response in found:
        facts = {**about, "response": response}
        tell(Notice(kind, f"{seen.model_name}: {sentence}", facts, about=seen.run_name))
    if seen.is_drift and seen.on_drift == "refuse":
        raise GateRefused(f"{seen.sentence}; monitoring.on_drift is refuse; {seen.report}")
    for _, sentence, _ in found:
        print(f"agile: warning: {sentence}", file=sys.stderr, flush=True)
    if any(response == "train" for *_, response in found):
        _train_again(seen, train)


def _train_again(seen: Seen, train: Callable[[RunConfig], Any]) -> None:
    config = seen.config or monitoring.config_to_train_again(seen.model_name, seen.version)
    how = "by the config given" if seen.config else f"as version {seen.version} was trained"
    print(f"training {seen.model_name} again, {how}", file=sys.stderr, flush=True)
    run = train(config)
    if run is not None:  # a stack may only have scheduled it
        log_metadata(metadata={"training_run": run.name}, run_id_name_or_prefix=seen.run_name)


def _write_report(name: str, page: str) -> Path:
    report = home() / "reports" / f"{name}.html"
    report.parent.mkdir(exist_ok=True)
    write_whole(report, page)
    return report


def _say_rejected(n_rows: int) -> None:
    if n_rows:
        print(
            f"{n_rows:,} rows could not be scored and are no part of the batch; agile score names them", file=sys.stderr
        )

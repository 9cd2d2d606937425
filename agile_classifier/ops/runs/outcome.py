"""Outcome: what a training run prints at the terminal, while it goes and at its end."""

from __future__ import annotations

import logging
import shlex
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from zenml.enums import ExecutionStatus
from zenml.models import PipelineRunResponse

from agile_classifier.data.label_and_split import Labelling
from agile_classifier.ending import is_told
from agile_classifier.environment import home
from agile_classifier.evaluation.contenders import Evaluation, in_words
from agile_classifier.evaluation.ensemble.figures import MEMBERS
from agile_classifier.evaluation.reports.page import state_decision, take_from_frame
from agile_classifier.files import write_whole
from agile_classifier.ops.runs.links import describe_version, run_address
from agile_classifier.ops.runs.outputs import output_of
from agile_classifier.training.history import History

SHOWN_METRICS = ("f1", "roc_auc", "pr_auc", "accuracy", "precision", "recall", "brier")
CONTENDERS = {
    "candidate": "best checkpoint",
    "last": "last checkpoint",
    **{name: name.replace("_", " ") for name in MEMBERS},
    "frozen": "frozen + LR",
    "tfidf": "TF-IDF + LR",
    "majority": "majority",
}
STEP_LOGGERS = (
    "zenml.orchestrators.step_launcher",
    "zenml.orchestrators.step_run_utils",
    "zenml.orchestrators.local_docker.local_docker_orchestrator",
)
"""ZenML's loggers that report a step's start, its reuse, and what a step in a container prints."""


class HideExplainedErrors(logging.Filter):
    """Logging filter that drops what ZenML says of an error or an end which the command line reports itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a log record is shown."""
        return not record.exc_info and not is_told()


def say_steps() -> None:
    """Let ZenML log which step starts or is reused, without tracebacks of errors that the command line reports."""
    for name in STEP_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
    for handler in logging.getLogger().handlers:
        handler.addFilter(HideExplainedErrors())


def show(run: PipelineRunResponse, *, model_name: str) -> str:
    """Print steps, metrics, decision and where to look; returns the number of the version.

    Raises
    ------
    RuntimeError
        The run did not succeed: an engine that runs steps elsewhere tells of it by the run's status alone.
    """
    if not run.status.is_successful:
        unfinished = [
            f"{name} {step.status.value}" for name, step in run.steps.items() if not step.status.is_successful
        ]
        raise RuntimeError(
            f"run {run.name}: {run.status.value}, {', '.join(unfinished) or 'no step was begun'}; the logs of the "
            "engine say why"
        )
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 110, highlight=False)
    steps = run.steps  # ZenML asks its store for all of them, each time
    reused = [name for name, step in steps.items() if step.status == ExecutionStatus.CACHED]
    ran = [name for name in steps if name not in reused]
    console.print(f"\nreused: {', '.join(reused) or 'nothing'}\nran:    {', '.join(ran) or 'nothing'}")
    evaluation, labelling = output_of(run, "evaluate", "evaluation"), output_of(run, "label_and_split", "labelling")
    console.print(_sentence(labelling))
    console.print(_changed_texts(evaluation))
    console.print(_table(evaluation))
    decision = output_of(run, "promote", "promotion_decision")
    console.print(decision.reason)
    history = History.model_validate(steps["fine_tune"].run_metadata["training"])
    earlier = " in the run that is reused" if "fine_tune" in reused else ""
    console.print(f"training took {history.costs}{earlier}")
    for number, member in enumerate(evaluation.members, start=1):
        console.print(f"member {number}: {member.words}")
    version, mlflow_run = output_of(run, "register", "model_version"), output_of(run, "fine_tune", "mlflow_run_id")
    console.print(f"model {model_name} version {version}; MLflow run {mlflow_run}; ZenML run {run.name}")
    console.print(f"report: {write_report(run, model_name=model_name)}", soft_wrap=True)
    return str(version)


def summarise(run: PipelineRunResponse) -> str:
    """Say in a few words what became of a finished training's version, for `agile schedule list`."""
    version, decision = output_of(run, "register", "model_version"), output_of(run, "promote", "promotion_decision")
    if decision.promote:
        return f"version {version} is promoted"
    if decision.evidence.champion == version:
        return f"nothing new: version {version} is the champion already"
    asked = decision.policy.approval == "person"
    return f"version {version} is for a person to decide on" if asked else f"version {version} is not promoted"


def say_next(
    run: PipelineRunResponse, *, model_name: str, asked: PipelineRunResponse | None, has_champion: bool
) -> None:
    """Print what to do next: answer, look at the run's page, and use the champion.

    Parameters
    ----------
    asked : PipelineRunResponse or None
        The promotion run, where a person decides.
    """
    steps = []
    if asked is not None and asked.status == ExecutionStatus.PAUSED:
        steps += [(f"agile approve {asked.name}", "or agile reject: a person decides on the version")]
    steps += [("agile ui", f"shows steps, report and versions; this run: {run_address(run)}")]
    if has_champion:
        steps += [(f'agile score "…" --model {shlex.quote(model_name)}', "asks the champion")]
    width = max(len(command) for command, _ in steps)
    for number, (command, purpose) in enumerate(steps):
        print(f"{'' if number else 'next:':6}{command:{width}}  {purpose}")


def show_promotion(run: PipelineRunResponse) -> bool:
    """Print the outcome of a promotion run, or how to answer its question; returns whether there is a new champion."""
    if run.status == ExecutionStatus.PAUSED:
        print(
            f"run {run.name} waits for a person: `agile approve {run.name}` or `agile reject {run.name}`, or its card "
            "on ZenML's dashboard"
        )
        return False
    if run.status == ExecutionStatus.STOPPED:
        print(f"run {run.name}: a person said no")
        return False
    if not run.status.is_successful:
        raise RuntimeError(f"run {run.name}: {run.status.value}; the logs of the engine say why")
    decision = _decision_of(run)
    print(decision.reason)
    return bool(decision.promote)


def write_report(run: PipelineRunResponse, *, model_name: str, decided: PipelineRunResponse | None = None) -> str:
    """Save a copy of the report, with the decision, that a browser can open; returns its path.

    Parameters
    ----------
    decided : PipelineRunResponse, optional
        The promotion run that has decided, where a person was asked.
    """
    decision = _decision_of(decided or run)
    facts = describe_version(model_name, output_of(run, "register", "model_version"))
    path = home() / "reports" / f"{run.name}.html"
    path.parent.mkdir(exist_ok=True)
    page = take_from_frame(str(output_of(run, "evaluate", "report")))
    write_whole(path, state_decision(page, decision.reason, facts))
    return str(path)


def _decision_of(run: PipelineRunResponse) -> Any:
    """The decision on a promotion that a training or a promotion run has come to."""
    made_by = {"promote": "promotion_decision", "conclude_promotion": "promotion_outcome"}
    steps = run.steps
    return next(output_of(run, step, artifact) for step, artifact in made_by.items() if step in steps)


def _sentence(labelling: Labelling) -> str:
    rows = ", ".join(f"{facts.n_rows} {part}" for part, facts in labelling.parts.items())
    threshold = labelling.label_threshold
    origin = f" ({labelling.origin})" if labelling.origin else ""
    tied = f"{labelling.n_ties} scores tie with it"
    cut = "" if threshold is None else f"; label threshold {threshold:.4g}{origin}, {tied}"
    unlabelled = f", {labelling.n_unlabelled} without a label left out" if labelling.n_unlabelled else ""
    duplicates = "" if labelling.duplicates is None else f"\nduplicates: {labelling.duplicates.sentence}"
    raters = "" if labelling.raters is None else f"\nraters: {labelling.raters.sentence}"
    return f"rows: {rows}, {labelling.n_unused} in no part{unlabelled}{cut}{duplicates}{raters}"


def _changed_texts(evaluation: Evaluation) -> str:
    kinds = {"cut": evaluation.n_cut, "escaped": evaluation.n_escaped}
    return "; ".join(
        f"texts {kind}: {in_words(counts) if any(counts.values()) else 'none'}" for kind, counts in kinds.items()
    )


def _table(evaluation: Evaluation) -> Table:
    shown = {name: title for name, title in CONTENDERS.items() if name in evaluation.metrics}
    table = Table(title=f"{evaluation.n_test} test rows, 95 % bootstrap intervals")
    table.add_column("metric")
    for title in shown.values():
        table.add_column(title, justify="right")
    for metric in SHOWN_METRICS:
        low, high = evaluation.intervals["candidate"][metric]
        cells = [f"{evaluation.metrics[name][metric]:.3f}" for name in shown]
        table.add_row(metric, f"{cells[0]} [{low:.3f}, {high:.3f}]".replace("[", "\\["), *cells[1:])
    return table

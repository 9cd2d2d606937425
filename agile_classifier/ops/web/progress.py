"""Progress: how far the run of a launch has come, its steps from ZenML and its losses from MLflow."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mlflow import MlflowClient
from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.models import PipelineRunResponse

from agile_classifier.ops.runs import links, liveness
from agile_classifier.ops.runs.links import ZENML_RUN_NAME
from agile_classifier.ops.web.launches import GOING, Launch

STEPS = {
    "ingest": "read the texts",
    "ingest_base_model": "fetch the base model",
    "ingest_start": "bring the classifier that it goes on from",
    "keep_threshold": "find where scores were cut before",
    "validate": "check the texts",
    "label_and_split": "label them, and keep some back for the test",
    "fine_tune": "train",
    "evaluate": "judge it on texts that it has not seen",
    "register": "register the version",
    "promote": "compare it with the one in service",
}
"""Step of a training → what it does, in their order."""
CURVES = {"train_loss": "train", "validation_loss": "validation"}
"""Metric of MLflow → part that it is of."""
WAITING = "waiting"
STATES = {
    ExecutionStatus.COMPLETED: "done",
    ExecutionStatus.CACHED: "reused",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.STOPPED: "stopped",
}
"""Status of a step → what a page calls it; any other is `running`."""
BAR = re.compile(r"^fine_tune: [^\n]*\| (\d{1,9})/(\d{1,9}) \[[\d:]+<([\d:]+)[^\n]*\s*\Z", re.MULTILINE)
"""Last line of an output in which a training says how far it is."""
WIDTH, HEIGHT, MARGIN = 600, 180, 12
"""Size of the drawing of the losses, in its own units."""


@dataclass(frozen=True)
class StepSeen:
    """A step of a run."""

    name: str
    does: str
    state: str
    """`waiting`, `running`, `done`, `reused`, `failed` or `stopped`."""


@dataclass(frozen=True)
class Curve:
    """A loss, epoch by epoch."""

    part: str
    """`train` or `validation`."""
    losses: tuple[float, ...]
    points: str
    """Points of a line in the drawing, as SVG writes them."""


@dataclass(frozen=True)
class Bar:
    """How far a training is within its epochs."""

    done: int
    """Training steps that are done."""
    of: int
    """All of them."""
    left: str
    """Time that is left, as the training says it: `01:20`."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    steps: tuple[StepSeen, ...] = ()
    curves: tuple[Curve, ...] = ()
    address: str | None = None
    """Address of the run on ZenML's dashboard; None before it exists."""

    @property
    def is_whole(self) -> bool:
        """Whether every step has ended well."""
        return bool(self.steps) and all(step.state in ("done", "reused") for step in self.steps)

    @property
    def sentence(self) -> str:
        """For who hears the page: the step that runs, and the newest loss."""
        running = next((step for step in self.steps if step.state == "running"), None)
        if self.is_whole:
            return "All steps are done. Where a person decides, the page of the classifier asks."
        if running is None:
            return ""
        at = [step.name for step in self.steps].index(running.name) + 1
        losses = "; ".join(f"{curve.part} loss {curve.losses[-1]:.3f}" for curve in self.curves if curve.losses)
        return f"Step {at} of {len(self.steps)}: {running.does}{f'; {losses}' if losses else ''}."


def read_progress(launch: Launch) -> Progress:
    """How far the run of a launch has come; nothing is known before its process has said the run's name."""
    if launch.run_name is None:
        return Progress()
    if launch.state != GOING:
        liveness.settle_dead_runs()
    try:
        run = Client().get_pipeline_run(launch.run_name, allow_name_prefix_match=False)
    except KeyError:
        return Progress()
    return Progress(_look_at_steps(run), read_curves(launch.run_name), links.run_address(run))


def read_bar(output: str) -> Bar | None:
    """The last training bar of an output; None where there is none, or more was said since.

    >>> read_bar("Step `fine_tune` has started.\\nfine_tune:  20%|##  | 9/44 [00:20<01:20,  2.29s/step, loss=0.7]")
    Bar(done=9, of=44, left='01:20')
    """
    found = BAR.search(output)
    return Bar(int(found[1]), int(found[2]), found[3]) if found else None


def read_curves(run_name: str) -> tuple[Curve, ...]:
    """The losses that the training of a run has logged so far."""
    client = MlflowClient()
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(experiments, f"tags.`{ZENML_RUN_NAME}` = '{run_name}'") if experiments else []
    if not found:
        return ()
    logged = {part: _read_losses(client, found[0].info.run_id, metric) for metric, part in CURVES.items()}
    highest = max((loss for losses in logged.values() for loss in losses), default=0.0)
    return tuple(Curve(part, losses, draw(losses, highest=highest)) for part, losses in logged.items() if losses)


def draw(losses: Sequence[float], *, highest: float) -> str:
    """Points of a line through the losses, from left to right, 0 at the bottom.

    >>> draw([1.0, 0.5], highest=1.0)
    '12.0,12.0 588.0,90.0'
    """
    step = (WIDTH - 2 * MARGIN) / max(len(losses) - 1, 1)
    scale = (HEIGHT - 2 * MARGIN) / (highest or 1.0)
    places = ((MARGIN + number * step, HEIGHT - MARGIN - loss * scale) for number, loss in enumerate(losses))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _read_losses(client: MlflowClient, run_id: str, metric: str) -> tuple[float, ...]:
    """The newest finite value of each step of the training, in their order."""
    logged = {point.step: point.value for point in client.get_metric_history(run_id, metric)}
    return tuple(logged[step] for step in sorted(logged) if math.isfinite(logged[step]))


def _look_at_steps(run: PipelineRunResponse) -> tuple[StepSeen, ...]:
    """All steps of a run in the order of a training, those that have not begun among them."""
    begun = run.steps
    known = run.snapshot.step_configurations if run.snapshot is not None else {}
    order = list(STEPS)
    names = sorted({*begun, *known}, key=lambda name: order.index(name) if name in order else len(order))
    return tuple(
        StepSeen(
            name=name,
            does=STEPS.get(name, name.replace("_", " ")),
            state=STATES.get(begun[name].status, "running") if name in begun else WAITING,
        )
        for name in names
    )

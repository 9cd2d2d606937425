"""Monitor: the drift of scored parts as a ZenML run, on this machine or on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from zenml.models import PipelineRunResponse

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.data.fetch.places import Place
from agile_classifier.errors import InputError
from agile_classifier.evaluation.drift import Drift
from agile_classifier.ops.engines.run import on_active_stack
from agile_classifier.ops.engines.stacks import IN_PODS, used_stack
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.contents import version_files
from agile_classifier.ops.scoring.monitoring import compare_batch, read_reference
from agile_classifier.ops.scoring.parts.run import require_reachable
from agile_classifier.ops.scoring.parts.sample import Scored, as_batch, make_tasks, read_manifest
from agile_classifier.ops.scoring.reading import DEFAULT_COLUMN, Remembered

PODS = 32
"""Pods that read scored parts at the same time."""


@dataclass(frozen=True)
class ScoredPlace:
    """A place whose drift is measured, and by which version it was scored."""

    place: Place
    scored: Scored

    @classmethod
    def of(cls, address: str, *, model_name: str | None) -> ScoredPlace:
        """The place that a manifest describes; raises InputError where another model scored, or the version is gone."""
        place = Place(address)
        scored = read_manifest(place)
        if model_name is not None and model_name != scored.model_name:
            raise InputError(f"{address}: was scored by {scored.model_name}, not by --model {model_name}")
        registry.find_version(scored.model_name, scored.version, is_alias=False)
        return cls(place, scored)


def run_on_parts(
    of: ScoredPlace, *, options: ReadingOptions, settings: MonitoringConfig, stack: str | None
) -> PipelineRunResponse:
    """Run the pipeline `monitoring_parts`; returns its record.

    Raises
    ------
    InputError
        The stack cannot take it, a part is not as it was written, or there are fewer rows than `monitoring.min_rows`.
    """
    scored = of.scored
    whose = f"{scored.model_name} version {scored.version}"
    remembered = Remembered.of_config(version_files.read_config(scored.model_name, scored.version), whose=whose)
    spec = version_files.read_spec(scored.model_name, scored.version)
    if scored.n_rows < settings.min_rows:
        raise InputError(
            f"{scored.address}: {scored.n_rows} rows; fewer than monitoring.min_rows ({settings.min_rows}) tell nothing"
        )
    with used_stack(stack) as chosen:
        require_reachable(chosen, of.place)
        in_pods = chosen.flavor("orchestrator") in IN_PODS
        column = options.column or remembered.column or DEFAULT_COLUMN
        tasks = make_tasks(
            scored, options=options, column=column, class_names=spec.class_names, several=spec.several,
            n=PODS if in_pods else 1,
        )  # fmt: skip
        with on_active_stack("monitoring_parts") as (pipeline, _):
            run: PipelineRunResponse | None = pipeline(
                scored=scored,
                tasks=[task.model_dump(mode="json") for task in tasks],
                settings=settings,
                in_pods=in_pods,
            )
    if run is None or not run.status.is_successful:
        raise RuntimeError(f"stack {chosen.name}: the run has not ended well; the logs of the engine say why")
    return run


def measure(samples: Sequence[pd.DataFrame], scored: Scored, settings: MonitoringConfig) -> tuple[Drift, str]:
    """Drift of what samples stand for, with its page."""
    files = version_files.read_files(scored.model_name, scored.version)
    reference = read_reference(files.adapter, scored.model_name, scored.version)
    batch = as_batch(samples, reference.class_names, several=reference.several, source=scored.address)
    found, page = compare_batch(
        batch, reference, files, name=scored.model_name, settings=settings, title=_title(scored, batch.sample.n),
        source=scored.address,
    )  # fmt: skip
    return found, page


def _title(scored: Scored, n: int) -> str:
    parts = f"{len(scored.parts)} parts of {scored.address}"
    return parts if n == scored.n_rows else f"{parts}, {n:,} of {scored.n_rows:,} rows"

"""Pruning: what old runs left behind and nothing rests on any more.

A model version with an alias stays for ever, with the MLflow run, logged model and ZenML run that it rests on. So does
whatever a run that stays would reuse: a reused step names an MLflow run, and that run's versions, by number.
Verdicts stay, and served predictions that have one; so does what a registered candidate answered in the shadow of a
champion that may still judge it, and a file that was brought to the launcher while anything names it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from agile_classifier.ops.engines import equal_training
from agile_classifier.ops.feedback.served import OldPredictions
from agile_classifier.ops.feedback.store import open_store
from agile_classifier.ops.promotion.shadow.old_pairs import list_old_pairs
from agile_classifier.ops.registry import logged_models
from agile_classifier.ops.runs import liveness
from agile_classifier.ops.runs.checkpoint_store import list_stored, remove_stored
from agile_classifier.ops.scoring.parts.job import half_done
from agile_classifier.ops.state import locks
from agile_classifier.ops.state.home import checkpoints
from agile_classifier.ops.upkeep import prune_launcher as launcher_side
from agile_classifier.ops.upkeep import prune_mlflow as mlflow_side
from agile_classifier.ops.upkeep import prune_zenml as zenml_side
from agile_classifier.ops.upkeep.leftover import Leftover, count_bytes, last_written
from agile_classifier.ops.upkeep.prune_mlflow import TrainingRun, Version
from agile_classifier.ops.upkeep.prune_zenml import PipelineRun

PAUSED = "paused"
"""Status of a ZenML run whose process is over, and which goes on once a person has answered."""


@dataclass(frozen=True)
class Choice:
    """The pipeline runs, versions and MLflow runs that a prune removes."""

    pipeline_runs: tuple[PipelineRun, ...]
    versions: tuple[Version, ...]
    training_runs: tuple[TrainingRun, ...]


def prune(*, days: int, dry_run: bool) -> Iterator[str]:
    """Remove what is older than `days` and unused; yields a line for each thing, then the total.

    A dry run yields the same lines and changes nothing.
    """
    before = datetime.now(UTC) - timedelta(days=days)
    pipeline_runs = zenml_side.read_pipeline_runs()
    versions, training_runs = mlflow_side.read_versions(), mlflow_side.read_training_runs()
    choice = choose(pipeline_runs, versions, training_runs, before=before, named_by=zenml_side.mlflow_runs_named_by)
    settled = {} if dry_run else liveness.settle_dead_runs()
    yield from _dead_runs(pipeline_runs, settled, besides=choice.pipeline_runs, dry_run=dry_run)
    n_bytes = n_things = 0
    for leftover in _leftovers(choice, pipeline_runs, versions, training_runs, before=before):
        if not dry_run and leftover.remove() is False:
            yield f"kept  {leftover.kind} {leftover.name}: came into use"
            continue
        yield f"{'would go' if dry_run else 'removed'}  {leftover.kind} {leftover.name}  {_size(leftover.n_bytes)}"
        n_bytes, n_things = n_bytes + leftover.n_bytes, n_things + 1
    yield f"{n_things} things older than {days} days, {_size(n_bytes)}{'; nothing was changed' if dry_run else ''}"


def choose(
    pipeline_runs: Sequence[PipelineRun],
    versions: Sequence[Version],
    training_runs: Sequence[TrainingRun],
    *,
    before: datetime,
    named_by: Callable[[Iterable[PipelineRun]], frozenset[str]],
) -> Choice:
    """Choose the runs and versions that are older than `before` and that nothing kept depends on.

    `named_by` returns the ids of the MLflow runs that given pipeline runs refer to.
    """
    staying = {version.name: version for version in versions if version.has_alias or version.created >= before}
    made_staying = {version.zenml_run for version in staying.values()}
    over = {run.id: run for run in pipeline_runs if run.is_over and run.used < before and run.id not in made_staying}
    named = named_by([run for run in pipeline_runs if run.id not in over])
    staying |= {version.name: version for version in versions if version.run_id in named}
    needed = named | {version.run_id for version in staying.values()} | _under_way(pipeline_runs, training_runs)
    return Choice(
        pipeline_runs=tuple(over.values()),
        versions=tuple(version for version in versions if version.name not in staying),
        training_runs=tuple(run for run in training_runs if run.used < before and run.id not in needed),
    )


def _under_way(pipeline_runs: Iterable[PipelineRun], training_runs: Iterable[TrainingRun]) -> frozenset[str]:
    """Ids of the MLflow runs that a training may still be writing to."""
    unfinished = {run.id for run in pipeline_runs if not run.is_over}
    return frozenset(run.id for run in training_runs if run.says_running and run.zenml_run in unfinished)


def _dead_runs(
    runs: Sequence[PipelineRun], settled: Mapping[str, str], *, besides: Sequence[PipelineRun], dry_run: bool
) -> Iterator[str]:
    """Say which runs did not end; `settled` maps those whose process was dead to what ZenML says of them now."""
    going = {run.id for run in besides}
    for run in runs:
        since = f"{run.status} since {run.used:%Y-%m-%d %H:%M} UTC"
        if run.is_finished or run.status == PAUSED or run.id in going:
            continue
        if not run.is_over:
            yield (
                f"kept  ZenML run {run.name}: {since}; not known to be dead (if it is: `zenml pipeline runs delete "
                f"{run.name}`)"
            )
            continue
        marked = "would be marked" if dry_run else "marked"
        yield f"{marked} {settled.get(run.name, 'failed')}  ZenML run {run.name}: {since}, but its process is dead"


def _leftovers(
    choice: Choice, pipeline_runs: Sequence[PipelineRun], versions: Sequence[Version],
    training_runs: Sequence[TrainingRun], *, before: datetime,
) -> Iterator[Leftover]:  # fmt: skip
    """List what to remove, referrers first, so that an interrupted prune leaves no dangling reference."""
    going = {each.id for each in choice.pipeline_runs} | {version.name for version in choice.versions}
    staying_runs = [run for run in pipeline_runs if run.id not in going]
    staying_versions = [version for version in versions if version.name not in going]
    old_launches = launcher_side.choose_launches(staying_runs, before=before)
    yield from launcher_side.list_old_launches(old_launches)
    models: set[str] = set()
    for version in choice.versions:
        folder = logged_models.find_folder(version.logged_model) if version.logged_model else None
        models |= {version.logged_model} if version.logged_model else set()
        yield Leftover("model version", version.name, count_bytes(folder), partial(mlflow_side.remove_version, version))
    for run in choice.training_runs:
        for model, folder in logged_models.list_folders(run.id).items():
            if model not in models:
                yield Leftover("logged model", model, count_bytes(folder), partial(logged_models.remove, model))
        yield Leftover("MLflow run", run.name, count_bytes(run.folder), partial(mlflow_side.remove_run, run))
    yield from _zenml_leftovers(choice.pipeline_runs, pipeline_runs)
    yield from _old_checkpoints(pipeline_runs, training_runs, before=before)
    yield from _half_scored(before)
    yield from _old_predictions(before)
    yield from _old_comparisons(before, without=going)
    yield from launcher_side.list_old_uploads(staying_versions, staying_runs, old_launches, before=before)


def _half_scored(before: datetime) -> Iterator[Leftover]:
    """List parts of folders whose scoring was cut short and never gone on with."""
    for folder in sorted(half_done().glob("*")):
        if last_written(folder) < before:
            yield Leftover("half-scored parts", folder.name, count_bytes(folder), partial(shutil.rmtree, folder))


def _old_predictions(before: datetime) -> Iterator[Leftover]:
    """List the served predictions that nobody gave a verdict on, as one thing; verdicts and what they are on stay."""
    store = open_store()
    old = OldPredictions(store, before=int(before.timestamp()))
    if old.n:
        yield Leftover("served predictions", f"{old.n:,} without a verdict in {store.shown}", old.n_bytes, old.remove)
    store.close()


def _old_comparisons(before: datetime, *, without: Set[str]) -> Iterator[Leftover]:
    """List what candidates answered in the shadow and is no evidence on promotion any more, a pair at a time."""
    store = open_store()
    for old in list_old_pairs(store, before=int(before.timestamp()), without=without):
        pair = old.pair
        name = (
            f"{old.n:,} of {pair.model_name} version {pair.candidate} in the shadow of champion {pair.champion}"
            f" in {store.shown}"
        )
        yield Leftover("shadow comparisons", name, old.n_bytes, old.remove)
    store.close()


def _zenml_leftovers(over: Sequence[PipelineRun], pipeline_runs: Sequence[PipelineRun]) -> Iterator[Leftover]:
    going = {run.id for run in over}
    used = {used_id for run in pipeline_runs if run.id not in going for used_id in run.uses}
    artifacts = {artifact.id: artifact for run in over for artifact in run.wrote if artifact.id not in used}
    for run in over:
        yield Leftover("ZenML run", run.name, count_bytes(run.report), partial(zenml_side.remove_run, run))
    for artifact in artifacts.values():
        name = f"{artifact.name} {artifact.id}"
        yield Leftover("artifact", name, count_bytes(artifact.folder), partial(zenml_side.remove_artifact, artifact))


def _old_checkpoints(
    pipeline_runs: Sequence[PipelineRun], training_runs: Sequence[TrainingRun], *, before: datetime
) -> Iterator[Leftover]:
    """List checkpoints of abandoned trainings, here and in the artifact store.

    A training under way keeps its own, however old.
    """
    under_way = _under_way(pipeline_runs, training_runs)
    open_keys = {run.training_key for run in training_runs if run.id in under_way}
    for folder in sorted(checkpoints().glob("*")):
        if folder.name in open_keys or locks.is_held(equal_training.lock_name(folder.name)):
            continue
        if last_written(folder) < before:
            yield Leftover("checkpoints", folder.name, count_bytes(folder), partial(shutil.rmtree, folder))
    young_keys = {run.training_key for run in training_runs if run.used >= before}
    for stored in list_stored():
        is_old = stored.written < before if stored.written else stored.key not in young_keys
        is_open = stored.key in open_keys or locks.is_held(equal_training.lock_name(stored.key))
        if is_old and not is_open:
            yield Leftover("stored checkpoints", stored.address, stored.n_bytes, partial(remove_stored, stored.address))


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 100_000 else f"{n_bytes:,} bytes"

"""fine_tune: train, validation, base_model → adapter, mlflow_run_id."""

from typing import Annotated

import pandas as pd
from zenml import log_metadata, step

from agile_classifier.config.ensemble.members import require_members
from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.data.label_and_split import Labelling
from agile_classifier.errors import InputError
from agile_classifier.models.starts.folder import read_starts
from agile_classifier.ops.engines.equal_training import wait_for_equal
from agile_classifier.ops.runs import tracking
from agile_classifier.ops.runs.caching import on_reached_files
from agile_classifier.ops.runs.checkpoint_store import open_checkpoints
from agile_classifier.ops.runs.materializers import Folder, FolderMaterializer
from agile_classifier.ops.runs.outputs import log_data
from agile_classifier.ops.state.home import scratch


@step(cache_policy=on_reached_files(__name__), output_materializers={"adapter": FolderMaterializer})
def fine_tune(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    base_model: Folder,
    labelling: Labelling,
    model: ModelConfig,
    settings: FineTuneConfig,
    experiment: str,
    normalize: tuple[str, ...] = (),
    start: Folder | None = None,
) -> tuple[Annotated[Folder, "adapter"], Annotated[str, "mlflow_run_id"]]:
    """Tune a LoRA adapter and a head on the frozen base model; goes on where a killed training stood.

    The adapter starts at that of `start`, where there is one. Of an ensemble (`model.members`) the members are tuned
    one after the other, each on its own base model, into one adapter; the start is the first one's.

    Where another run does the same at this moment, wait for its result.
    """
    from agile_classifier.models.hardware import choose_devices
    from agile_classifier.training.ensemble import Means, describe_members, train_members
    from agile_classifier.training.history import History
    from agile_classifier.training.trainer import Hooks

    if model.start_from is not None and start is None:
        raise InputError(
            f"model.start_from {model.start_from}: this pipeline was compiled without the step ingest_start, which"
            " brings it; compile a config that names a start"
        )
    devices = choose_devices(settings.devices, device=settings.device, batch_size=settings.batch_size)
    members = describe_members(
        require_members(model, settings), base=base_model.path, class_names=labelling.class_names,
        several=labelling.several, normalize=normalize, start=start.path if start else None,
        starts=read_starts(start.path) if start else (),
    )  # fmt: skip
    tuned = [(member.planned, member.spec) for member in members]
    key = tracking.training_key(train, validation, tuned, experiment=experiment, n_devices=devices.n)
    if (trained := wait_for_equal(key)) is not None:
        return trained.adapter, trained.mlflow_run_id
    adapter, checkpoints = scratch(), open_checkpoints(key)
    with tracking.training_run(experiment, key=key, starts=members[0].spec.starts) as mlflow_run_id:
        log_data()
        tracking.log_settings({"model": model, "fine_tune": settings}, labelling=labelling)
        checkpoints.fetch()
        hooks, price = Hooks(tracking.log_epoch, checkpoints.keep), tracking.price_per_hour()
        means = Means(checkpoints.folder, hooks, devices, price)
        train_members({"train": train, "validation": validation}, members, means, output=adapter)
        checkpoints.remove()
        log_metadata({"training": tracking.log_history(History.load(adapter))})
    return Folder(adapter), mlflow_run_id

"""Models to serve together: copies of a trained version whose adapters differ, each a registered model of its own."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

STD = 0.02
"""Standard deviation of what is added to a copy's adapter and head, so that no two answer alike."""


def register_copies(model_name: str, version: str, *, n: int) -> list[str]:
    """Register so many copies of a version, each champion of a model of its own; returns the models' names."""
    import mlflow
    from mlflow import MlflowClient

    from agile_classifier.models.decision import Decision
    from agile_classifier.ops.registry.contents.version_files import read_files
    from agile_classifier.ops.registry.packing import log_classifier
    from agile_classifier.ops.registry.versions import CHAMPION, create_version

    client, files = MlflowClient(), read_files(model_name, version)
    run_id = client.get_model_version(model_name, version).run_id
    names = [f"{model_name}-{number}" for number in range(n)]
    for number, name in enumerate(names):
        with tempfile.TemporaryDirectory() as scratch, mlflow.start_run(run_id=run_id):
            adapter = _copy(files.adapter, Path(scratch) / "classifier", seed=number)
            uri = log_classifier(adapter, base=files.base, decision=Decision.load(files.adapter), learnt_from=[])
        made = create_version(name, model_uri=uri, run_id=run_id, tags={}, description="a copy, for a benchmark")
        client.set_registered_model_alias(name, CHAMPION, made)
    return names


def _copy(adapter: Path, folder: Path, *, seed: int) -> Path:
    shutil.copytree(adapter, folder)
    generator = torch.Generator().manual_seed(seed)
    for file in sorted((folder / "best").glob("*.safetensors")):
        tensors = load_file(file).items()
        noisy = {name: values + STD * torch.randn(values.shape, generator=generator) for name, values in tensors}
        save_file(noisy, file, metadata={"format": "pt"})
    return folder

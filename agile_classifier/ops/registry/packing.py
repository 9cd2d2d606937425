"""Packing: a tuned classifier as MLflow keeps it, with its card, and as anyone who loads it elsewhere gets it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from numpy.typing import NDArray

from agile_classifier.data.duplicates.learnt import SKETCH_FILE
from agile_classifier.evaluation.drift_sample import DriftSample
from agile_classifier.evaluation.reports.model_card import CARD_FILE
from agile_classifier.metrics.bands import DECISION
from agile_classifier.models.decision import Decision
from agile_classifier.models.ensemble.members import is_network, list_member_folders, list_networks
from agile_classifier.models.spec import PROBABILITY, SPEC_FILE, TOKENIZER_FOLDER, ClassifierSpec
from agile_classifier.ops.registry.scoring_code import write_scoring_code
from agile_classifier.ops.registry.versions import LEARNT_FILE, TESTED_FILE

REQUIREMENTS = (
    "torch", "transformers", "peft", "bitsandbytes", "accelerate", "safetensors", "numpy", "pandas", "scikit-learn",
    "scipy",
    "requests", "tqdm", "filelock", "ftfy", "gguf", "huggingface-hub", "mlflow",
)  # fmt: skip
"""What scoring needs, installed at the very versions of training."""
FOR_CONFUSABLES = "confusable-homoglyphs"
"""What a version needs beside that folds letters which look alike (`data.normalize`)."""
SCORE = """
import json, sys
from pathlib import Path
import pandas as pd
from mlflow.pyfunc import load_model
model_uri, given, answered = sys.argv[1:]
rows = pd.DataFrame(json.loads(Path(given).read_text(encoding="utf-8")))
scored = load_model(model_uri, suppress_warnings=True).predict(rows)
Path(answered).write_text(json.dumps(scored.to_dict("list")), encoding="utf-8")
"""
"""Program that scores a file of texts with a logged model, of which it knows nothing but its folder.

`mlflow models predict` does the same, after it has loaded MLflow's servers.
"""


def log_classifier(
    adapter: Path,
    *,
    base: Path | None,
    decision: Decision,
    learnt_from: Iterable[str],
    tested_on: Iterable[str] = (),
    reference: DriftSample | None = None,
    card: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Log a classifier to the active MLflow run, not yet as a version; returns its model URI.

    Parameters
    ----------
    base : Path or None
        The base model's folder, or that of an ensemble's base models, to be kept inside; None keeps the pinned
        reference.
    learnt_from : iterable of str
        Digests of the train and validation texts, so that a later comparison can leave them out.
    tested_on : iterable of str
        Digests of the test texts, so that a later comparison can tell which rows have come since.
    reference : DriftSample, optional
        What later batches are compared with.
    card : str, optional
        The model card, kept beside the adapter.
    tags : mapping, optional
        Tags of the logged model, written as it is made.
    """
    spec = ClassifierSpec.load(adapter)
    with tempfile.TemporaryDirectory() as scratch:
        folder = _pack(adapter, Path(scratch) / "classifier", decision=decision)
        for name, digests in {LEARNT_FILE: learnt_from, TESTED_FILE: tested_on}.items():
            (folder / name).write_text(json.dumps(sorted(set(digests))), encoding="utf-8")
        if reference is not None:
            reference.save(folder)
        if card is not None:
            (folder / CARD_FILE).write_text(card, encoding="utf-8")
        artifacts = {"classifier": str(folder), **({"base_model": str(base)} if base else {})}
        code = write_scoring_code(Path(scratch) / "code")
        with warnings.catch_warnings(), code.importable():
            warnings.filterwarnings("ignore", message=".*input example was not provided")  # the signature is given
            info = mlflow.pyfunc.log_model(
                name="classifier",
                python_model=str(code.model_file),
                artifacts=artifacts,
                code_paths=[str(code.package)],
                signature=_signature(spec.class_names, has_bands=decision.bands is not None),
                tags=dict(tags or {}),
                pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in _requirements(spec)],
            )
    return str(info.model_uri)


def score_in_fresh_process(model_uri: str, texts: Sequence[str], *, class_names: Sequence[str]) -> NDArray[np.float64]:
    """Probabilities of shape (n, n_classes) as anyone gets them who loads the logged model elsewhere."""
    with tempfile.TemporaryDirectory() as scratch:
        given, answered = Path(scratch) / "input.json", Path(scratch) / "output.json"
        given.write_text(json.dumps({"text": list(texts)}), encoding="utf-8")
        model = mlflow.artifacts.download_artifacts(model_uri)
        command = [sys.executable, "-c", SCORE, model, str(given), str(answered)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=scratch)
        if done.returncode:
            raise RuntimeError(f"the logged model {model_uri} cannot be loaded and scored:\n{done.stderr}")
        frame = pd.DataFrame(json.loads(answered.read_text(encoding="utf-8")))
    return frame[[f"{PROBABILITY}{name}" for name in class_names]].to_numpy(dtype="float64")


def _pack(adapter: Path, folder: Path, *, decision: Decision) -> Path:
    """What scoring needs of an adapter: of each network the best checkpoint, of a linear machine all."""
    for network in list_networks(adapter):
        place = folder / network.relative_to(adapter)
        for part in ("best", TOKENIZER_FOLDER):
            shutil.copytree(network / part, place / part)
        shutil.copy2(network / SPEC_FILE, place)
    for member in list_member_folders(adapter).values():
        if not is_network(member):
            shutil.copytree(member, folder / member.relative_to(adapter))
    if (adapter / SKETCH_FILE).is_file():
        shutil.copy2(adapter / SKETCH_FILE, folder)
    decision.save(folder)
    return folder


def _requirements(spec: ClassifierSpec) -> tuple[str, ...]:
    return (*REQUIREMENTS, FOR_CONFUSABLES) if "confusables" in spec.normalize else REQUIREMENTS


def _signature(class_names: Sequence[str], *, has_bands: bool) -> ModelSignature:
    probabilities = [ColSpec(DataType.double, f"{PROBABILITY}{name}") for name in class_names]
    bands = [ColSpec(DataType.string, DECISION)] if has_bands else []
    return ModelSignature(
        inputs=Schema([ColSpec(DataType.string, "text")]),
        outputs=Schema([ColSpec(DataType.string, "label"), *probabilities, *bands]),
    )

"""Files of an adapter as an estimator keeps them, and the parameters that they record."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agile_classifier.config.training import ModelConfig
from agile_classifier.errors import InputError
from agile_classifier.files import tree_digest
from agile_classifier.models.decision import DECISION_FILE, Decision
from agile_classifier.models.ensemble.bases import find_bases
from agile_classifier.models.ensemble.members import is_network, read_specs
from agile_classifier.models.spec import SPEC_FILE, TOKENIZER_FOLDER, ClassifierSpec


def list_parts(checkpoint: str) -> tuple[str, ...]:
    """What a network needs of its folder to answer by one of its checkpoints."""
    return SPEC_FILE, TOKENIZER_FOLDER, checkpoint


def read_member(folder: Path) -> dict[str, Any]:
    """A member of an ensemble as `model.members` says it, as far as its folder records it."""
    if not is_network(folder):
        return {"kind": "tfidf_svm"}
    found = read_parameters(ClassifierSpec.load(folder))
    model = {"source": found["base_model"]} | {name: found[name] for name in found if name in ModelConfig.model_fields}
    return {"model": model, "fine_tune": read_lora(folder)}


def read_parameters(spec: ClassifierSpec) -> dict[str, Any]:
    """Parameters that a specification records; label tokens have a prompt, and no pooling to choose."""
    head: dict[str, Any] = {"pooling": spec.pooling}
    if spec.prompt:
        prompt = {name: value for name, value in asdict(spec.prompt).items() if name != "questions"}  # the labels are
        head = {"head": "label_tokens", "prompt": prompt}
    return {
        "base_model": spec.base_source,
        "sha256": spec.base_sha256,
        "revision": spec.base_revision,
        "quantization": spec.quantization,
        "max_length": spec.max_length,
        "normalize": spec.normalize,
        **head,
    }


def read_lora(adapter: Path) -> dict[str, Any]:
    """Parameters that PEFT records; for `all-linear` it keeps the names that it found."""
    written = json.loads((adapter / "best" / "adapter_config.json").read_text(encoding="utf-8"))
    return {
        "rank": written["r"],
        "alpha": written["lora_alpha"],
        "dropout": written["lora_dropout"],
        "target_modules": tuple(sorted(written["target_modules"])),
    }


def read_decision(adapter: Path) -> Decision:
    """Decision of a registered version; without cut and bands where `fine_tune` alone wrote the folder."""
    return Decision.load(adapter) if (adapter / DECISION_FILE).is_file() else Decision(decision_threshold=None)


def read_files(adapter: Path, *parts: Path) -> dict[str, bytes]:
    """Contents by path below the adapter's folder."""
    files = [file for part in parts for file in (part, *part.rglob("*")) if file.is_file()]
    return {str(file.relative_to(adapter)): file.read_bytes() for file in files}


def require_same_bases(base: Path, adapter: Path) -> None:
    """Raise InputError where a base model's folder is not what its network was trained on."""
    for folder, spec in zip(find_bases(adapter, base), read_specs(adapter), strict=True):
        if (digest := tree_digest(folder)) != spec.base_digest:
            raise InputError(
                f"base model {spec.base_source}: digest is {digest}, the adapter was trained on {spec.base_digest}"
            )

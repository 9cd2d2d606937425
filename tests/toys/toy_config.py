"""A config on the tiny model that learns `tiny_examples` in seconds, for tests that run the whole pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def make_sections(data: Path, model: Path, *, name: str, epochs: int = 15) -> dict[str, dict[str, Any]]:
    """Sections of a config: examples with `id`, `text` and `score`, and the name of the registered model.

    The head starts at random, so that a training of few or tiny steps has learnt nothing.
    """
    return {
        "data": {"source": str(data), "columns": {"text": "text", "score": "score", "id": "id"}},
        "validation": {"min_rows": 20, "min_class_rows": 5, "score_min": -10, "score_max": 10},
        "split": {"train": 70, "validation": 10, "test": None},
        "model": {"source": str(model), "max_length": 32, "pooling": "mean"},
        "fine_tune": {"epochs": epochs, "rank": 4, "learning_rate": 1e-2, "batch_size": 8, "head_start": "random"},
        "evaluation": {"n_resamples": 100},
        "promotion": {"min_rows": 10},
        "registry": {"model_name": name},
    }


def write_config(file: Path, sections: dict[str, dict[str, Any]]) -> Path:
    """Write sections as the YAML of a run; returns the file."""
    file.write_text(yaml.safe_dump({"parameters": sections}), encoding="utf-8")
    return file

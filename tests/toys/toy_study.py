"""A small study over configs on the tiny model."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml


def write_study(folder: Path, *, base: Path, examples: pd.DataFrame) -> Path:
    """Write configs, one of whose data is not there, and a study over them, at `studies/toy.yaml`, which is returned."""
    examples.to_csv(folder / "examples.csv", index=False)
    config = {
        "data": {"source": str(folder / "examples.csv"), "columns": {"text": "text", "score": "score", "id": "id"}},
        "split": {"train": 70, "validation": 10, "test": 40},
        "model": {"source": str(base), "max_length": 32},
        "fine_tune": {"epochs": 1, "rank": 4, "learning_rate": 1e-2, "batch_size": 8},
        "registry": {"model_name": "toy"},
    }
    missing = {**config, "data": {**config["data"], "source": str(folder / "nowhere.csv")}}
    (folder / "studies").mkdir()
    for name, parameters in {"toy": config, "broken": missing}.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"parameters": parameters}), encoding="utf-8")
    study = {
        "title": "A toy",
        "reference": "tfidf",
        "sizes": [40, 70],
        "splits": [0, 1],
        "contenders": {
            "majority": {"config": "toy", "baseline": "majority"},
            "tfidf": {"config": "toy", "baseline": "tfidf", "title": "TF-IDF"},
            "frozen": {"config": "toy", "baseline": "frozen", "sizes": [70], "splits": [0]},
            "tuned": {"config": "toy", "sizes": [70], "splits": [0], "set": {"fine_tune.rank": 2}},
            "broken": {"config": "broken", "baseline": "tfidf", "sizes": [70], "splits": [0]},
        },
        "published": [{"name": "Somebody", "source": "a paper", "size": 70, "roc_auc": 0.9}],
    }
    file = folder / "studies" / "toy.yaml"
    file.write_text(yaml.safe_dump({"study": study}), encoding="utf-8")
    return file

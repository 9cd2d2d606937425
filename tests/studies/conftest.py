"""What the tests of studies share: a small study over configs on the tiny model."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml


@pytest.fixture(scope="module")
def study_folder(tiny_model: Path, tiny_examples: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of configs, with one on the tiny model and one whose data is not there, and a study over them."""
    folder = tmp_path_factory.mktemp("study")
    tiny_examples.to_csv(folder / "examples.csv", index=False)
    config = {
        "data": {"source": str(folder / "examples.csv"), "columns": {"text": "text", "score": "score", "id": "id"}},
        "split": {"train": 70, "validation": 10, "test": 40},
        "model": {"source": str(tiny_model), "max_length": 32},
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
    (folder / "studies" / "toy.yaml").write_text(yaml.safe_dump({"study": study}), encoding="utf-8")
    return folder

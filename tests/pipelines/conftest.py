"""A state folder of the tests' own, and a pipeline on a toy model; ZenML and MLflow are the real ones."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.config.run import RunConfig
from agile_classifier.ops.promotion import gate as promotion


@pytest.fixture(scope="module", autouse=True)
def only_the_majority_is_to_beat() -> Iterator[None]:
    """On a toy's few words TF-IDF is hard to beat; that no baseline may be better is tested on `decide` itself."""
    patch = pytest.MonkeyPatch()
    patch.setattr(promotion, "FIRST_COMPARATORS", ("majority",))
    patch.setattr(promotion, "_other_baselines", lambda evidence: {})
    yield
    patch.undo()


@pytest.fixture(scope="session")
def config_of(state_folder: Path, tiny_model: Path, tiny_examples: pd.DataFrame) -> Callable[..., RunConfig]:
    """A config on the toy model and a CSV; keyword arguments replace fields, `section__field=value`."""

    def build(data: Path, name: str, **fields: Any) -> RunConfig:
        if not data.exists():
            tiny_examples.to_csv(data, index=False)
        sections: dict[str, dict[str, Any]] = {
            "data": {"source": str(data), "columns": {"text": "text", "score": "score", "id": "id"}},
            "validation": {"min_rows": 20, "min_class_rows": 5, "score_min": -10, "score_max": 10},
            "split": {"train": 70, "validation": 10, "test": None},
            "model": {"source": str(tiny_model), "max_length": 32},
            "fine_tune": {"epochs": 15, "rank": 4, "learning_rate": 1e-2, "batch_size": 8},
            "evaluation": {"n_resamples": 100},
            "promotion": {"min_rows": 10},
            "registry": {"model_name": name},
        }
        for path, value in fields.items():
            section, _, field = path.partition("__")
            sections.setdefault(section, {}).update({field: value} if field else value)
        return RunConfig.model_validate(sections)

    return build

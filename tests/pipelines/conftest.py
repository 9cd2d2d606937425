"""A state folder of the tests' own, and a pipeline on a toy model; ZenML and MLflow are the real ones."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.config.run import RunConfig
from agile_classifier.ops.promotion import gate as promotion
from tests.toys.toy_config import make_sections


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
        sections = make_sections(data, tiny_model, name=name)
        for path, value in fields.items():
            section, _, field = path.partition("__")
            sections.setdefault(section, {}).update({field: value} if field else value)
        return RunConfig.model_validate(sections)

    return build

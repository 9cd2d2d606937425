"""Whole trainings on files whose columns bear the project's own words, and whose labels are written as people do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agile_classifier.config.run import RunConfig
from tests.conftest import BLAME, FILLERS, PRAISE

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]

ConfigOf = Callable[..., RunConfig]
OURS = {"target": "score", "weight": "score", "label": "id", "part": "id", "probability": "score", "index": "id"}
"""Names that the project has for columns of its own → what the file holds under them."""


def train(config: RunConfig) -> Any:
    """Run the pipeline; returns ZenML's record of it."""
    from pipelines.training import training

    return training(**{section: getattr(config, section) for section in RunConfig.model_fields})


def output(record: Any, step: str, name: str) -> Any:
    return record.steps[step].outputs[name][0].load()


@pytest.fixture
def told_apart() -> pd.DataFrame:
    """120 rows of `id`, `text`, `score` and `answer`, the whole number 1 for praise and 0 for blame."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(120):
        words = [*rng.choice(PRAISE if number % 2 else BLAME, 3), *rng.choice(FILLERS, rng.integers(2, 12))]
        text = " ".join(rng.permutation(words))
        rows.append({"id": str(number), "text": text, "score": round(rng.random(), 2), "answer": number % 2})
    return pd.DataFrame(rows)


def test_a_class_column_called_target_trains_the_class_it_names_whatever_else_is_called_as_ours(
    config_of: ConfigOf, told_apart: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "target.jsonl"
    names = {name: told_apart[held] for name, held in OURS.items()}
    frame = pd.DataFrame(
        {"text": told_apart["text"], **names, "target": told_apart["answer"], "score": ["x", "y"] * 60}
    )
    frame.to_json(path, orient="records", lines=True)
    config = config_of(
        path,
        "target",
        data__columns={"text": "text"},
        labels={"rule": "given", "columns": "target", "names": ["1", "0"]},
        evaluation__slices=["weight", "score"],
        fine_tune__epochs=4,
    )
    record = train(config)
    evaluation = output(record, "evaluate", "evaluation")
    assert evaluation.metrics["candidate"]["roc_auc"] > 0.9
    assert evaluation.metrics["candidate"]["roc_auc"] > evaluation.metrics["tfidf"]["roc_auc"] - 0.1
    assert output(record, "label_and_split", "labelling").class_names == ("1", "0")
    assert "score x" in output(record, "evaluate", "report")


def test_codes_with_names_and_rows_without_a_label_train_and_are_told(
    config_of: ConfigOf, told_apart: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from agile_classifier.ops.runs.outcome import show

    path = tmp_path / "codes.csv"
    answers = told_apart["answer"].map({1: "1.0", 0: "0"})
    answers[::10] = ["", "-99"] * 6
    told_apart.assign(answer=answers).to_csv(path, index=False)
    config = config_of(
        path,
        "codes",
        data__columns={"text": "text"},
        split={},
        fine_tune__epochs=4,
        labels={
            "rule": "given", "columns": "answer", "names": {1: "Praise", 0: "Blame"}, "fold": True, "not_rated": [-99],
            "unlabelled": "leave_out",
        },
    )  # fmt: skip
    record = train(config)
    labelling = output(record, "label_and_split", "labelling")
    assert (labelling.class_names, labelling.n_unlabelled) == (("Praise", "Blame"), 12)
    assert output(record, "evaluate", "evaluation").metrics["candidate"]["roc_auc"] > 0.9
    show(record, model_name="codes")
    assert "12 without a label" in capsys.readouterr().out
    assert "rows without a label, left out" in output(record, "evaluate", "report")

"""An ensemble through the steps: two base models in one artifact, one version of two networks, champion and back again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.ensemble.members import list_members
from agile_classifier.config.evaluation import EvaluationConfig
from agile_classifier.config.run import RegistryConfig, RunConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.data.label_and_split import label_and_split
from agile_classifier.files import tree_digest
from agile_classifier.models.ensemble.bases import list_bases, list_pins

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]

NAME = "together"
TUNING = FineTuneConfig(epochs=2, rank=2, learning_rate=1e-2, batch_size=8)


@pytest.fixture(scope="module")
def parts(tiny_examples: pd.DataFrame) -> Any:
    """The examples, labelled and split."""
    labels = LabelsConfig(rule="value", value=0.5, names=("Blame", "Praise"))
    made = label_and_split(tiny_examples, labels, SplitConfig(train=70, validation=10, test=40))
    return SimpleNamespace(**made.parts, labelling=made.labelling)


@pytest.fixture(scope="module")
def make(run_step: Callable[..., dict[str, Any]], parts: Any, tiny_model: Path) -> Callable[..., Any]:
    """Train, judge and register a network and its members; gives the version with what the steps made."""
    from steps.training.evaluate import evaluate
    from steps.training.fine_tune import fine_tune
    from steps.training.ingest_base_model import ingest_base_model
    from steps.training.register import register

    def make(*members: dict[str, Any], include_base: bool = False) -> Any:
        model = ModelConfig(source=str(tiny_model), quantization="none", max_length=32, members=members)
        first, *further = list_bases(list_pins(list_members(model, TUNING)))
        base = ingest_base_model(*first, tuple(map(tuple, further)))
        tuned = run_step(fine_tune, parts.train, parts.validation, base, parts.labelling, model, TUNING, NAME)
        settings, examples = EvaluationConfig(n_resamples=100), (parts.train, parts.validation, parts.test)
        asked = (tuned["mlflow_run_id"], settings, "A toy", "roc_auc")
        judged = run_step(evaluate, tuned["adapter"], base, *examples, parts.labelling, [], *asked)
        data = {"source": "toy.csv", "columns": {"text": "text", "score": "score"}}
        sections = {"data": data, "model": model, "fine_tune": TUNING, "registry": {"model_name": NAME}}
        config = RunConfig.model_validate(sections).model_dump(mode="json")
        version = register(
            tuned["adapter"], base, judged["evaluation"], judged["test_scores"], parts.train, parts.validation,
            parts.labelling, tuned["mlflow_run_id"], RegistryConfig(model_name=NAME, include_base=include_base), config,
        )  # fmt: skip
        return SimpleNamespace(version=str(version), base=base, **tuned, **judged)

    return make


def test_an_ensemble_on_two_base_models_is_one_version_that_may_give_way_to_a_single_network_and_come_back(
    make: Callable[..., Any], tiny_model: Path, tiny_language_model: Path
) -> None:
    from mlflow import MlflowClient

    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.registry import history
    from agile_classifier.ops.registry.contents import version_files
    from agile_classifier.ops.registry.loading import load_classifier
    from agile_classifier.ops.registry.scorer import Scorer

    prompt = {"labels": ["no", "yes"]}
    asked = {"source": str(tiny_language_model), "head": "label_tokens", "max_length": 64, "prompt": prompt}
    ensemble = make({"model": asked, "fine_tune": {"epochs": 1}}, {"kind": "tfidf_svm"}, include_base=True)
    assert [tree_digest(ensemble.base.path / place) for place in ("1", "2")] == [
        tree_digest(tiny_model), tree_digest(tiny_language_model),
    ]  # fmt: skip
    assert {"member_1", "member_2", "member_3"} <= set(ensemble.evaluation.metrics)
    assert "member 3 of the ensemble" in ensemble.report
    run = MlflowClient().get_run(ensemble.mlflow_run_id)
    assert {"member_2_test_f1", "training_member_3_seconds", "member_1_rows_per_second"} <= run.data.metrics.keys()
    texts = list(ensemble.test_scores["text"])
    own = Scorer(NAME, ensemble.version)(texts)["probability_Praise"]
    assert own.to_numpy() == pytest.approx(ensemble.test_scores["candidate_1"].to_numpy(), abs=0.02)
    assert load_classifier(f"models:/{NAME}/{ensemble.version}").predict_proba(texts)[:, 1] == pytest.approx(own)
    card = (version_files.read_files(NAME, ensemble.version).adapter / "README.md").read_text(encoding="utf-8")
    assert "first of 3 members of an ensemble" in card
    alone = make()
    assert tree_digest(alone.base.path) == tree_digest(tiny_model)
    single = Scorer(NAME, alone.version)(texts)["probability_Praise"]
    assert np.array_equal(single, load_classifier(f"models:/{NAME}/{alone.version}").predict_proba(texts)[:, 1])
    for number, before in ((ensemble.version, None), (alone.version, ensemble.version)):
        event = history.Event(history.PROMOTED, number, number, by="a person", reason="a test")
        assert champions.promote(event, model_name=NAME, expected=before)
    assert np.array_equal(load_classifier(f"models:/{NAME}@champion").predict_proba(texts)[:, 1], single)
    assert champions.roll_back(NAME, reason="a test").champion == ensemble.version
    assert np.array_equal(load_classifier(f"models:/{NAME}@champion").predict_proba(texts)[:, 1], own)

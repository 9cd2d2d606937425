"""Several labels through the steps: a version is made, judged by each label, promoted, scored with and watched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agile_classifier.config.evaluation import EvaluationConfig, MonitoringConfig, PromotionConfig
from agile_classifier.config.labels.limits import LabelLimits
from agile_classifier.config.moderation.decision import BandsConfig, DecisionConfig
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.config.run import RegistryConfig, RunConfig
from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.data.label_and_split import label_and_split
from agile_classifier.data.tables import kept_column
from agile_classifier.errors import InputError
from agile_classifier.evaluation.bands import choose_independent
from agile_classifier.label_sets import part_labels, write_labels
from agile_classifier.ops.promotion import gate
from tests.conftest import BLAME, PRAISE

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]

Outputs = dict[str, Any]
Run = Callable[..., Outputs]
NAME, LABELS = "several", ("Praise", "Blame")
BANDS = DecisionConfig(bands=BandsConfig(precision=0.9, miss_rate=0.5, confidence=0.5))
TUNING = FineTuneConfig(epochs=15, rank=4, learning_rate=1e-2, batch_size=8)
SECTIONS = {
    "data": {"source": "toy.csv", "columns": {"text": "text"}},
    "labels": {"rule": "many", "columns": ["praise", "blame"], "names": list(LABELS)},
    "split": {"train": 60, "validation": 20, "test": 40},
    "model": {"source": "toy"},
    "fine_tune": TUNING,
    "registry": {"model_name": NAME},
}
CONFIG = RunConfig.model_validate(SECTIONS)


@pytest.fixture(scope="module")
def parts(tiny_examples: pd.DataFrame) -> Any:
    words = [set(text.split()) for text in tiny_examples["text"]]
    columns = {"praise": PRAISE, "blame": BLAME}
    kept = {kept_column(name): [int(bool(each & set(told))) for each in words] for name, told in columns.items()}
    made = label_and_split(tiny_examples.drop(columns="score").assign(**kept), CONFIG.labels, CONFIG.split)
    return SimpleNamespace(**made.parts, labelling=made.labelling)


@pytest.fixture(scope="module")
def made(state_folder: Path, run_step: Run, parts: Any, tiny_model: Path) -> Any:
    """A version of several labels: adapter, evaluation with its page, and its number."""
    from steps.training.evaluate import evaluate
    from steps.training.fine_tune import fine_tune
    from steps.training.ingest_base_model import ingest_base_model
    from steps.training.register import register

    base, model = ingest_base_model(str(tiny_model), None, None), ModelConfig(source=str(tiny_model), max_length=32)
    tuned = run_step(fine_tune, parts.train, parts.validation, base, parts.labelling, model, TUNING, NAME)
    settings, run_id = EvaluationConfig(n_resamples=100, calibration="platt"), tuned["mlflow_run_id"]
    examples = (parts.train, parts.validation, parts.test, parts.labelling)
    judged = run_step(evaluate, tuned["adapter"], base, *examples, [], run_id, settings, "A toy", "roc_auc", BANDS)
    asked = (parts.train, parts.validation, parts.labelling, run_id, RegistryConfig(model_name=NAME), CONFIG.recorded)
    number = register(tuned["adapter"], base, judged["evaluation"], judged["test_scores"], *asked)
    return SimpleNamespace(**judged, version=str(number), run_id=run_id, adapter=tuned["adapter"].path)


def decide(made: Any, **limits: Any) -> gate.PromotionDecision:
    from agile_classifier.ops.promotion.compare import judge

    policy = PromotionConfig(min_rows=10, **limits)
    return judge(
        model_name=NAME, candidate=made.version, evaluation=made.evaluation, test_scores=made.test_scores,
        settings=policy,
    )  # fmt: skip


def test_an_evaluation_holds_each_label_and_their_mean(made: Any) -> None:
    evaluation = made.evaluation
    assert list(evaluation.labels) == list(LABELS)
    for who in evaluation.metrics:
        areas = [one.metrics[who]["roc_auc"] for one in evaluation.labels.values()]
        assert evaluation.metrics[who]["roc_auc"] == pytest.approx(np.mean(areas))
    assert evaluation.metrics["candidate"]["roc_auc"] > 0.8
    assert evaluation.decision_threshold == tuple(one.decision_threshold for one in evaluation.labels.values())
    flat = evaluation.flat()
    assert flat["worst_label_test_f1"] == min(flat[f"label_{name}_test_f1"] for name in LABELS)


def test_the_page_shows_the_mean_and_marks_the_worst_label(made: Any) -> None:
    page = str(made.report)
    worst = min(LABELS, key=lambda name: made.evaluation.labels[name].metrics["candidate"]["roc_auc"])
    assert f"The worst label is “{worst}”" in page
    assert "Each label" in page
    assert page.count("<svg") >= 3 + 2 * len(LABELS)


def test_a_version_says_what_it_finds_and_answers_with_a_list_of_labels(made: Any, parts: Any) -> None:
    from mlflow import MlflowClient

    from agile_classifier.ops.registry.scorer import Scorer

    described = MlflowClient().get_model_version(NAME, made.version).description
    assert described.startswith("Finds Praise, Blame.")
    assert "the worst is" in described
    answers = Scorer(NAME, made.version)(list(parts.test["text"]))
    assert list(answers.columns) == ["label", "probability_Praise", "probability_Blame", "decision"]
    probability = answers.iloc[:, 1:3].to_numpy()
    said = probability >= np.array(made.evaluation.decision_threshold)
    assert list(answers["label"]) == [write_labels(LABELS, row) for row in said]
    assert probability == pytest.approx(made.test_scores[["candidate_0", "candidate_1"]].to_numpy(), abs=1e-3)


def test_an_estimator_of_a_version_predicts_its_table(made: Any, parts: Any) -> None:
    from agile_classifier.ops.registry.loading import load_classifier

    loaded = load_classifier(f"models:/{NAME}/{made.version}")
    texts = list(parts.test["text"])
    assert loaded.predict_proba(texts) == pytest.approx(
        made.test_scores[["candidate_0", "candidate_1"]].to_numpy(), abs=1e-3
    )
    assert loaded.predict(texts).shape == (len(texts), 2)


def test_texts_are_released_by_their_largest_probability_and_nothing_is_removed_on_so_few_rows(
    made: Any, parts: Any
) -> None:
    from agile_classifier.ops.registry.loading import load_classifier

    bands = made.evaluation.banding.bands
    assert (bands.class_number, bands.several, bands.removal.is_kept, bands.release.is_kept) == (
        None,
        True,
        False,
        True,
    )
    page = str(made.report)
    assert "Decided without a person" in page
    assert "at most 0.5 of all texts that carry any label are among them" in page
    loaded = load_classifier(f"models:/{NAME}/{made.version}")
    texts = list(parts.test["text"])
    decided, largest = loaded.decide(texts), loaded.predict_proba(texts).max(axis=1)
    assert set(decided) == {"release", "review"}
    judged = decided[choose_independent(parts.test, by_group=bands.by_group)]
    assert (judged == "release").sum() == made.evaluation.banding.on_test.released.k
    assert largest[decided == "release"].mean() < largest[decided == "review"].mean()


def test_the_gate_counts_what_is_decided_without_a_person_by_any_label(made: Any) -> None:
    (limit, *others) = (
        limit
        for limit in decide(made, min_automation=0.001).evidence.limits
        if "person" in limit.what or "miss rate" in limit.what
    )
    assert limit.is_kept
    assert limit.what.startswith("the lower end of its share of texts decided without a person")
    assert "texts that carry any label are released" in others[0].what


def test_the_gate_refuses_by_the_worst_label_and_names_it(made: Any) -> None:
    refused = decide(made, labels=LabelLimits(least=0.9999))
    assert not refused.promote
    assert "on its worst label" in refused.reason


def test_a_version_scores_a_file_which_is_evaluated_watched_and_queued(
    made: Any, parts: Any, run_step: Run, tmp_path: Path
) -> None:
    from agile_classifier.ops.scoring import gold, queue
    from steps.scoring.measure_drift import measure_drift
    from steps.scoring.score_file import score_file

    present = part_labels(parts.test["label"], 2)
    texts = parts.test[["id", "text"]].assign(praise=present[:, 0], blame=present[:, 1])
    texts.to_csv(tmp_path / "texts.csv", index=False)
    output, reading = tmp_path / "scored.csv", ReadingOptions(column="text")
    asked = (str(tmp_path / "texts.csv"), str(output), reading, None, NAME, made.version, True, False)
    facts = score_file(*asked)
    rows = pd.read_csv(output)
    assert {name for cell in rows["label"] for name in json.loads(cell)} == set(LABELS)
    said = gold.evaluate_output(output, facts, label_column="praise")
    assert f"ROC AUC {made.evaluation.metrics['candidate']['roc_auc']:.3f}" in said
    assert "mean over 2 labels; the worst is" in said
    drift = run_step(measure_drift, str(output), reading, NAME, MonitoringConfig(min_rows=20), None)["drift"]
    assert not drift.drift, drift.sentence
    texts[["id", "text"]].assign(text=texts["text"] + " and").to_csv(tmp_path / "pool.csv", index=False)
    columns = queue.answer_columns(NAME, made.version, named=None)
    assert columns == ("praise", "blame")
    pool = queue.read_pool(
        tmp_path / "pool.csv", column="text", score_column=columns[0], more_columns=columns[1:]
    )  # fmt: skip
    chosen = queue.make_queue(pool, count=5, model_name=NAME, version=made.version).rows
    assert (chosen[["praise", "blame"]] == "").all(axis=None)
    assert chosen["reason"].str.startswith(LABELS).all()


def test_what_is_of_one_label_alone_says_so(made: Any, tmp_path: Path) -> None:
    from agile_classifier.ops.feedback.marking import find_marking
    from agile_classifier.ops.promotion.limits.check_version import check_version
    from agile_classifier.ops.scoring import queue

    with pytest.raises(InputError, match=r"prediction ids: several version 1 gives a text several labels"):
        find_marking(NAME, made.version, ("label", "probability_Praise", "probability_Blame"))
    suite = tmp_path / "suite.csv"
    suite.write_text("functionality,text,label\npraise,lovely and warm,praise\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"several, version 1: its texts carry several labels, .* expects one class"):
        check_version(made.version, str(suite), model_name=NAME)
    with pytest.raises(InputError, match=r"--score-column score: .* praise, blame"):
        queue.answer_columns(NAME, made.version, named="score")

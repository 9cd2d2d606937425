"""The steps that make, judge, promote and use a version, each run by itself as ZenML runs it, on a toy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.evaluation import EvaluationConfig, MonitoringConfig, PromotionConfig
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.config.run import RegistryConfig, RunConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.data.label_and_split import label_and_split
from agile_classifier.files import tree_digest
from agile_classifier.ops.promotion import gate

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]

Outputs = dict[str, Any]
Run = Callable[..., Outputs]
Logged = Callable[[str], dict[str, Any]]
NAME = "stepwise"
TUNING = FineTuneConfig(epochs=15, rank=4, learning_rate=1e-2, batch_size=8)
POLICY = PromotionConfig(min_rows=10)


@pytest.fixture(scope="module", autouse=True)
def only_the_majority_is_to_beat() -> Iterator[None]:
    """On a toy's few words TF-IDF is hard to beat; that no baseline may be better is tested on `decide` itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "FIRST_COMPARATORS", ("majority",))
        patch.setattr(gate, "_other_baselines", lambda evidence: {})
        yield


@pytest.fixture(scope="module")
def steps(state_folder: Path) -> Any:
    """Modules of steps, which ZenML wants imported once its state folder is known."""
    from steps.promotion.compare_versions import compare_versions
    from steps.promotion.conclude_promotion import conclude_promotion
    from steps.promotion.promote import promote
    from steps.scoring.measure_drift import measure_drift
    from steps.scoring.measure_quality import measure_quality
    from steps.scoring.measure_served import measure_served
    from steps.scoring.score_file import score_file
    from steps.training.evaluate import evaluate
    from steps.training.fine_tune import fine_tune
    from steps.training.ingest_base_model import ingest_base_model
    from steps.training.register import register

    return SimpleNamespace(
        ingest_base_model=ingest_base_model, fine_tune=fine_tune, evaluate=evaluate, register=register, promote=promote,
        compare_versions=compare_versions, conclude_promotion=conclude_promotion, score_file=score_file,
        measure_drift=measure_drift,
        measure_quality=measure_quality,
        measure_served=measure_served,
    )  # fmt: skip


@pytest.fixture(scope="module")
def base_model(steps: Any, tiny_model: Path) -> Any:
    return steps.ingest_base_model(str(tiny_model), None, None)


@pytest.fixture(scope="module")
def parts(tiny_examples: pd.DataFrame) -> Any:
    """The examples, labelled and split."""
    labels = LabelsConfig(rule="value", value=0.5, names=("Blame", "Praise"))
    made = label_and_split(tiny_examples, labels, SplitConfig(train=70, validation=10, test=40))
    return SimpleNamespace(**made.parts, labelling=made.labelling)


@pytest.fixture(scope="module")
def tuned(run_step: Run, steps: Any, base_model: Any, parts: Any, tiny_model: Path) -> Outputs:
    model = ModelConfig(source=str(tiny_model), max_length=32)
    return run_step(steps.fine_tune, parts.train, parts.validation, base_model, parts.labelling, model, TUNING, NAME)


@pytest.fixture(scope="module")
def evaluated(run_step: Run, steps: Any, base_model: Any, parts: Any, tuned: Outputs) -> Outputs:
    examples, settings = (parts.train, parts.validation, parts.test), EvaluationConfig(n_resamples=100)
    asked = (tuned["mlflow_run_id"], settings, "A toy", "roc_auc")
    return run_step(steps.evaluate, tuned["adapter"], base_model, *examples, parts.labelling, [], *asked)


@pytest.fixture(scope="module")
def register(steps: Any, base_model: Any, parts: Any, tuned: Outputs, evaluated: Outputs) -> Callable[[], str]:
    """Register what was tuned, once more; gives the number of the version."""
    data = {"source": "toy.csv", "columns": {"text": "text", "score": "score"}}
    sections = {"data": data, "model": {"source": "toy"}, "fine_tune": TUNING, "registry": {"model_name": NAME}}
    config = RunConfig.model_validate(sections).model_dump(mode="json")
    judged = (evaluated["evaluation"], evaluated["test_scores"])
    examples = (parts.train, parts.validation, parts.labelling)
    asked = (tuned["mlflow_run_id"], RegistryConfig(model_name=NAME), config)
    return lambda: str(steps.register(tuned["adapter"], base_model, *judged, *examples, *asked))


@pytest.fixture(scope="module")
def first(register: Callable[[], str]) -> str:
    return register()


@pytest.fixture(scope="module")
def champion(steps: Any, first: str, evaluated: Outputs) -> tuple[Any, Any]:
    """The decision on the first version, and what became of it."""
    decision = steps.compare_versions(first, evaluated["evaluation"], evaluated["test_scores"], NAME, POLICY)
    return decision, steps.conclude_promotion(decision, NAME)


def client() -> Any:
    from mlflow import MlflowClient

    return MlflowClient()


def test_ingest_base_model_keeps_every_file_of_a_local_folder(base_model: Any, tiny_model: Path) -> None:
    assert base_model.path != tiny_model
    assert tree_digest(base_model.path) == tree_digest(tiny_model)


def test_fine_tune_leaves_an_adapter_and_logs_its_settings_epochs_and_time(tuned: Outputs, logged: Logged) -> None:
    adapter, run_id = tuned["adapter"], tuned["mlflow_run_id"]
    assert {path.name for path in adapter.path.iterdir()} >= {"best", "last", "tokenizer", "classifier.json"}
    run = client().get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["fine_tune.epochs"] == str(TUNING.epochs)
    assert run.data.params["labelling.label_threshold"] == "0.5"
    assert len(client().get_metric_history(run_id, "validation_loss")) == TUNING.epochs
    facts = logged("fine_tune")
    assert facts["training"]["n_steps"] == TUNING.epochs * 9
    assert facts["mlflow_run_id"] == run_id


def test_evaluate_scores_each_test_row_and_logs_the_metrics_and_the_report(
    evaluated: Outputs, tuned: Outputs, parts: Any
) -> None:
    evaluation, test_scores = evaluated["evaluation"], evaluated["test_scores"]
    assert list(test_scores["text"]) == list(parts.test["text"])
    assert {"candidate", "last", "majority", "tfidf"} <= set(evaluation.metrics)
    assert evaluation.metrics["majority"]["roc_auc"] == 0.5
    assert "A toy" in evaluated["report"]
    run = client().get_run(tuned["mlflow_run_id"])
    assert run.data.metrics["test_roc_auc"] == pytest.approx(evaluation.metrics["candidate"]["roc_auc"])
    assert {artifact.path for artifact in client().list_artifacts(tuned["mlflow_run_id"])} >= {"report.html", "figures"}


def test_register_makes_a_version_that_answers_as_the_trained_one(
    first: str, evaluated: Outputs, logged: Logged
) -> None:
    from agile_classifier.ops.registry.contents.version_files import read_config
    from agile_classifier.ops.registry.loading import load_classifier

    test_scores = evaluated["test_scores"]
    assert read_config(NAME, first)["fine_tune"]["epochs"] == TUNING.epochs
    scored = load_classifier(f"models:/{NAME}/{first}").predict_proba(list(test_scores["text"]))
    assert np.asarray(scored)[:, 1] == pytest.approx(test_scores["candidate_1"].to_numpy(), abs=1e-3)
    facts = logged("register")
    assert (facts["model_name"], facts["mlflow_model_version"]) == (NAME, first)
    assert 0 <= facts["largest_parity_error"] <= 1e-3


def test_compare_versions_judges_and_asks_but_moves_nothing(champion: tuple[Any, Any], first: str) -> None:
    from agile_classifier.ops.registry import history

    decision, _ = champion
    assert decision.promote, decision.reason
    assert decision.evidence.candidate == first
    asked, concluded = history.read_events(NAME)[:2]
    assert (asked.kind, asked.champion) == (history.ASKED, None)
    assert concluded.kind == history.PROMOTED


def test_conclude_promotion_makes_the_version_champion_and_logs_why(
    champion: tuple[Any, Any], first: str, logged: Logged
) -> None:
    _, outcome = champion
    assert outcome.promote
    assert str(client().get_model_version_by_alias(NAME, "champion").version) == first
    assert logged("conclude_promotion") == {"promote": True, "reason": outcome.reason}


def test_promote_leaves_the_champion_where_a_version_is_no_better(
    steps: Any, champion: tuple[Any, Any], register: Callable[[], str], evaluated: Outputs,
    first: str, logged: Logged,
) -> None:  # fmt: skip
    second = register()
    decision = steps.promote(second, evaluated["evaluation"], evaluated["test_scores"], NAME, POLICY)
    assert not decision.promote
    assert decision.evidence.champion == first
    assert "not wholly above" in decision.reason
    assert str(client().get_model_version_by_alias(NAME, "champion").version) == first
    assert logged("promote") == {"promote": False, "reason": decision.reason}


@pytest.fixture(scope="module")
def scored(
    steps: Any, champion: tuple[Any, Any], parts: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], Path]:
    """The test part, scored by the champion: facts and file."""
    folder = tmp_path_factory.mktemp("scored")
    parts.test[["id", "text"]].to_csv(folder / "texts.csv", index=False)
    output = folder / "scored.csv"
    return steps.score_file(
        str(folder / "texts.csv"), str(output), ReadingOptions(column="text"), None, NAME, None, True, True
    ), output


def test_score_file_writes_each_row_with_its_score_and_logs_the_counts(
    scored: tuple[dict[str, Any], Path], evaluated: Outputs, first: str, logged: Logged
) -> None:
    facts, output = scored
    rows = pd.read_csv(output, dtype={"id": str, "model_version": str})
    assert list(rows["text"]) == list(evaluated["test_scores"]["text"])
    assert rows["probability_Praise"].to_numpy() == pytest.approx(
        evaluated["test_scores"]["candidate_1"].to_numpy(), abs=1e-3
    )
    assert set(rows["model_version"]) == {first}
    assert rows["prediction_id"].is_unique
    assert (facts["n_rows"], facts["n_scored"], facts["n_rejected"]) == (40, 40, 0)
    assert logged("score_file")["n_scored"] == 40


def test_measure_drift_finds_none_in_the_rows_that_the_version_was_judged_on(
    run_step: Run, steps: Any, scored: tuple[dict[str, Any], Path], first: str, logged: Logged
) -> None:
    _, output = scored
    settings = MonitoringConfig(min_rows=20)
    made = run_step(steps.measure_drift, str(output), ReadingOptions(column="text"), NAME, settings, "their-name.csv")
    drift = made["drift"]
    assert (drift.n_rows, drift.n_reference, drift.model_version) == (40, 40, first)
    assert not drift.drift, drift.sentence
    assert "their-name.csv" in made["drift_report"]
    assert logged("measure_drift")["levels"] == {finding.name: finding.level for finding in drift.findings}


def test_measure_quality_tells_precision_and_recall_by_the_verdicts_of_a_filled_in_file(
    run_step: Run, steps: Any, scored: tuple[dict[str, Any], Path], first: str, tmp_path: Path, logged: Logged
) -> None:
    from agile_classifier.ops.feedback.verdict_file import FileOptions, take_file

    _, output = scored
    rows = pd.read_csv(output, dtype=str)
    wrong = rows["label"].map({"Praise": "Blame", "Blame": "Praise"})
    filled = rows.assign(verdict=[*rows["label"][:10], *wrong[10:]])
    filled.to_csv(tmp_path / "judged.csv", index=False)
    taken = take_file(tmp_path / "judged.csv", FileOptions(person="mo", sampling_probability=1.0))
    assert (taken.n_stored, taken.n_unweighted) == (40, 0)
    settings = MonitoringConfig(min_rows=20, min_verdicts=20)
    drift = run_step(steps.measure_drift, str(output), ReadingOptions(column="text"), NAME, settings, None)["drift"]
    made = run_step(steps.measure_quality, drift, settings)
    quality = made["quality"]
    hits = (filled["verdict"] == filled["label"]) & (filled["label"] == "Praise")
    precision, recall = quality.periods[0].figures
    assert precision.value == pytest.approx(hits.sum() / (filled["label"] == "Praise").sum())
    assert recall.value == pytest.approx(hits.sum() / (filled["verdict"] == "Praise").sum())
    assert precision.test is not None
    assert quality.decay
    assert quality.sentence.startswith("Decay: ")
    assert "if they are calibrated" in made["quality_report"]
    assert logged("measure_quality")["decay"] is True


def test_measure_served_compares_what_the_champion_served(
    run_step: Run, steps: Any, champion: tuple[Any, Any], parts: Any, first: str
) -> None:
    from agile_classifier.ops.feedback.marking import make_marker
    from agile_classifier.ops.feedback.store import PREDICTIONS, open_store
    from agile_classifier.ops.registry.scorer import Scorer

    settings = MonitoringConfig(min_rows=20, keep_texts=True)
    scorer, store, texts = Scorer(NAME, first), open_store(), list(parts.test["text"])
    marker = make_marker(store, NAME, first, columns=scorer.columns, settings=settings, origin="served")
    marker.mark(texts, scorer(texts).to_dict("records"), log=lambda rows: store.add(PREDICTIONS, rows))
    store.close()
    made = run_step(steps.measure_served, NAME, settings)
    assert (made["drift"].n_rows, made["drift"].model_version, made["drift"].drift) == (40, first, False)
    assert all(finding.value is not None for finding in made["drift"].findings if finding.name.startswith("score"))
    few = run_step(steps.measure_served, NAME, MonitoringConfig(min_rows=50))
    assert few["drift"].sentence.startswith("Drift not measured: 40 predictions served from ")

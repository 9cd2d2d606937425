"""The training pipeline, whole: what is reused, what is registered, what is promoted, and what is refused."""

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.base import clone
from zenml.enums import ExecutionStatus

from agile_classifier.config.files import load_config
from agile_classifier.config.moderation.decision import BandsConfig
from agile_classifier.config.run import RunConfig
from agile_classifier.errors import GateRefused, InputError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]

LEARNT = ["fine_tune", "evaluate", "register"]
PRICE = 36_000.0
"""Ten a second: a toy's training has a cost that can be seen."""
ConfigOf = Callable[..., RunConfig]


def run(config: RunConfig) -> Any:
    """Run the pipeline; returns ZenML's record of it."""
    from pipelines.training import training

    return training(**{section: getattr(config, section) for section in RunConfig.model_fields})


def statuses(record: Any) -> dict[str, str]:
    return {name: step.status.value for name, step in record.steps.items()}


def output(record: Any, step: str, name: str) -> Any:
    return record.steps[step].outputs[name][0].load()


def client() -> Any:
    from mlflow import MlflowClient

    return MlflowClient()


def versions(name: str) -> list[Any]:
    return list(client().search_model_versions(f"name = '{name}'"))


def replaced(config: RunConfig, section: str, **fields: Any) -> RunConfig:
    return config.model_copy(update={section: getattr(config, section).model_copy(update=fields)})


@pytest.fixture(scope="module")
def config(config_of: ConfigOf, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    """On a base model of its own, so that no run of another test stands in for a step of the first."""
    folder = tmp_path_factory.mktemp("life")
    base = shutil.copytree(tiny_model, folder / "base_model")
    bands = BandsConfig(precision=0.6, miss_rate=0.5, confidence=0.5)
    found = config_of(folder / "examples.csv", "life", model__source=str(base), evaluation__calibration="platt")
    return replaced(found, "decision", bands=bands)


@pytest.fixture(scope="module")
def first(config: RunConfig) -> Any:
    return run(config)


@pytest.fixture(scope="module")
def second(config: RunConfig, first: Any) -> Any:
    return run(config)


@pytest.fixture(scope="module")
def another_seed(config: RunConfig, second: Any) -> Any:
    return run(replaced(replaced(config, "fine_tune", seed=1), "costs", price_per_hour=PRICE))


def test_a_first_run_registers_a_champion_whose_scores_survived_reloading(first: Any) -> None:
    from agile_classifier.ops.registry.contents import version_files

    tuned = (
        "fine_tune",
        "evaluate",
        "register",
        "promote",
    )  # steps before them may have run on these texts for another test
    assert {statuses(first)[step] for step in tuned} == {"completed"}
    decision = output(first, "promote", "promotion_decision")
    assert decision.promote, decision.reason
    assert output(first, "register", "model_version") == "1"
    version = client().get_model_version("life", "1")
    assert version.tags["zenml.run"] == str(first.id)
    assert version.tags["promotion"] == "promoted"
    assert version_files.read_config("life", "1")["fine_tune"]["rank"] == 4
    assert not [name for name, value in version.tags.items() if value.startswith(("{", "["))]
    mlflow_run = client().get_run(version.run_id)
    assert mlflow_run.info.status == "FINISHED"
    assert mlflow_run.data.tags["zenml.run"] == str(first.id)
    assert mlflow_run.data.metrics["largest_parity_error"] <= 1e-3
    expected = output(first, "evaluate", "evaluation").logged()
    assert {"best/f1", "test_f1", "last_test_roc_auc", "vs_baseline_tfidf_test_f1"} <= set(expected)
    assert {name: mlflow_run.data.metrics[name] for name in expected} == pytest.approx(expected)
    for count in ("training_n_cut_train", "training_n_escaped_validation", "n_cut_test", "n_escaped_test"):
        assert mlflow_run.data.metrics[count] == 0
    logged = {artifact.path for artifact in client().list_artifacts(version.run_id)}
    assert logged >= {"report.html", "figures", version.tags["config"].rpartition("/")[2]}
    assert "| ROC AUC | " in mlflow_run.data.tags["mlflow.note.content"]
    experiment = client().get_experiment(mlflow_run.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert first.steps["fine_tune"].run_metadata["mlflow_run_id"] == version.run_id


def test_the_champion_loads_as_a_classifier_with_the_scores_labels_and_parameters_of_its_run(
    config: RunConfig, first: Any
) -> None:
    from agile_classifier.ops.registry.loading import load_classifier
    from agile_classifier.ops.scoring.champion import score_texts

    texts = ["a lovely day", "the awful song", "this room"]
    scored = score_texts(texts, model_name="life")
    loaded = load_classifier(f"models:/life/{scored['model_version'][0]}")
    for classifier in (loaded, pickle.loads(pickle.dumps(loaded))):
        expected = scored[[f"probability_{name}" for name in classifier.classes_]]
        assert np.array_equal(classifier.predict_proba(texts), expected)
        assert classifier.predict(texts).tolist() == scored["label"].tolist()
        assert classifier.decide(texts).tolist() == scored["decision"].tolist()
    parameters = clone(loaded).get_params()
    assert parameters == loaded.get_params()
    recorded = {**config.model.model_dump(), **config.fine_tune.model_dump(), "base_model": config.model.source}
    for name in ("base_model", "max_length", "rank", "epochs", "learning_rate"):
        assert parameters[name] == recorded[name], name


def test_the_outcome_tells_a_person_what_was_measured_decided_and_changed(
    first: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from agile_classifier.ops.runs import outcome

    outcome.show(first, model_name="life")
    told = capsys.readouterr().out
    for expected in ("texts cut: none; texts escaped: none", "roc_auc", "becomes champion", "model life version 1"):
        assert expected in told
    assert re.search(r"training took [\d.,]+ s on 1 × .+$", told, re.MULTILINE)


def test_the_terminal_ends_with_what_to_do_next(first: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from agile_classifier.ops.runs import outcome

    outcome.say_next(first, model_name="life", asked=None, has_champion=True)
    ui, score = capsys.readouterr().out.splitlines()
    assert ui.startswith("next: agile ui ")
    assert ui.endswith(f"http://127.0.0.1:8237/projects/default/runs/{first.id}")
    assert score.startswith('      agile score "…" --model life')
    asked = SimpleNamespace(name="promotion-1", status=ExecutionStatus.PAUSED)
    outcome.say_next(first, model_name="life", asked=cast(Any, asked), has_champion=False)
    assert capsys.readouterr().out.startswith("next: agile approve promotion-1  or agile reject")
    assert outcome.summarise(first) == "version 1 is promoted"


def test_the_report_opens_with_decision_version_and_run(first: Any) -> None:
    from agile_classifier.ops.runs import outcome

    page = Path(outcome.write_report(first, model_name="life")).read_text(encoding="utf-8")
    head = page[page.index("<h1>") : page.index('class="contents"')]
    for expected in ("becomes champion", ">1 of life</a>", f">{first.name}</a>", "decided"):
        assert expected in head


def test_what_the_last_run_saw_is_not_new_and_what_is_added_is(config: RunConfig, second: Any) -> None:
    from agile_classifier.ops.scheduling.new_labels import count_new_labels

    nothing = count_new_labels(config)
    assert (nothing.n, nothing.withdrawn) == (0, 0)
    assert nothing.since is not None
    source = Path(str(config.data.source))
    grown = source.with_name("grown.csv")
    first_row = source.read_text(encoding="utf-8").splitlines(keepends=True)[1]
    grown.write_text(source.read_text(encoding="utf-8") + first_row.replace(first_row.split(",")[0], "new-1", 1))
    assert count_new_labels(replaced(config, "data", source=str(grown))).n == 1
    assert count_new_labels(replaced(config, "registry", model_name="another")).since is None


def test_a_version_has_a_model_card_and_a_description(first: Any) -> None:
    from huggingface_hub import ModelCard

    from agile_classifier.ops.registry.contents import version_files

    card = ModelCard.load(version_files.read_files("life", "1").adapter / "README.md")
    assert card.data.library_name == "peft"
    measured = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert measured["roc_auc"] == pytest.approx(
        output(first, "evaluate", "evaluation").metrics["candidate"]["roc_auc"], abs=1e-4
    )
    assert "70 texts to learn from, 10 to choose" in card.text
    description = client().get_model_version("life", "1").description
    assert "ROC AUC" in description
    assert "of them without a person." in description
    assert "## Decided without a person" in card.text
    assert "nothing is removed without a person: a precision of 0.6 cannot be promised" in card.text


def test_run_and_version_name_each_other(first: Any) -> None:
    import mlflow

    version, facts = client().get_model_version("life", "1"), first.run_metadata
    assert (facts["model_name"], facts["mlflow_model_version"], facts["mlflow_run_id"]) == ("life", "1", version.run_id)
    assert facts["mlflow_version_page"] == "http://127.0.0.1:5000/#/models/life/versions/1"
    assert facts["mlflow_run_page"].endswith(f"/runs/{version.run_id}")
    assert f"[ZenML run {first.name}](http://127.0.0.1:8237/projects/default/runs/{first.id})" in version.description
    assert version.tags["digest.test"] == output(first, "label_and_split", "labelling").parts["test"].digest
    assert "<html" in mlflow.artifacts.load_text(version.tags["report"])


def test_a_second_run_reuses_every_step_but_promote_and_registers_nothing(second: Any) -> None:
    again = statuses(second)
    assert again.pop("ingest") == "completed"  # the file is not pinned: it is read again, and its digest keys the rest
    assert again.pop("keep_threshold") == "completed"  # the champion of the moment, which has fitted nothing anew
    assert again.pop("promote") == "completed"
    assert set(again.values()) == {"cached"}
    assert output(second, "register", "model_version") == "1"


def test_a_run_records_what_its_devices_took_and_cost_and_another_price_trains_nothing(
    config: RunConfig, first: Any, another_seed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from agile_classifier.ops.runs import outcome

    metrics = [
        client().get_run(output(record, "fine_tune", "mlflow_run_id")).data.metrics for record in (first, another_seed)
    ]
    for found in metrics:
        assert found["training_n_devices"] == 1
        assert found["training_device_seconds"] == found["training_seconds"] > 0
    assert "training_cost" not in metrics[0]
    cost = metrics[1]["training_cost"]
    assert cost == pytest.approx(metrics[1]["training_seconds"] * 10, abs=0.01)
    assert f", cost {cost:,.4f}</dd>" in output(another_seed, "evaluate", "report")
    again = run(replaced(replaced(config, "fine_tune", seed=1), "costs", price_per_hour=1.0))
    assert set(statuses(again).values()) == {"cached", "completed"}
    assert {statuses(again)[name] for name in LEARNT} == {"cached"}
    outcome.show(again, model_name="life")
    assert f", cost {cost:,.4f} in the run that is reused\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("placement", "said"),
    [({"devices": 64}, r"fine_tune.devices 64: \d+ (GPUs?|CPU cores?) here"), ({"device": "gpu"}, "fine_tune.device gpu: no GPU here")],
)  # fmt: skip
def test_devices_that_are_not_here_are_refused_before_anything_is_logged(
    config: RunConfig, first: Any, placement: dict[str, Any], said: str
) -> None:
    import torch

    if "device" in placement and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    known = len(client().search_runs([client().get_experiment_by_name("life").experiment_id]))
    with pytest.raises(InputError, match=said):
        run(replaced(config, "fine_tune", **placement))
    assert len(client().search_runs([client().get_experiment_by_name("life").experiment_id])) == known


def test_a_changed_knob_of_training_reuses_the_data_and_challenges_the_champion(another_seed: Any) -> None:
    again = statuses(another_seed)
    assert {name: again[name] for name in LEARNT} == dict.fromkeys(LEARNT, "completed")
    assert {again[name] for name in ("ingest_base_model", "validate", "label_and_split")} == {"cached"}
    evidence = output(another_seed, "promote", "promotion_decision").evidence
    assert evidence.champion == "1"
    assert evidence.candidate == "2"
    assert evidence.n_rows > 0
    assert "champion" in evidence.differences


def test_too_few_rows_that_neither_model_has_seen_leave_the_champion(config: RunConfig, another_seed: Any) -> None:
    champion = client().get_model_version_by_alias("life", "champion").version
    shuffled = replaced(replaced(config, "split", seed=1), "promotion", min_rows=39)
    decision = output(run(shuffled), "promote", "promotion_decision")
    assert not decision.promote
    assert "needs 39" in decision.reason
    assert client().get_model_version_by_alias("life", "champion").version == champion


def test_a_split_whose_test_texts_train_holds_too_is_refused_before_anything_is_trained(
    config_of: ConfigOf, tiny_examples: pd.DataFrame, tmp_path: Path
) -> None:
    twice = pd.concat([tiny_examples, tiny_examples.assign(id=tiny_examples["id"] + "b")])
    twice.to_csv(tmp_path / "twice.csv", index=False)
    with pytest.raises(
        GateRefused, match=r"validation and test stand in another part too.*data_quality\.leaks_limit allows 5\.0%"
    ):
        run(config_of(tmp_path / "twice.csv", "twice"))
    assert versions("twice") == []


def test_a_model_whose_scores_move_by_reloading_is_not_registered(
    config: RunConfig, second: Any, monkeypatch: pytest.MonkeyPatch
) -> None:

    from agile_classifier.ops.registry import packing as logged_classifier

    before = versions("life")
    score = logged_classifier.score_in_fresh_process

    def score_a_little_off(*arguments: Any, **named: Any) -> np.ndarray:
        return score(*arguments, **named) + 0.05

    monkeypatch.setattr(logged_classifier, "score_in_fresh_process", score_a_little_off)
    with pytest.raises(RuntimeError, match=r"reload parity: a probability moved by 0\.05"):
        run(replaced(config, "registry", parity_rows=101))
    assert versions("life") == before


def test_a_registered_version_chooses_what_to_label_next(first: Any, tmp_path: Path) -> None:
    from agile_classifier.ops.scoring import queue as annotation_queue

    texts = list(output(first, "label_and_split", "train")["text"][:5]) + [f"a new room of {n} songs" for n in range(8)]
    pd.DataFrame({"text": texts}).to_csv(tmp_path / "pool.csv", index=False)
    pool = annotation_queue.read_pool(tmp_path / "pool.csv", column="text", score_column="score")
    queue = annotation_queue.make_queue(pool, count=3, model_name="life", version="1")
    assert queue.n_known == 5
    assert 1 <= len(queue.rows) <= 3
    assert queue.rows["text"].str.startswith("a new room").all()


def test_a_registered_version_is_exported_as_it_answers(
    first: Any, tiny_examples: pd.DataFrame, tmp_path: Path
) -> None:
    from agile_classifier.models.onnx.predictor import OnnxPredictor
    from agile_classifier.ops.registry import export as exporting
    from agile_classifier.ops.registry.contents import version_files
    from agile_classifier.ops.registry.scorer import Scorer

    texts = list(tiny_examples["text"][:20])
    scored = Scorer("life", "1")(texts)
    answered = scored.filter(like="probability_").to_numpy()
    asked: dict[str, Any] = {"model_name": "life", "version": "1", "force": False}
    done = exporting.export(**asked, format="onnx", output=str(tmp_path / "onnx"))
    assert (done.version, done.address) == ("1", str(tmp_path / "onnx"))
    n_test = len(output(first, "evaluate", "test_scores"))
    assert json.loads((tmp_path / "onnx" / "export.json").read_text())["n_texts"] > n_test  # and those built in
    rounding = version_files.read_spec("life", "1").rounding
    assert OnnxPredictor(tmp_path / "onnx", threads=1).score(texts) == pytest.approx(answered, abs=rounding)
    decided = OnnxPredictor(tmp_path / "onnx", threads=1).decide(texts)
    assert (np.asarray(decided) != scored["decision"]).sum() <= 2  # one at the very cut of either side may round over
    assert json.loads((tmp_path / "onnx" / "decision.json").read_text())["decision_threshold"] is not None
    stored = exporting.export(**asked, format="adapter", output=None)
    assert Path(stored.address).parts[-4:] == ("exports", "life", "1", "adapter")
    assert {path.name for path in Path(stored.address).iterdir()} >= {"best", "tokenizer", "classifier.json"}
    with pytest.raises(InputError, match="not empty; --force"):
        exporting.export(**asked, format="adapter", output=None)
    assert exporting.export(**{**asked, "force": True}, format="adapter", output=None).address == stored.address


def test_critical_failures_of_validation_stop_the_run_with_the_rows_and_register_nothing(
    config_of: ConfigOf, tiny_examples: pd.DataFrame, tmp_path: Path
) -> None:
    frame = tiny_examples.copy()
    frame.loc[4, "text"] = "\u200b "
    frame.to_csv(tmp_path / "examples.csv", index=False)
    with pytest.raises(InputError) as refused:
        run(config_of(tmp_path / "examples.csv", "invalid"))
    assert str(frame.loc[4, "id"]) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert versions("invalid") == []


def test_a_config_file_resolves_alike_through_agile_and_through_zenml(
    config: RunConfig, second: Any, tmp_path: Path
) -> None:
    path = tmp_path / "both-ways.yaml"
    path.write_text(yaml.safe_dump({"parameters": config.model_dump(mode="json", exclude_defaults=True)}))
    assert load_config(path) == config
    zenml = [sys.executable, "-c", "from zenml.cli.cli import cli; cli()"]
    command = [*zenml, "pipeline", "run", "pipelines.training.training", "-c", str(path)]
    project = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=project, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    from zenml.client import Client

    theirs = Client().list_pipeline_runs(sort_by="desc:created", size=1)[0]
    assert theirs.id != second.id
    for name, step in second.steps.items():
        assert step.config.parameters == theirs.steps[name].config.parameters, name
    assert statuses(theirs)["fine_tune"] == "cached"


def test_a_changed_data_file_runs_everything_that_learns_from_it_again_even_with_three_classes_and_no_validation(
    config_of: ConfigOf, tiny_examples: pd.DataFrame, tmp_path: Path
) -> None:
    data = tmp_path / "examples.csv"
    mood = pd.qcut(tiny_examples["score"].rank(method="first"), 3, labels=["bad", "middling", "good"])
    tiny_examples.assign(mood=mood).to_csv(data, index=False)
    classes = {"rule": "given", "columns": ["mood"], "names": ["bad", "middling", "good"]}
    config = config_of(data, "three", labels=classes, split__validation=0, fine_tune__epochs=2)
    evaluation = output(run(config), "evaluate", "evaluation")
    assert evaluation.decision_threshold is None
    assert evaluation.metrics["candidate"]["f1"] == evaluation.metrics["candidate"]["f1_macro"]
    data.write_text(data.read_text() + "extra-1,a new text that is good,9.5,good\n")
    record = run(config)
    again = statuses(record)
    assert again.pop("ingest_base_model") == "cached"
    assert set(again.values()) == {"completed"}
    assert output(record, "register", "model_version") == "2"

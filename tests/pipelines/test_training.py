"""The training pipeline, whole: what is reused, what is registered, what is promoted, and what is refused."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from classifier.config import RunConfig, load_config
from classifier.errors import InputError

pytestmark = pytest.mark.slow

LEARNT = ["fine_tune", "evaluate", "register"]
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


def test_a_first_run_registers_a_champion_whose_scores_survived_reloading(config_of: ConfigOf) -> None:
    record = run(config_of("first"))
    assert set(statuses(record).values()) == {"completed"}
    decision = output(record, "promote", "promotion_decision")
    assert decision["promote"], decision["reason"]
    version = client().get_model_version_by_alias("first", "champion")
    assert version.version == output(record, "register", "model_version") == "1"
    assert client().get_model_version_by_alias("first", "candidate").version == "1"
    assert version.tags["zenml.run"] == str(record.id)
    assert json.loads(version.tags["config"])["fine_tune"]["rank"] == 4
    mlflow_run = client().get_run(version.run_id)
    assert mlflow_run.info.status == "FINISHED"
    assert mlflow_run.data.tags["zenml.run"] == str(record.id)
    assert mlflow_run.data.metrics["largest_parity_error"] <= 1e-3
    expected = output(record, "evaluate", "evaluation").flat()
    assert {"test_f1", "last_test_roc_auc", "baseline_tfidf_test_f1"} <= set(expected)
    assert {name: mlflow_run.data.metrics[name] for name in expected} == pytest.approx(expected)
    assert {artifact.path for artifact in client().list_artifacts(version.run_id)} >= {
        "report.html",
        "figures",
        "config.json",
    }
    assert record.steps["fine_tune"].run_metadata["mlflow_run_id"] == version.run_id


def test_a_second_run_reuses_every_step_but_promote_and_registers_nothing(config_of: ConfigOf) -> None:
    config = config_of("second")
    run(config)
    again = statuses(run(config))
    assert again.pop("ingest") == "completed"  # the file is not pinned: it is read again, and its digest keys the rest
    assert again.pop("promote") == "completed"
    assert set(again.values()) == {"cached"}
    assert len(versions("second")) == 1


def test_a_changed_data_file_runs_everything_that_learns_from_it_again(config_of: ConfigOf) -> None:
    config = config_of("changed-data")
    run(config)
    path = Path(config.data.source)
    path.write_text(path.read_text() + "extra-1,a new text that is good,9.5\n")
    again = statuses(run(config))
    assert again.pop("ingest_base_model") == "cached"
    assert set(again.values()) == {"completed"}


def test_a_changed_knob_of_training_reuses_the_data(config_of: ConfigOf) -> None:
    config = config_of("changed-seed")
    run(config)
    record = run(config.model_copy(update={"fine_tune": config.fine_tune.model_copy(update={"seed": 1})}))
    again = statuses(record)
    assert {name: again[name] for name in LEARNT} == dict.fromkeys(LEARNT, "completed")
    assert {again[name] for name in ("ingest_base_model", "validate", "label_and_split")} == {"cached"}
    decision = output(record, "promote", "promotion_decision")
    assert decision["evidence"]["champion"] == "1"
    assert decision["evidence"]["n_rows"] > 0


def test_too_few_rows_that_neither_model_has_seen_leave_the_champion(config_of: ConfigOf) -> None:
    config = config_of("few-rows")
    run(config)
    other = {
        "split": config.split.model_copy(update={"seed": 1}),
        "promotion": config.promotion.model_copy(update={"min_rows": 39}),
    }
    decision = output(run(config.model_copy(update=other)), "promote", "promotion_decision")
    assert not decision["promote"]
    assert "needs 39" in decision["reason"]
    assert client().get_model_version_by_alias("few-rows", "champion").version == "1"


def test_a_model_whose_scores_move_by_reloading_is_not_registered(
    config_of: ConfigOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from operations import registry

    score = registry.score_in_fresh_process

    def score_a_little_off(*arguments: Any, **named: Any) -> np.ndarray:
        return score(*arguments, **named) + 0.002

    monkeypatch.setattr(registry, "score_in_fresh_process", score_a_little_off)
    with pytest.raises(RuntimeError, match=r"reload parity: a probability moved by 0\.002"):
        run(config_of("moved"))
    assert versions("moved") == []


def test_critical_failures_of_validation_stop_the_run_with_the_rows_and_register_nothing(config_of: ConfigOf) -> None:
    config = config_of("invalid")
    frame = pd.read_csv(config.data.source)
    frame.loc[4, "text"] = "\u200b "
    frame.to_csv(config.data.source, index=False)
    with pytest.raises(InputError) as refused:
        run(config)
    assert str(frame.loc[4, "id"]) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert versions("invalid") == []


def test_a_config_file_resolves_alike_through_agile_and_through_zenml(
    config_of: ConfigOf, state_folder: Path, tmp_path: Path
) -> None:
    config = config_of("both-ways")
    path = tmp_path / "both-ways.yaml"
    path.write_text(yaml.safe_dump({"parameters": config.model_dump(mode="json", exclude_defaults=True)}))
    ours = run(load_config(path))
    command = [
        str(Path(sys.executable).parent / "zenml"),
        "pipeline",
        "run",
        "pipelines.training.training",
        "-c",
        str(path),
    ]
    project = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=project, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    from zenml.client import Client

    theirs = Client().list_pipeline_runs(sort_by="desc:created", size=1)[0]
    assert theirs.id != ours.id
    for name, step in ours.steps.items():
        assert step.config.parameters == theirs.steps[name].config.parameters, name


def test_a_model_without_validation_rows_or_with_three_classes_goes_the_same_way(config_of: ConfigOf) -> None:
    config = config_of(
        "three",
        labels={"rule": "given", "columns": ["mood"], "names": ["bad", "middling", "good"]},
        split__validation=0,
    )
    frame = pd.read_csv(config.data.source)
    frame["mood"] = pd.qcut(frame["score"].rank(method="first"), 3, labels=["bad", "middling", "good"])
    frame.to_csv(config.data.source, index=False)
    record = run(config)
    evaluation = output(record, "evaluate", "evaluation")
    assert evaluation.decision_threshold is None
    assert evaluation.metrics["candidate"]["f1"] == evaluation.metrics["candidate"]["f1_macro"]
    assert output(record, "register", "model_version") == "1"

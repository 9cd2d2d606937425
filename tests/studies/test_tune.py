"""A search, whole: tries on folds of train, a kill, going on, and the config that it writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
import yaml

from agile_classifier.config.files import load_config
from agile_classifier.errors import InputError
from agile_classifier.studies import search
from agile_classifier.studies import tune as tuning
from agile_classifier.studies.search import Found, Search, Try

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def config(tiny_model: Path, tiny_examples: pd.DataFrame, tmp_path: Path) -> Path:
    tiny_examples.to_csv(tmp_path / "examples.csv", index=False)
    parameters = {
        "data": {"source": str(tmp_path / "examples.csv"), "columns": {"text": "text", "score": "score", "id": "id"}},
        "split": {"train": 70, "validation": 10, "test": 40},
        "model": {"source": str(tiny_model), "max_length": 32},
        "fine_tune": {"epochs": 1, "rank": 4, "learning_rate": 1e-2, "batch_size": 8},
        "registry": {"model_name": "toy"},
    }
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump({"parameters": parameters}), encoding="utf-8")
    return path


def begin(config: Path, *, folds: int = 2, **changed: Any) -> Search:
    parameters = yaml.safe_load(config.read_text(encoding="utf-8"))["parameters"]
    for path, value in changed.items():
        section, _, field = path.partition("__")
        parameters.setdefault(section, {})[field] = value
    return Search(parameters, name="toy", metric="roc_auc", folds=folds, folder=config.parent / "searches")


def start(config: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "agile_classifier",
        "tune",
        str(config),
        "--output",
        str(config.parent / "best.yaml"),
        *arguments,
    ]
    return subprocess.Popen(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PROJECT,
        env={**os.environ, "AGILE_HOME": str(config.parent / "home")},
    )  # fmt: skip


def tries(config: Path) -> list[optuna.trial.FrozenTrial]:
    (file,) = (config.parent / "home" / "searches").glob("*.log")
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(file)))
    return optuna.load_study(study_name="search", storage=storage).trials


@pytest.mark.slow
def test_a_search_that_is_killed_goes_on_with_its_folds_and_writes_a_config_that_loads(config: Path) -> None:
    first = start(config, "--minutes", "5", "--folds", "2")
    assert first.stderr is not None
    for line in first.stderr:
        if line.startswith("try 2 "):
            break
    else:
        pytest.fail("no second try")
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = tries(config)
    second = start(config, "--minutes", "0.4", "--folds", "2")
    said, progress = second.communicate()
    assert second.returncode == 0, progress
    after = tries(config)
    assert len(after) > len(before)
    left = [one for one in before if one.state == optuna.trial.TrialState.RUNNING]
    for one in left:  # taken up again with the values and folds that it had
        again = next(other for other in after if other.number > one.number and other.params == one.params)
        assert again.user_attrs["folds"][: len(one.user_attrs.get("folds", []))] == one.user_attrs.get("folds", [])
    done = [one for one in after if one.state == optuna.trial.TrialState.COMPLETE]
    assert done[0].params == {
        "fine_tune.learning_rate": 1e-2, "fine_tune.rank": 4, "fine_tune.epochs": 1, "labels.target": "hard"
    }  # fmt: skip  # the config as it is, first
    best = max(done, key=lambda one: one.value or 0.0)
    written = load_config(config.parent / "best.yaml")
    assert written.fine_tune.rank == best.params["fine_tune.rank"]
    assert written.fine_tune.learning_rate == pytest.approx(best.params["fine_tune.learning_rate"])
    assert written.split == load_config(config).split
    assert f"roc_auc {best.value:.3f}" in said or f"{best.value:.3f}," in said
    assert (config.parent / "best.yaml").read_text(encoding="utf-8").startswith(tuning.HEAD)


def test_neither_test_nor_validation_is_read_and_folds_are_held_out_once(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, set[str]]] = []

    class Judged:
        metrics: dict[str, float] = {"roc_auc": 0.5}  # noqa: RUF012

    def remember(_: Any, parts: dict[str, pd.DataFrame], names: list[str]) -> Judged:
        seen.append({part: set(rows["id"]) for part, rows in parts.items()})
        return Judged()

    monkeypatch.setattr(search, "run_on_parts", remember)
    searching = begin(config, folds=3)
    searching.run(minutes=0, say=lambda _: None)
    allowed = set(search.read_parts(searching.config)[0]["train"]["id"])
    assert len(seen) == 3
    assert all(parts["train"] | parts["test"] == allowed and not parts["train"] & parts["test"] for parts in seen)
    assert sum(len(parts["test"]) for parts in seen) == len(allowed)
    assert not any(parts["validation"] for parts in seen)


def test_a_config_s_own_values_are_in_the_space_and_targets_need_scores(config: Path) -> None:
    wide = begin(config, fine_tune__rank=3, fine_tune__learning_rate=0.02, fine_tune__epochs=1).space
    assert 3 in wide["fine_tune.rank"].choices  # type: ignore[attr-defined]
    assert wide["fine_tune.learning_rate"].high == 0.02  # type: ignore[attr-defined]
    assert wide["fine_tune.epochs"].low == 1  # type: ignore[attr-defined]
    assert "labels.target" in wide
    given = begin(config, labels__rule="given", labels__columns=["id"]).space
    assert "labels.target" not in given


@pytest.mark.parametrize(
    "policy",
    [{"decision_threshold": "cost", "false_negative_cost": 5.0}, {"decision_threshold": "recall", "least": 0.9}],
    ids=lambda policy: policy["decision_threshold"],
)
def test_a_policy_that_needs_validation_is_no_hindrance_to_folds_without_and_stays_in_what_is_found(
    config: Path, policy: dict[str, Any]
) -> None:
    searching = begin(config, **{f"evaluation__{field}": value for field, value in policy.items()})
    found = searching.run(minutes=0, say=lambda _: None)
    assert len(found.own.folds) == 2
    assert searching.with_values(found.best.values)["evaluation"] == policy


def test_a_cut_that_three_classes_do_not_have_is_refused_before_anything_is_tried(
    config: Path, tiny_examples: pd.DataFrame
) -> None:
    moods = tiny_examples.assign(mood=["bad", "middling", "good"] * 40)
    moods.to_csv(config.parent / "examples.csv", index=False)
    searching = begin(config, labels__rule="given", labels__columns=["mood"], evaluation__decision_threshold="cost")
    with pytest.raises(InputError, match=r"evaluation\.decision_threshold cost is a cut between two classes, found 3"):
        searching.run(minutes=0, say=lambda _: None)


@pytest.mark.parametrize("loss", ["vocabulary", "full_text"])
def test_soft_targets_are_not_tried_where_the_loss_cannot_be_taught_them(config: Path, loss: str) -> None:
    searching = begin(config, model__head="label_tokens", fine_tune__loss=loss)
    assert "labels.target" not in searching.space
    assert "labels.target" in begin(config, model__head="label_tokens").space


def test_more_folds_than_rows_of_a_class_are_refused(config: Path) -> None:
    with pytest.raises(InputError, match=r"rarest class of train has \d+ rows; --folds 60"):
        begin(config, folds=60).run(minutes=0, say=lambda _: None)


def test_what_was_found_is_said_with_its_noise(config: Path) -> None:
    own, best = Try({"a": 1}, (0.80, 0.84, 0.82)), Try({"a": 2}, (0.83, 0.85, 0.87))
    said = tuning.describe(Found(own, best, 7, 2), metric="roc_auc", name="toy.yaml")
    assert "7 tries, 2 of them given up early, on 3 folds" in said
    assert "roc_auc 0.820" in said
    assert "0.850, +0.030 ± 0.012" in said  # gains 0.03, 0.01, 0.05: sd 0.02, by the root of 3
    alone = tuning.describe(Found(own, own, 1, 0), metric="roc_auc", name="toy.yaml")
    assert alone.startswith("1 try on 3 folds")
    assert "Nothing better" in alone


def test_a_file_of_somebody_else_s_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("parameters: {}\n", encoding="utf-8")
    (tmp_path / "found.yaml").write_text(f"{tuning.HEAD}: …\n", encoding="utf-8")
    tuning.require_place(tmp_path / "found.yaml")
    for path, why in (
        (tmp_path / "mine.yaml", "exists already"), (tmp_path, "is a folder"), (tmp_path / "a" / "b.yaml", "there is no folder")
    ):  # fmt: skip
        with pytest.raises(InputError, match=why):
            tuning.require_place(path)


def test_values_that_do_not_go_together_are_left_out_and_not_tried(config: Path) -> None:
    search = begin(config, model__members=[{"fine_tune": {"epochs": 2}}])
    search.study.enqueue_trial({**search.own, "fine_tune.epochs": 2})  # the member is the first one again
    trial = search.study.ask(dict(search.space))
    assert search._run(trial) == []
    assert search.study.trials[trial.number].state == optuna.trial.TrialState.PRUNED

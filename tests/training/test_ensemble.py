"""Training of an ensemble: each member is what it would be alone, they answer by their mean, a killed one goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit, softmax

from agile_classifier.config.ensemble.members import list_members
from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.evaluation.ensemble.figures import MEMBERS
from agile_classifier.evaluation.evaluate import examine
from agile_classifier.models.classical.member import fit_member
from agile_classifier.models.ensemble.bases import Base
from agile_classifier.models.ensemble.members import is_network, list_member_folders
from agile_classifier.models.predictor import Predictor
from agile_classifier.training.ensemble import Described, Means, describe_members, train_members
from agile_classifier.training.fine_tuning import fine_tune
from agile_classifier.training.history import History
from agile_classifier.training.trainer import Hooks
from tests.training.test_fine_tuning import assert_equal

TUNING = FineTuneConfig(rank=2, learning_rate=1e-2, epochs=2, batch_size=8)
NAMES = ("no", "yes")
EVERY_KIND = (
    {"model": {"source": "asked", "head": "label_tokens", "max_length": 64}, "fine_tune": {"epochs": 1}},
    {"kind": "tfidf_svm"},
    {"fine_tune": {"seed": 5}},
)
"""Members beside an encoder: a language model of another base, a linear machine, the same encoder by another seed."""


@pytest.fixture(scope="module")
def parts(tiny_examples: pd.DataFrame) -> dict[str, pd.DataFrame]:
    labelled = tiny_examples.assign(label=(tiny_examples["score"] >= 0.5).astype(int))
    return {"train": labelled[:40], "validation": labelled[40:60], "test": labelled[60:]}


@pytest.fixture(scope="module")
def bases(tiny_model: Path, tiny_language_model: Path) -> tuple[Path, ...]:
    return tiny_model, tiny_language_model


def describe(base: Base, *members: Mapping[str, Any]) -> tuple[Described, ...]:
    model = ModelConfig.model_validate(
        {"source": "read", "quantization": "none", "max_length": 32, "members": list(members)}
    )
    return describe_members(list_members(model, TUNING), base=base, class_names=NAMES)


@pytest.fixture(scope="module")
def ensemble(parts: dict[str, pd.DataFrame], bases: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adapter of an ensemble with a member of every kind."""
    folder = tmp_path_factory.mktemp("ensemble")
    rows = list[dict[str, float]]()
    means = Means(folder / "checkpoints", Hooks(rows.append), price_per_hour=3600)
    train_members(parts, describe(bases, *EVERY_KIND), means, output=folder / "adapter")
    assert [("member_2_epoch" in row, "member_4_epoch" in row) for row in rows] == [
        (False, False), (False, False), (True, False), (False, True), (False, True)
    ]  # fmt: skip
    assert not (folder / "checkpoints").exists()
    return folder / "adapter"


def test_a_single_network_is_trained_as_it_always_was(
    parts: dict[str, pd.DataFrame], tiny_model: Path, tmp_path: Path
) -> None:
    only = describe(tiny_model)
    train_members(parts, only, Means(tmp_path / "a"), output=tmp_path / "new")
    assert not (tmp_path / "a").exists()
    fine_tune(parts, only[0].spec, TUNING, base=tiny_model, checkpoints=tmp_path / "b", output=tmp_path / "old")
    assert_equal(tmp_path / "new", tmp_path / "old")
    written = [
        {path.relative_to(folder) for path in folder.rglob("*")} for folder in (tmp_path / "new", tmp_path / "old")
    ]
    assert written[0] == written[1]
    scored = [
        Predictor.load(tmp_path / name, base=tiny_model).score(list(parts["test"]["text"])) for name in ("new", "old")
    ]
    assert np.array_equal(*scored)
    assert History.load(tmp_path / "new").members is None


def test_each_member_is_what_it_would_be_alone(
    ensemble: Path, parts: dict[str, pd.DataFrame], bases: tuple[Path, ...], tmp_path: Path
) -> None:
    members = {member.planned.number: member for member in describe(bases, *EVERY_KIND)}
    folders = {1: ensemble, **list_member_folders(ensemble)}
    assert folders.keys() == members.keys() == {1, 2, 3, 4}
    assert [is_network(folder) for folder in folders.values()] == [True, True, False, True]
    for number in (2, 4):
        alone, settings = tmp_path / str(number), members[number].planned.fine_tune
        fine_tune(
            parts,
            members[number].spec,
            settings,
            base=members[number].base,
            checkpoints=tmp_path / f"c{number}",
            output=alone,
        )
        assert_equal(folders[number], alone)
    texts = list(parts["test"]["text"])
    machine = fit_member(parts["train"], class_names=NAMES, seed=TUNING.seed)
    assert np.array_equal(Predictor.load(ensemble, base=bases).members[1].score(texts), machine.score(texts))


@pytest.mark.parametrize("checkpoint", ["best", "last"])
def test_an_ensemble_answers_by_the_mean_of_its_members_log_odds(
    ensemble: Path, parts: dict[str, pd.DataFrame], bases: tuple[Path, ...], checkpoint: str
) -> None:
    predictor, texts = Predictor.load(ensemble, base=bases, checkpoint=checkpoint), list(parts["test"]["text"])
    alone = [predictor.score_alone(texts), *(member.score(texts) for member in predictor.members)]
    by_hand = expit(np.mean([logit(scores[:, 1]) for scores in alone], axis=0))
    together = predictor.score(texts)
    assert together[:, 1] == pytest.approx(by_hand)
    assert together.sum(axis=1) == pytest.approx(1)
    assert min(np.abs(together - scores).max() for scores in alone) > 1e-3
    assert np.array_equal(predictor.score(texts, encoded=predictor.encode(texts)), together)
    assert predictor.score([]).shape == (0, 2)


def test_base_models_may_lie_in_one_folder(
    ensemble: Path, parts: dict[str, pd.DataFrame], bases: tuple[Path, ...], tmp_path: Path
) -> None:
    from agile_classifier.models.ensemble.bases import gather_bases

    texts = list(parts["test"]["text"])
    together = Predictor.load(ensemble, base=gather_bases(bases, tmp_path), shares_base=True)
    assert np.array_equal(together.score(texts), Predictor.load(ensemble, base=bases).score(texts))
    same_base = together.members[2]
    assert isinstance(same_base, Predictor)
    assert same_base.base is together.base
    assert together.base is not None


def test_time_and_parameters_are_those_of_all_members(ensemble: Path) -> None:
    history = History.load(ensemble)
    assert history.members is not None
    assert history.seconds == pytest.approx(sum(member.seconds for member in history.members))
    assert history.cost == pytest.approx(history.device_seconds, abs=1e-3)
    assert all(member.n_trained_parameters > 0 for member in history.members)
    assert history.facts["member_2_seconds"] == history.members[1].seconds


def test_a_killed_training_goes_on_with_the_member_that_was_in_work(
    ensemble: Path, parts: dict[str, pd.DataFrame], bases: tuple[Path, ...], tmp_path: Path
) -> None:
    class Killed(BaseException):
        """In place of a signal: no code of the training catches it."""

    def kill(row: dict[str, float]) -> None:
        if row.get("member_4_epoch") == 1:
            raise Killed

    members = describe(bases, *EVERY_KIND)
    with pytest.raises(Killed):
        train_members(parts, members, Means(tmp_path / "checkpoints", Hooks(kill)), output=tmp_path / "adapter")
    left = tmp_path / "checkpoints" / "member-4"
    (left / "made").mkdir(exist_ok=True)
    for torn in ("made/half of a file", "arriving.zip"):
        (left / torn).write_bytes(b"cut off")
    seen = list[dict[str, float]]()
    train_members(parts, members, Means(tmp_path / "checkpoints", Hooks(seen.append)), output=tmp_path / "adapter")
    assert [row["member_4_epoch"] for row in seen] == [2]
    for place in (".", "members/2", "members/4"):
        assert_equal(tmp_path / "adapter" / place, ensemble / place)


def test_the_evaluation_shows_what_each_member_brings_and_costs(
    ensemble: Path, parts: dict[str, pd.DataFrame], bases: tuple[Path, ...]
) -> None:
    from agile_classifier.config.evaluation import EvaluationConfig
    from agile_classifier.evaluation.score_tables import compare_with_baselines, read_scores

    examined = examine(
        adapter=ensemble, base=bases, label_threshold=0.5, settings=EvaluationConfig(n_resamples=100), **parts
    )
    evaluation, predictor = examined.evaluation, Predictor.load(ensemble, base=bases)
    texts = list(parts["test"]["text"])
    assert read_scores(examined.test_scores, "candidate") == pytest.approx(predictor.score(texts))
    assert read_scores(examined.test_scores, "member_1") == pytest.approx(predictor.score_alone(texts))
    assert read_scores(examined.test_scores, "member_3") == pytest.approx(predictor.members[1].score(texts))
    assert set(MEMBERS) <= set(evaluation.metrics)
    assert [one.what for one in evaluation.members] == [
        "read, layers pooling", "asked, label tokens", "TF-IDF + linear SVM", "read, layers pooling",
    ]  # fmt: skip
    assert all(one.rows_per_second > 0 for one in evaluation.members)
    assert evaluation.flat()["member_4_test_roc_auc"] == evaluation.metrics["member_4"]["roc_auc"]
    differences = compare_with_baselines(evaluation, examined.test_scores, metric="roc_auc")
    expected = evaluation.metrics["candidate"]["roc_auc"] - evaluation.metrics["member_2"]["roc_auc"]
    assert differences["member_2"].difference == pytest.approx(expected)


def test_texts_that_one_member_alone_cuts_are_counted(
    parts: dict[str, pd.DataFrame], tiny_model: Path, tmp_path: Path
) -> None:
    from agile_classifier.config.evaluation import EvaluationConfig

    members = describe(tiny_model, {"model": {"max_length": 8}})
    train_members(parts, members, Means(tmp_path / "checkpoints"), output=tmp_path / "adapter")
    examined = examine(
        adapter=tmp_path / "adapter", base=tiny_model, label_threshold=0.5,
        settings=EvaluationConfig(n_resamples=100, explained_errors=0), **parts
    )  # fmt: skip
    texts = {part: list(rows["text"]) for part, rows in parts.items()}
    whole = Predictor.load(tmp_path / "adapter", base=tiny_model)
    short = whole.members[0]
    assert isinstance(short, Predictor)
    assert whole.encode(texts["test"]).n_cut == 0
    assert examined.evaluation.n_cut == {part: short.encode(read).n_cut for part, read in texts.items()}
    assert examined.evaluation.n_cut["test"] > 0


def test_of_three_classes_the_mean_is_normalised(
    parts: dict[str, pd.DataFrame], tiny_model: Path, tmp_path: Path
) -> None:
    three = {part: rows.assign(label=np.arange(len(rows)) % 3) for part, rows in parts.items()}
    model = ModelConfig.model_validate(
        {"source": "read", "quantization": "none", "max_length": 32, "members": [{"kind": "tfidf_svm"}]}
    )
    members = describe_members(list_members(model, TUNING), base=tiny_model, class_names=("a", "b", "c"))
    train_members(three, members, Means(tmp_path / "checkpoints"), output=tmp_path / "adapter")
    predictor, texts = Predictor.load(tmp_path / "adapter", base=tiny_model), list(parts["test"]["text"])
    logs = [np.log(predictor.score_alone(texts)), np.log(predictor.members[0].score(texts))]
    assert predictor.score(texts) == pytest.approx(softmax(np.mean(logs, axis=0), axis=1))

"""Ensemble member: a linear machine beside the network, calibrated on folds of train, kept without a pickle."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from agile_classifier.config.ensemble.members import list_members
from agile_classifier.config.training import FineTuneConfig, MemberConfig, ModelConfig
from agile_classifier.errors import InputError
from agile_classifier.metrics.calibration import average_log_odds
from agile_classifier.models.classical.baselines import score_tfidf_svm
from agile_classifier.models.classical.member import Member, fit_member
from agile_classifier.models.ensemble.members import list_member_folders
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import MEMBER_FOLDER
from agile_classifier.training.ensemble import Means, describe_members, train_members

STRANGE = ["", "never seen", "a\nb", "☃ lovely", "lovely " * 300]


@pytest.fixture(scope="module")
def labelled(tiny_examples: pd.DataFrame) -> pd.DataFrame:
    """A tenth of the labels is wrong, so that nothing is certain."""
    label = (tiny_examples["score"] >= 0.5).astype(int)
    wrong = np.random.default_rng(0).random(len(label)) < 0.1
    return tiny_examples.assign(label=label.where(~wrong, 1 - label))


def fitted(labelled: pd.DataFrame) -> Member:
    return fit_member(labelled, class_names=("no", "yes"), seed=0)


def test_an_ensemble_averages_log_odds() -> None:
    one, other = [[0.2, 0.8]], [[0.5, 0.5]]
    assert average_log_odds(one, other)[0, 1] == pytest.approx(1 / (1 + math.exp(-0.5 * math.log(0.8 / 0.2))))
    assert average_log_odds(one, one) == pytest.approx(np.asarray(one))
    three = average_log_odds([[0.1, 0.6, 0.3]], [[0.4, 0.4, 0.2]])[0]
    assert three == pytest.approx(np.sqrt([0.04, 0.24, 0.06]) / np.sqrt([0.04, 0.24, 0.06]).sum())


def test_it_ranks_as_the_baseline_does_and_says_truer_probabilities(labelled: pd.DataFrame) -> None:
    train, test = labelled[:80], labelled[80:]
    said = fitted(train).score(list(test["text"]))
    plain = score_tfidf_svm(
        train_text=list(train["text"]), train_label=train["label"], test_text=list(test["text"]), n_classes=2
    )
    assert np.argsort(said[:, 1]).tolist() == np.argsort(plain[:, 1]).tolist()
    assert log_loss(test["label"], said[:, 1]) < log_loss(test["label"], plain[:, 1])


def test_what_is_saved_answers_bit_for_bit_and_is_no_pickle(labelled: pd.DataFrame, tmp_path: Path) -> None:
    member = fitted(labelled)
    member.save(tmp_path / MEMBER_FOLDER)
    texts = [*labelled["text"], *STRANGE]
    loaded = Member.load(tmp_path / MEMBER_FOLDER)
    assert np.array_equal(loaded.score(texts), member.score(texts))
    assert {path.suffix for path in (tmp_path / MEMBER_FOLDER).iterdir()} == {".json", ".safetensors"}
    assert loaded.score([]).shape == (0, 2)


def test_of_three_classes_it_has_three_probabilities(labelled: pd.DataFrame, tmp_path: Path) -> None:
    three = labelled.assign(label=np.arange(len(labelled)) % 3)
    member = fit_member(three, class_names=("a", "b", "c"), seed=0)
    member.save(tmp_path / MEMBER_FOLDER)
    said = Member.load(tmp_path / MEMBER_FOLDER).score(STRANGE)
    assert said.shape == (len(STRANGE), 3)
    assert said.sum(axis=1) == pytest.approx(1)
    assert np.array_equal(said, member.score(STRANGE))


def test_a_class_too_rare_to_be_calibrated_is_named_before_anything_is_trained(
    labelled: pd.DataFrame, tiny_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"model.members kind tfidf_svm: class yes has 4 texts in train; 5 are needed"):
        train(tiny_model, labelled.assign(label=[1] * 4 + [0] * (len(labelled) - 4)), tmp_path)
    assert not (tmp_path / "adapter" / "best").exists()


def test_folds_keep_groups_whole_so_that_what_a_group_repeats_is_not_taken_for_knowledge(
    labelled: pd.DataFrame,
) -> None:
    """Every group says one sentence again and again, under labels that nothing explains."""
    label = np.random.default_rng(1).permutation(np.arange(len(labelled)) // 6 % 2)[::6].repeat(6)
    said = [f"sentence {group} of its own kind {group}{group}" for group in range(len(labelled) // 6) for _ in range(6)]
    repeated = pd.DataFrame({"text": said, "label": label, "group": [text[:12] for text in said]})
    names = ("no", "yes")
    taken_in = fit_member(repeated.drop(columns="group"), class_names=names, seed=0).calibration
    honest = fit_member(repeated, class_names=names, seed=0).calibration
    assert taken_in.slope > 3 * honest.slope


@pytest.mark.parametrize("dtype", ["str", "object"])
def test_a_text_without_a_group_is_a_group_of_its_own(labelled: pd.DataFrame, dtype: Any) -> None:
    places = range(len(labelled))
    for is_named in ([place % 4 < 3 for place in places], [False for _ in places]):
        given = [f"group {place % 40:03}" if named else None for place, named in zip(places, is_named, strict=True)]
        alone = [group or f"lone text {place:03}" for place, group in zip(places, given, strict=True)]
        found, expected = (
            fitted(labelled.assign(group=pd.Series(groups, dtype=dtype))).score(STRANGE) for groups in (given, alone)
        )
        assert np.array_equal(found, expected)


def test_where_a_class_stands_in_few_groups_or_no_text_holds_a_word_it_says_so(labelled: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="class no has 1 groups in train"):
        fit_member(labelled.assign(group="one"), class_names=("no", "yes"), seed=0)
    with pytest.raises(InputError, match="empty vocabulary"):
        fit_member(labelled.assign(text="?"), class_names=("no", "yes"), seed=0)


def test_a_tuned_classifier_answers_as_an_ensemble_by_either_checkpoint(
    labelled: pd.DataFrame, tiny_model: Path, tmp_path: Path
) -> None:
    adapter, texts = train(tiny_model, labelled, tmp_path), list(labelled["text"][:20])
    member = Member.load(list_member_folders(adapter)[2])
    for checkpoint in ("best", "last"):
        predictor = Predictor.load(adapter, base=tiny_model, checkpoint=checkpoint)
        together, encoded = predictor.score(texts), predictor.encode(texts)
        assert np.array_equal(predictor.score(texts, encoded=encoded), together)
        predictor.members = ()
        alone = predictor.score(texts)
        assert together == pytest.approx(average_log_odds(alone, member.score(texts)))
        assert np.abs(together - alone).max() > 0.01
    assert Predictor.load(adapter, base=tiny_model).score([]).shape == (0, 2)


def train(base: Path, labelled: pd.DataFrame, folder: Path) -> Path:
    tuning = FineTuneConfig(epochs=1, rank=2, batch_size=8)
    beside = MemberConfig(kind="tfidf_svm")
    model = ModelConfig(source="tiny", quantization="none", max_length=32, members=(beside,))
    members = describe_members(list_members(model, tuning), base=base, class_names=("no", "yes"))
    parts = {"train": labelled, "validation": labelled[:0]}
    train_members(parts, members, Means(folder / "checkpoints"), output=folder / "adapter")
    return folder / "adapter"

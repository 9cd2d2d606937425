"""Heads over four layers and heads that start at a linear probe, through the real tuner, saved and loaded again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from agile_classifier.metrics.metrics import evaluate_scores
from agile_classifier.models.classical import linear_probe
from agile_classifier.models.classical.linear_probe import fit_probe, score_probe, start_at_probe
from agile_classifier.models.embeddings import embed, embed_parts
from agile_classifier.models.predictor import Predictor
from agile_classifier.training.history import History
from tests.training.test_fine_tuning import SPEC, changed, tensors, tune

LAYERS = replace(SPEC, pooling="layers")
STARTED = changed(head_start="linear_probe", epochs=1, learning_rate=1e-7)


@pytest.fixture
def labelled(tiny_examples: pd.DataFrame) -> pd.DataFrame:
    return tiny_examples.assign(label=(tiny_examples["score"] >= 0.5).astype(int))


def test_embeddings_are_four_means_of_length_one_in_the_order_of_the_texts(
    tiny_model: Path, labelled: pd.DataFrame
) -> None:
    texts = list(labelled["text"][:20])
    found = embed(texts, base=tiny_model, max_length=32)
    assert found.shape == (20, 4 * 32)
    assert np.linalg.norm(found.reshape(20, 4, 32), axis=-1) == pytest.approx(1, abs=1e-3)
    assert embed(texts[::-1], base=tiny_model, max_length=32)[::-1] == pytest.approx(found, abs=0.02)


def test_parts_embedded_by_one_copy_of_the_model_are_those_embedded_alone(
    tiny_model: Path, labelled: pd.DataFrame
) -> None:
    parts = {"train": list(labelled["text"][:9]), "validation": [], "test": list(labelled["text"][9:40])}
    found = embed_parts(parts, base=tiny_model, max_length=32)
    assert {part: rows.shape for part, rows in found.items()} == {
        "train": (9, 128),
        "validation": (0, 0),
        "test": (31, 128),
    }
    for part, texts in parts.items():
        assert np.array_equal(found[part], embed(texts, base=tiny_model, max_length=32))


def test_a_probe_scores_each_part_as_itself_and_a_part_without_rows_not_at_all() -> None:
    rng = np.random.default_rng(0)
    features = {"train": rng.normal(size=(60, 5)), "validation": np.empty((0, 0)), "test": rng.normal(size=(7, 5))}
    train = pd.DataFrame({"label": np.repeat([0, 2], 30)})
    found = score_probe(features, train, parts=("validation", "test"), n_classes=3)
    assert found["validation"].shape == (0, 3)
    assert np.array_equal(found["test"][:, [0, 2]], fit_probe(features["train"], train).predict_proba(features["test"]))
    assert not found["test"][:, 1].any()


def test_a_probe_reads_targets_as_shares_of_a_text_and_weights_as_copies() -> None:
    rng = np.random.default_rng(0)
    features, label = rng.normal(size=(60, 5)), rng.integers(0, 2, 60)
    hard = fit_probe(features, pd.DataFrame({"label": label}))
    as_target = fit_probe(features, pd.DataFrame({"label": label, "target": label.astype(float)}))
    assert as_target.coef_ == pytest.approx(hard.coef_, abs=1e-3)
    twice = fit_probe(features, pd.DataFrame({"label": label, "weight": np.full(60, 2.0)}))
    expected = LogisticRegression(max_iter=5000).fit(np.repeat(features, 2, axis=0), np.repeat(label, 2))
    assert twice.coef_ == pytest.approx(expected.coef_, abs=1e-3)


def test_a_head_that_starts_at_a_probe_answers_as_the_probe_does() -> None:
    rng = np.random.default_rng(0)
    for n_classes in (2, 3):
        features, train = rng.normal(size=(90, 6)), pd.DataFrame({"label": rng.integers(0, n_classes, 90)})
        head = nn.Sequential(nn.Dropout(0.0), nn.Linear(6, n_classes))
        start_at_probe(head, features, train)
        answered = torch.softmax(head(torch.as_tensor(features, dtype=torch.float32)), -1).detach().numpy()
        assert answered == pytest.approx(fit_probe(features, train).predict_proba(features), abs=1e-5)


def test_layers_started_at_a_probe_are_right_before_they_are_tuned_and_survive_saving(
    tiny_model: Path, labelled: pd.DataFrame, tmp_path: Path
) -> None:
    adapter = tune(tiny_model, labelled, tmp_path, settings=STARTED, spec=LAYERS)
    truth, texts = labelled["label"][80:].to_numpy(), list(labelled["text"][80:])
    y_score = Predictor.load(adapter, base=tiny_model).score(texts)
    found = evaluate_scores(y_true=truth, y_score=y_score, decision_threshold=0.5)
    assert found["roc_auc"] > 0.75
    assert found["roc_auc"] == pytest.approx(History.load(adapter).epochs[-1]["validation_roc_auc"], abs=0.02)


def test_layers_are_exported_as_a_graph_that_answers_as_the_original(
    tiny_model: Path, labelled: pd.DataFrame, tmp_path: Path
) -> None:
    from agile_classifier.models.onnx.export import export_onnx
    from agile_classifier.models.onnx.predictor import OnnxPredictor

    adapter = tune(tiny_model, labelled, tmp_path, settings=STARTED, spec=replace(LAYERS, quantization="none"))
    texts = list(labelled["text"][80:100])
    export_onnx(adapter, base=tiny_model, output=tmp_path / "onnx", texts=tuple(texts))
    expected = Predictor.load(adapter, base=tiny_model).score(texts)
    assert OnnxPredictor(tmp_path / "onnx").score(texts) == pytest.approx(expected, abs=0.02)


def test_the_defaults_train_as_they_did_whatever_columns_say_that_nobody_doubts(
    tiny_model: Path, labelled: pd.DataFrame, tmp_path: Path
) -> None:
    plain = tune(tiny_model, labelled, tmp_path / "plain", settings=changed(epochs=1))
    certain = labelled.assign(weight=1.0)
    weighed = tune(tiny_model, certain, tmp_path / "weighed", settings=changed(epochs=1))
    for name, value in tensors(plain, "last").items():
        assert torch.allclose(value, tensors(weighed, "last")[name], atol=1e-5), name


def test_soft_targets_teach_probabilities_that_are_less_sure(
    tiny_model: Path, labelled: pd.DataFrame, tmp_path: Path
) -> None:
    settings = changed(epochs=8)
    unsure = labelled.assign(target=0.5 + 0.1 * (2 * labelled["label"] - 1))
    found = {}
    for name, frame in {"hard": labelled, "soft": unsure}.items():
        adapter = tune(tiny_model, frame, tmp_path / name, settings=settings)
        y_score = Predictor.load(adapter, base=tiny_model, checkpoint="last").score(list(labelled["text"][:80]))
        found[name] = float(np.abs(y_score[:, 1] - 0.5).mean())
    assert found["soft"] < 0.15 < found["hard"]


def test_a_probe_of_very_many_texts_learns_from_a_sample_that_its_seed_fixes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_probe, "MOST_PROBED", 5)
    drawn = linear_probe.choose_probed(100, seed=3)
    assert drawn == linear_probe.choose_probed(100, seed=3) == sorted(set(drawn))
    assert len(drawn) == 5
    assert linear_probe.choose_probed(100, seed=4) != drawn
    assert linear_probe.choose_probed(4, seed=3) == [0, 1, 2, 3]

"""Several labels by one network, of either head: learnt, asked in one packed pass, exported, and fitted as an estimator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from agile_classifier.config.training import EarlyStopping, FineTuneConfig, ModelConfig
from agile_classifier.errors import InputError
from agile_classifier.label_sets import join_labels, part_labels
from agile_classifier.metrics.metrics import evaluate_scores
from agile_classifier.models.network.heads import choose_read
from agile_classifier.models.onnx.export import export_onnx
from agile_classifier.models.onnx.merging import compute_in_float32
from agile_classifier.models.onnx.predictor import OnnxPredictor
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.prompts.prompts import encode_questions
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.training.estimator import AgileClassifier
from agile_classifier.training.fine_tuning import fine_tune
from agile_classifier.training.history import History
from tests.conftest import BLAME, PRAISE

NAMES = ("fine", "awful", "rare")
"""Words that the tiny language model knows, as names of labels; the third is none of them."""
HEADS: dict[str, dict[str, str]] = {"classification": {"pooling": "mean"}, "label_tokens": {"head": "label_tokens"}}
RATES = {"classification": 1e-2, "label_tokens": 3e-3}


@pytest.fixture(scope="module")
def examples(tiny_examples: pd.DataFrame) -> pd.DataFrame:
    """Texts that hold praise, blame, both or neither, and of every fifth a third label that nothing in them tells."""
    words = [set(text.split()) for text in tiny_examples["text"]]
    present = [[bool(each & set(PRAISE)), bool(each & set(BLAME)), row % 5 == 0] for row, each in enumerate(words)]
    return tiny_examples.assign(label=join_labels(present))


@pytest.fixture(scope="module")
def truth(examples: pd.DataFrame) -> np.ndarray:
    return part_labels(examples["label"], len(NAMES))


@pytest.fixture(scope="module", params=HEADS)
def tuned(
    request: pytest.FixtureRequest,
    examples: pd.DataFrame,
    tiny_model: Path,
    tiny_language_model: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Path]:
    """Adapter and base model, of both heads in turn."""
    folder = tmp_path_factory.mktemp("several")
    base = tiny_language_model if request.param == "label_tokens" else tiny_model
    model = ModelConfig(source="toy", max_length=64, quantization="none", **HEADS[request.param])
    spec = ClassifierSpec.describe(model, class_names=NAMES, base_digest="", several=True)
    settings = FineTuneConfig(
        rank=8, alpha=16, dropout=0.0, learning_rate=RATES[request.param], epochs=6, batch_size=8,
        early_stopping=EarlyStopping(metric="roc_auc"),
    )  # fmt: skip
    parts = {"train": examples[:80], "validation": examples[80:]}
    fine_tune(parts, spec, settings, base=base, checkpoints=folder / "checkpoints", output=folder / "adapter")
    return folder / "adapter", base


def test_each_label_is_learnt_by_itself(tuned: tuple[Path, Path], examples: pd.DataFrame, truth: np.ndarray) -> None:
    predictor = Predictor.load(tuned[0], base=tuned[1])
    score = predictor.score(list(examples["text"]))
    assert score.shape == truth.shape
    assert np.abs(score.sum(axis=1) - 1).max() > 0.1, "labels do not share one probability"
    losses = [epoch["train_loss"] for epoch in History.load(tuned[0]).epochs]
    assert losses[-1] < 0.95 * losses[0]
    if (
        predictor.spec.prompt is not None
    ):  # of random weights, a language model of width 32 learns no more in so few steps
        return
    areas = [
        evaluate_scores(y_true=truth[:, [place]], y_score=score[:, [place]], decision_threshold=(0.5,))["roc_auc"]
        for place in range(2)
    ]
    assert min(areas) > 0.8


def test_a_text_scores_alike_alone_and_among_others(tuned: tuple[Path, Path], examples: pd.DataFrame) -> None:
    predictor, texts = Predictor.load(tuned[0], base=tuned[1]), list(examples["text"].head(12))
    together = predictor.score(texts)
    alone = np.concatenate([predictor.score([text]) for text in texts])
    assert np.abs(together - alone).max() < 1e-4


@torch.no_grad()
def test_questions_in_one_pass_are_answered_as_each_behind_the_text_alone(
    tuned: tuple[Path, Path], examples: pd.DataFrame
) -> None:
    predictor = Predictor.load(tuned[0], base=tuned[1])
    prompt = predictor.spec.prompt
    if prompt is None:
        pytest.skip("a classification head asks no questions")
    asked = encode_questions(prompt, tokenizer=predictor.tokenizer)
    texts = list(examples["text"].head(5))
    packed = predictor.score(texts)
    for place, question in enumerate(asked):
        rows = [[*ids, *question] for ids in predictor.encode(texts).input_ids]
        plain = replace(predictor.spec, several=False, prompt=replace(prompt, questions=()))
        network = predictor.network
        network.read = choose_read(plain, None)
        hidden = [network.read(network.encoder, torch.tensor([row]), torch.ones(1, len(row))) for row in rows]
        odds = torch.cat([network.head(each[None])[0] for each in hidden]).squeeze(-1)
        assert np.abs(torch.sigmoid(odds).numpy() - packed[:, place]).max() < 1e-4


def test_an_exported_graph_gives_each_label_its_probability(
    tuned: tuple[Path, Path], examples: pd.DataFrame, tmp_path: Path
) -> None:
    texts = list(examples["text"].head(6))
    export_onnx(tuned[0], base=tuned[1], output=tmp_path / "export", texts=texts)
    original = Predictor.load(tuned[0], base=tuned[1])
    compute_in_float32(original.network)  # as the graph does
    assert np.abs(OnnxPredictor(tmp_path / "export").score(texts) - original.score(texts)).max() < 1e-3


def test_the_prompt_that_fits_leaves_room_for_the_longest_question(tuned: tuple[Path, Path]) -> None:
    predictor = Predictor.load(tuned[0], base=tuned[1])
    if predictor.spec.prompt is None:
        pytest.skip("a classification head asks no questions")
    asked = encode_questions(predictor.spec.prompt, tokenizer=predictor.tokenizer)
    (ids,) = predictor.encode(["fine " * 200]).input_ids
    assert len(ids) + max(map(len, asked)) <= predictor.spec.max_length


def test_a_specification_is_read_as_it_was_written(tuned: tuple[Path, Path], tmp_path: Path) -> None:
    spec = ClassifierSpec.load(tuned[0])
    assert spec.several
    spec.save(tmp_path)
    assert ClassifierSpec.load(tmp_path) == spec


def test_an_estimator_is_fitted_on_a_table_and_predicts_one(
    examples: pd.DataFrame, truth: np.ndarray, tiny_model: Path
) -> None:
    texts, y = list(examples["text"]), pd.DataFrame(truth, columns=list(NAMES))
    made = AgileClassifier(str(tiny_model), max_length=64, quantization="none", epochs=1, head_start="linear_probe")
    fitted = made.fit(texts, y)
    assert list(fitted.classes_) == list(NAMES)
    probability = fitted.predict_proba(texts)
    assert probability.shape == truth.shape
    assert (fitted.predict(texts) == (probability >= 0.5)).all()
    assert evaluate_scores(y_true=truth, y_score=probability, decision_threshold=(0.5,) * 3)["roc_auc"] > 0.7


@pytest.mark.parametrize(
    ("y", "error", "words"),
    [
        ([[0, 2], [1, 0]], ValueError, "0 and 1 alone"),
        ([[1, 0], [1, 1]], ValueError, "stands in every row or in none"),
    ],
)
def test_a_table_that_cannot_be_learnt_is_refused(y: list[list[int]], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        AgileClassifier("nowhere").fit(["a", "b"], y)


def test_settings_of_one_label_are_refused_by_their_name() -> None:
    made = AgileClassifier("nowhere", balance="weights")
    with pytest.raises(InputError, match="balance weights: allowed with several labels is none"):
        made.fit(["a", "b"], [[0, 1], [1, 0]])

"""The predictor: an answer belongs to its text alone, whatever stands beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from agile_classifier.config.training import FineTuneConfig
from agile_classifier.models.base_model import load_base_model
from agile_classifier.models.encoding import load_tokenizer
from agile_classifier.models.network.network import build_network, save_network
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import TOKENIZER_FOLDER, ClassifierSpec

SPEC = ClassifierSpec(
    class_names=("no", "yes", "perhaps"),
    pooling="mean",
    quantization="none",
    double_quant=True,
    compute_dtype="float32",
    max_length=24,
    hidden_size=32,
    base_source="tiny",
    base_sha256=None,
    base_revision=None,
    base_digest="",
)


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `fine_tune` leaves, with random values in place of trained ones; `last` differs from `best`."""
    folder = tmp_path_factory.mktemp("adapter")
    base = load_base_model(
        tiny_model, pooling="mean", n_classes=3, quantization="none", double_quant=True, compute_dtype="float32", device="cpu"
    )  # fmt: skip
    network = build_network(base, SPEC, FineTuneConfig(rank=2, alpha=4), base_folder=tiny_model)
    for seed, checkpoint in enumerate(("best", "last")):
        torch.manual_seed(seed)
        for parameter in network.parameters():
            if parameter.requires_grad:
                nn.init.normal_(parameter, std=0.3)
        save_network(network, folder / checkpoint)
    load_tokenizer(tiny_model).save_pretrained(folder / TOKENIZER_FOLDER)
    SPEC.save(folder)
    return folder


@pytest.fixture(scope="module")
def predictor(adapter: Path, tiny_model: Path) -> Predictor:
    return Predictor.load(adapter, base=tiny_model)


def test_the_order_of_the_texts_is_kept(predictor: Predictor, tiny_examples: pd.DataFrame) -> None:
    texts = list(tiny_examples["text"])
    scores = predictor.score(texts)
    shuffled = np.random.default_rng(0).permutation(len(texts))
    assert scores.shape == (len(texts), 3)
    assert predictor.score([texts[row] for row in shuffled]) == pytest.approx(scores[shuffled], abs=1e-5)
    assert np.ptp(scores[:, 1]) > 0.05  # or any order would do


def test_probabilities_of_a_text_sum_to_1(predictor: Predictor, tiny_examples: pd.DataFrame) -> None:
    scores = predictor.score(list(tiny_examples["text"]))
    assert scores.dtype == np.float64
    assert (scores >= 0).all()
    assert scores.sum(axis=1) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("tokens", [1, 40, 100_000])
def test_an_answer_does_not_depend_on_the_rest_of_its_batch(
    predictor: Predictor, tiny_examples: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, tokens: int
) -> None:
    texts = list(tiny_examples["text"][:12])
    expected = predictor.score(texts)
    monkeypatch.setattr("agile_classifier.models.predictor.TOKENS_PER_BATCH", tokens)
    assert predictor.score(texts) == pytest.approx(expected, abs=1e-5)
    assert predictor.score(texts[7:8]) == pytest.approx(expected[7:8], abs=1e-5)


def test_no_texts_have_no_answers(predictor: Predictor) -> None:
    assert predictor.score([]).shape == (0, 3)


def test_odd_texts_get_finite_answers(predictor: Predictor) -> None:
    scores = predictor.score(["", " ", "☃" * 9, "fine " * 999])
    assert np.isfinite(scores).all()
    assert scores[0] == pytest.approx(scores[1])


def test_a_text_longer_than_the_model_reads_scores_as_its_beginning(predictor: Predictor) -> None:
    beginning = "fine " * (SPEC.max_length - 2)
    assert predictor.score([beginning + "awful " * 9]) == pytest.approx(predictor.score([beginning]))


def test_the_same_adapter_loads_the_same_whatever_torchs_seed(
    adapter: Path, tiny_model: Path, predictor: Predictor
) -> None:
    torch.manual_seed(12345)
    again = Predictor.load(adapter, base=tiny_model)
    assert np.array_equal(again.score(["a fine day", "awful"]), predictor.score(["a fine day", "awful"]))
    assert not again.network.training


def test_best_and_last_are_two_checkpoints(adapter: Path, tiny_model: Path, predictor: Predictor) -> None:
    last = Predictor.load(adapter, base=tiny_model, checkpoint="last")
    assert np.abs(last.score(["a fine day"]) - predictor.score(["a fine day"])).max() > 1e-3


def test_the_spec_says_how_much_of_a_text_is_read(predictor: Predictor) -> None:
    hasty = Predictor(predictor.network, predictor.tokenizer, replace(SPEC, max_length=8))
    assert hasty.score(["fine " * 6 + "awful " * 6]) == pytest.approx(predictor.score(["fine " * 6]))

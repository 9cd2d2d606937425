"""Classifiers on one base model: its weights lie in memory once, and mixed texts are answered as each classifier does."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
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
from agile_classifier.models.sharing import bases
from agile_classifier.models.sharing.mixed_layer import MixedLayer
from agile_classifier.models.sharing.mixture import Mixture, find_mixing_key
from agile_classifier.models.spec import TOKENIZER_FOLDER
from tests.models.test_predictor import SPEC
from tests.toys.waiting import LONGEST

Make = Callable[..., Predictor]


@pytest.fixture(scope="module")
def make(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A classifier of random values, loaded as a registered version is."""

    def make(seed: int, *, rank: int = 2, targets: tuple[str, ...] = ("all-linear",), **spec: object) -> Predictor:
        folder, described = tmp_path_factory.mktemp("adapter"), replace(SPEC, base_digest="tiny", **spec)
        how = {name: getattr(described, name) for name in ("pooling", "n_classes", "quantization", "double_quant", "compute_dtype")}  # fmt: skip
        base = load_base_model(tiny_model, **how, device="cpu")
        settings = FineTuneConfig(rank=rank, alpha=4, target_modules=targets)
        network = build_network(base, described, settings, base_folder=tiny_model)
        torch.manual_seed(seed)
        for parameter in network.parameters():
            if parameter.requires_grad:
                nn.init.normal_(parameter, std=0.3)
        save_network(network, folder / "best")
        load_tokenizer(tiny_model).save_pretrained(folder / TOKENIZER_FOLDER)
        described.save(folder)
        return Predictor.load(folder, base=tiny_model, shares_base=True)

    return make


def weights_of(predictor: Predictor) -> dict[str, int]:
    """Address of each frozen weight's values."""
    frozen = predictor.network.encoder.get_base_model().named_parameters()
    return {name.replace(".base_layer", ""): values.data_ptr() for name, values in frozen if "lora" not in name}


@pytest.mark.parametrize("how", [
    {}, {"pooling": "layers"}, {"quantization": "nf4"}, {"compute_dtype": "bfloat16"}, {"quantization": "nf4", "compute_dtype": "bfloat16"},
], ids=str)  # fmt: skip
def test_mixed_texts_are_answered_as_by_each_classifier_alone(
    make: Make, tiny_examples: pd.DataFrame, how: dict[str, str]
) -> None:
    predictors = [
        make(1, **how), make(2, rank=5, **how), make(3, targets=("query", "value"), **how),
        make(4, class_names=("no", "yes"), max_length=6, **how),
    ]  # fmt: skip
    texts = [*tiny_examples["text"][:20], "a"]
    parts = [(number, texts[number::4]) for number in (2, 0, 3, 1)]
    alone = [predictors[number].score(texts) for number, texts in parts]
    assert len({find_mixing_key(predictor) for predictor in predictors}) == 1
    mixture = Mixture(predictors)
    for before, mixed, (number, part) in zip(alone, mixture.score(parts), parts, strict=True):
        assert mixed.shape == (len(part), predictors[number].spec.n_classes)
        assert np.abs(mixed - before).max() <= predictors[number].spec.rounding
        assert np.abs(predictors[number].score(part) - before).max() <= predictors[number].spec.rounding
    assert mixture.score([(1, texts[:1])])[0] == pytest.approx(predictors[1].score(texts[:1]), abs=SPEC.rounding * 20)


def test_the_base_model_lies_in_memory_once_and_leaves_with_the_last_that_holds_it(make: Make) -> None:
    first, second, third = make(1), make(2, rank=3), make(3, quantization="nf4")
    assert weights_of(first) == weights_of(second)
    assert first.tokenizer is second.tokenizer
    assert set(weights_of(first).values()).isdisjoint(weights_of(third).values())
    assert find_mixing_key(third) != find_mixing_key(first)
    mixture = Mixture([first, second])
    layers = [module for module in mixture._encoder.modules() if isinstance(module, MixedLayer)]
    pointed = {
        parameter.data.untyped_storage().data_ptr()
        for name, parameter in second.network.named_parameters()
        if "lora_" in name
    }
    assert pointed == {values.untyped_storage().data_ptr() for layer in layers for values in (layer._down, layer._up)}
    key = first.base.key if first.base else None
    assert key in bases._bases
    del first, second, mixture, layers
    gc.collect()
    assert key not in bases._bases


def test_who_stands_apart_is_not_mixed(make: Make, tiny_model: Path) -> None:
    assert find_mixing_key(make(1, pooling="native")) is None
    assert find_mixing_key(make(1, quantization="int8")) is None
    first, other = make(1), make(1)
    other.base = None
    assert find_mixing_key(first) is not None
    assert find_mixing_key(other) is None


def test_a_base_model_that_reads_a_batch_in_a_way_of_its_own_is_found_out(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictors = [make(1), make(2)]
    right = MixedLayer.forward
    monkeypatch.setattr(MixedLayer, "forward", lambda layer, values: right(layer, values.flip(0)).flip(0))
    with pytest.raises(RuntimeError, match="mixed, a probability differs"):
        Mixture(predictors)


def test_two_threads_that_encode_with_one_tokenizer_do_not_meet(make: Make) -> None:
    """Long texts have the tokenizer cut, short ones not, and each changes its settings."""
    predictors = [make(1, max_length=4), make(2, max_length=7)]
    failed: list[BaseException] = []

    def encode(predictor: Predictor) -> None:
        try:
            for turn in range(300):
                predictor.encode(["a fine day and a long one"] * (1 + turn % 40))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=encode, args=(predictor,)) for predictor in predictors * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST)
    assert failed == []

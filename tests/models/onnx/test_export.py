"""ONNX export: the graph answers as the original does, and a graph that does not is never kept."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from agile_classifier.config.training import FineTuneConfig
from agile_classifier.data.evasion.attacks import attack
from agile_classifier.errors import InputError
from agile_classifier.models.base_model import load_base_model
from agile_classifier.models.classical.member import fit_member
from agile_classifier.models.encoding import load_tokenizer
from agile_classifier.models.network.network import HEAD_FILE, build_network, save_network
from agile_classifier.models.onnx import export as onnx_export
from agile_classifier.models.onnx.export import PROBES, export_onnx
from agile_classifier.models.onnx.merging import MergedNetwork, compute_in_float32
from agile_classifier.models.onnx.predictor import OnnxPredictor
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.prompts.prompts import Prompt, find_label_tokens
from agile_classifier.models.spec import MEMBER_FOLDER, MEMBERS_FOLDER, TOKENIZER_FOLDER, ClassifierSpec

WORDS = (
    "fine",
    "awful",
    "the",
    "a",
    "film",
    "day",
    "was",
    "very",
    "lovely",
    "cold",
    "☃",
    "🙂",
    "Prediction",
    ":",
    "<separator>",
)
Adapter = Callable[..., tuple[Path, Path]]


def varied_texts(n: int) -> list[str]:
    """Of 0 to 40 words, known and unknown, the same each time."""
    rng = np.random.default_rng(0)
    return ["", " ", *(" ".join(rng.choice(WORDS, rng.integers(0, 41))) for _ in range(n - 2))]


@pytest.fixture(scope="module")
def tiny_gemma3(tiny_language_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Gemma 3 of random weights, full and sliding layers in turn, with the tokenizer of the tiny Llama."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    folder = tmp_path_factory.mktemp("tiny_gemma3")
    tokenizer = load_tokenizer(tiny_language_model)
    tokenizer.save_pretrained(folder)
    config = Gemma3TextConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=128, sliding_window=6, sliding_window_pattern=2,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Gemma3ForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    """What `fine_tune` leaves on a base, with random values in place of trained ones; returns adapter and base."""

    def make(
        base: Path,
        *,
        pooling: str,
        quantization: str,
        targets: tuple[str, ...] = ("all-linear",),
        dtype: str = "float32",
    ) -> tuple[Path, Path]:
        folder = tmp_path_factory.mktemp("adapter")
        prompt = Prompt(labels=("no", "yes")) if pooling == "answer" else None
        spec = ClassifierSpec(
            class_names=("no", "yes"), pooling=pooling, quantization=quantization, double_quant=True, compute_dtype=dtype,
            max_length=64, hidden_size=32, base_source="tiny", base_sha256=None, base_revision=None, base_digest="", prompt=prompt,
        )  # fmt: skip
        model = load_base_model(
            base, pooling=pooling, n_classes=2, quantization=quantization, double_quant=True, compute_dtype=dtype, device="cpu"
        )  # fmt: skip
        tokenizer = load_tokenizer(base)
        network = build_network(
            model, spec, FineTuneConfig(rank=2, alpha=4, target_modules=targets), base_folder=base,
            label_tokens=find_label_tokens(prompt, tokenizer=tokenizer) if prompt else None,
        )  # fmt: skip
        torch.manual_seed(0)
        for parameter in network.parameters():
            if parameter.requires_grad:
                nn.init.normal_(parameter, std=0.3)
        save_network(network, folder / "best")
        tokenizer.save_pretrained(folder / TOKENIZER_FOLDER)
        spec.save(folder)
        return folder, base

    return make


KINDS: dict[str, dict[str, Any]] = {
    "BERT, mean, nf4": {"base": "tiny_model", "pooling": "mean", "quantization": "nf4"},
    "BERT, native, none": {"base": "tiny_model", "pooling": "native", "quantization": "none"},
    "Llama, label tokens, nf4, some layers": {
        "base": "tiny_language_model", "pooling": "answer", "quantization": "nf4", "targets": ("q_proj", "v_proj"),
    },
    "Gemma 3, label tokens, none": {"base": "tiny_gemma3", "pooling": "answer", "quantization": "none"},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_answers_as_the_original_does(
    kind: str, tuned: Adapter, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made = dict(KINDS[kind])
    adapter, base = tuned(request.getfixturevalue(made.pop("base")), **made)
    facts = export_onnx(adapter, base=base, output=tmp_path / "export")
    texts = varied_texts(60)
    expected = Predictor.load(adapter, base=base).score(texts)
    exported = OnnxPredictor(tmp_path / "export", threads=1)
    scores = exported.score(texts)
    assert (scores.shape, scores.dtype) == (expected.shape, np.float64)
    assert scores == pytest.approx(expected, abs=1e-4)
    assert scores.sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert np.ptp(expected[:, 1]) > 0.01  # or any graph would do
    assert exported.score([]).shape == (0, 2)
    stated = json.loads((tmp_path / "export" / "export.json").read_text())
    assert (stated["largest_difference"], stated["n_texts"]) == (facts.largest_difference, len(PROBES))
    assert stated["bytes"] == (tmp_path / "export" / "model.onnx").stat().st_size
    graph = onnx.load(tmp_path / "export" / "model.onnx")
    assert facts.opset == next(entry.version for entry in graph.opset_import if not entry.domain)
    vocabulary = len(exported.tokenizer)
    wide = [tensor.name for tensor in graph.graph.initializer if vocabulary in tensor.dims]
    assert len(wide) == 1, wide  # the input's embeddings; no output layer


BFLOAT16 = {
    "BERT, mean, none": {"base": "tiny_model", "pooling": "mean", "quantization": "none"},
    "BERT, mean, nf4": {"base": "tiny_model", "pooling": "mean", "quantization": "nf4"},
    "BERT, native, nf4, some layers": {
        "base": "tiny_model", "pooling": "native", "quantization": "nf4", "targets": ("query", "value"),
    },
    "BERT, mean, int8": {"base": "tiny_model", "pooling": "mean", "quantization": "int8"},
    "Llama, label tokens, nf4, some layers": {
        "base": "tiny_language_model", "pooling": "answer", "quantization": "nf4", "targets": ("q_proj", "v_proj"),
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", BFLOAT16)
def test_a_bfloat16_original_is_held_against_in_float32_and_its_own_rounding_is_stated_apart(
    kind: str, tuned: Adapter, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made: dict[str, Any] = dict(BFLOAT16[kind])
    adapter, base = tuned(request.getfixturevalue(made.pop("base")), dtype="bfloat16", **made)
    facts = export_onnx(adapter, base=base, output=tmp_path / "export", texts=varied_texts(60))
    rounds_inputs = made["quantization"] == "int8"
    assert facts.tolerance == (0.02 if rounds_inputs else 1e-3)
    assert facts.largest_difference < (0.02 if rounds_inputs else 1e-4)
    assert facts.rounding > facts.largest_difference
    assert json.loads((tmp_path / "export" / "export.json").read_text())["rounding"] == facts.rounding


def test_an_original_whose_rounding_is_more_than_a_graph_may_differ_by_is_exported(
    tuned: Adapter, tiny_model: Path, tmp_path: Path
) -> None:
    adapter, base = tuned(tiny_model, pooling="mean", quantization="none", dtype="bfloat16")
    head = load_file(adapter / "best" / HEAD_FILE)
    save_file({name: 40 * tensor for name, tensor in head.items()}, adapter / "best" / HEAD_FILE)  # a steep head
    facts = export_onnx(adapter, base=base, output=tmp_path / "export", texts=varied_texts(60))
    assert facts.rounding > 0.02 > facts.largest_difference


def test_a_network_that_computes_in_float32_keeps_the_weights_that_bfloat16_rounded(
    tuned: Adapter, tiny_model: Path
) -> None:
    adapter, base = tuned(tiny_model, pooling="mean", quantization="none", dtype="bfloat16")
    network = Predictor.load(adapter, base=base).network
    before = {name: tensor.clone() for name, tensor in network.encoder.state_dict().items()}
    compute_in_float32(network)
    after = network.encoder.state_dict()
    assert {tensor.dtype for tensor in after.values() if tensor.is_floating_point()} == {torch.float32}
    assert all(torch.equal(after[name], tensor.to(after[name].dtype)) for name, tensor in before.items())


def test_every_network_of_an_ensemble_has_a_graph(tuned: Adapter, tiny_model: Path, tmp_path: Path) -> None:
    (first, base), (other, _) = (
        tuned(tiny_model, pooling=pooling, quantization="none") for pooling in ("mean", "layers")
    )
    adapter = shutil.copytree(first, tmp_path / "ensemble")
    shutil.copytree(other, adapter / MEMBERS_FOLDER / "2")
    export_onnx(adapter, base=base, output=tmp_path / "export")
    texts, together = varied_texts(20), Predictor.load(adapter, base=base)
    graphs = OnnxPredictor(tmp_path / "export", threads=1)
    assert len(list((tmp_path / "export").rglob("model.onnx"))) == 2
    assert graphs.score(texts) == pytest.approx(together.score(texts), abs=1e-4)
    assert np.abs(together.score(texts) - together.score_alone(texts)).max() > 0.01


def test_the_member_of_an_old_version_answers_beside_the_graph_too(
    tuned: Adapter, tiny_model: Path, tiny_examples: pd.DataFrame, tmp_path: Path
) -> None:
    adapter, base = tuned(tiny_model, pooling="mean", quantization="none")
    labelled = tiny_examples.assign(label=(tiny_examples["score"] >= 0.5).astype(int))
    member = fit_member(labelled, class_names=("no", "yes"), seed=0)
    member.save(adapter / MEMBER_FOLDER)
    export_onnx(adapter, base=base, output=tmp_path / "export")
    texts, together = varied_texts(20), Predictor.load(adapter, base=base)
    assert OnnxPredictor(tmp_path / "export", threads=1).score(texts) == pytest.approx(together.score(texts), abs=1e-4)
    shutil.rmtree(tmp_path / "export" / MEMBER_FOLDER)
    alone = OnnxPredictor(tmp_path / "export", threads=1).score(texts)
    assert np.abs(alone - together.score(texts)).max() > 0.01


def test_the_graph_reads_texts_normalised_as_the_original_does(
    tuned: Adapter, tiny_model: Path, tiny_examples: pd.DataFrame, tmp_path: Path
) -> None:
    adapter, base = tuned(tiny_model, pooling="mean", quantization="none")
    labelled = tiny_examples.assign(label=(tiny_examples["score"] >= 0.5).astype(int))
    fit_member(labelled, class_names=("no", "yes"), seed=0).save(adapter / MEMBER_FOLDER)
    replace(ClassifierSpec.load(adapter), normalize=("zero_width",)).save(adapter)
    export_onnx(adapter, base=base, output=tmp_path / "export")
    texts = varied_texts(20)
    hidden = [attack(text, "zero_width", strength=1) for text in texts]
    graph, original = OnnxPredictor(tmp_path / "export", threads=1), Predictor.load(adapter, base=base)
    assert np.array_equal(graph.score(hidden), graph.score(texts))
    assert np.array_equal(original.score(hidden), original.score(texts))
    assert graph.score(hidden) == pytest.approx(original.score(hidden), abs=1e-4)
    replace(ClassifierSpec.load(adapter), normalize=()).save(tmp_path / "export")
    assert np.abs(OnnxPredictor(tmp_path / "export", threads=1).score(hidden) - graph.score(hidden)).max() > 0.01


@pytest.fixture(scope="module")
def plain(tuned: Adapter, tiny_model: Path) -> tuple[Path, Path]:
    return tuned(tiny_model, pooling="mean", quantization="none")


def test_a_graph_that_answers_otherwise_is_refused_and_nothing_is_written(
    plain: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = onnx_export.write_graph

    def write_with_a_wrong_weight(network: MergedNetwork, path: Path) -> None:
        network.head[1].bias.data[0] += 0.1
        write(network, path)

    monkeypatch.setattr(onnx_export, "write_graph", write_with_a_wrong_weight)
    with pytest.raises(RuntimeError, match=r"ONNX export: a probability differs by 0\.0\d+ .* nothing was written"):
        export_onnx(plain[0], base=plain[1], output=tmp_path / "export")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(plain: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is there already"):
        export_onnx(plain[0], base=plain[1], output=tmp_path)


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_a_quantized_base_is_merged_as_tuning_saw_it(quantization: str, tuned: Adapter, tiny_model: Path) -> None:
    adapter, base = tuned(tiny_model, pooling="mean", quantization=quantization)
    predictor = Predictor.load(adapter, base=base)
    layer = "encoder.layer.0.attention.self.query"
    adapted = predictor.network.encoder.get_base_model().get_submodule(layer)
    inputs = torch.eye(32)
    with torch.no_grad():
        seen = adapted(inputs) - adapted(torch.zeros(1, 32))  # (in, out)
    merged = MergedNetwork(predictor.network, pooling="mean").model.get_submodule(layer)
    assert type(merged) is nn.Linear
    assert torch.allclose(merged.weight.T, seen, atol=1e-5 if quantization == "nf4" else 1e-3)
    full = load_base_model(
        base, pooling="mean", n_classes=2, quantization="none", double_quant=True, compute_dtype="float32", device="cpu"
    ).get_submodule(layer)  # fmt: skip
    loaded = Predictor.load(adapter, base=base).network.encoder.get_base_model().get_submodule(layer)
    update = loaded.lora_B["default"].weight @ loaded.lora_A["default"].weight * loaded.scaling["default"]
    assert (merged.weight - full.weight - update).abs().max() > 1e-5  # the full weights are others


def test_an_original_that_rounds_its_inputs_may_differ_by_more() -> None:
    spec = ClassifierSpec(
        class_names=("no", "yes"), pooling="mean", quantization="nf4", double_quant=True, compute_dtype="float32",
        max_length=64, hidden_size=32, base_source="tiny", base_sha256=None, base_revision=None, base_digest="",
    )  # fmt: skip
    assert spec.rounding == 1e-3
    for changed in ({"quantization": "int8"}, {"compute_dtype": "bfloat16"}):
        assert replace(spec, **changed).rounding == 0.02


def test_an_exported_classifier_needs_neither_torch_nor_bitsandbytes(
    plain: tuple[Path, Path], tmp_path: Path, tiny_examples: pd.DataFrame
) -> None:
    export_onnx(plain[0], base=plain[1], output=tmp_path / "export")
    text = tiny_examples["text"][0]
    script = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'bitsandbytes', 'peft')))\n"
        "from pathlib import Path\n"
        "from agile_classifier.models.onnx.predictor import OnnxPredictor\n"
        f"print(OnnxPredictor(Path({str(tmp_path / 'export')!r})).score([{text!r}])[0, 1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3]
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(Predictor.load(plain[0], base=plain[1]).score([text])[0, 1], abs=1e-4)

"""Label tokens against the naive way: one prompt at a time, whole vocabulary, float32, no packing, as the codelab does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GemmaConfig,
    GemmaForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.errors import InputError
from agile_classifier.models.base_model import load_base_model
from agile_classifier.models.network.fast_lora import use_fused_lora
from agile_classifier.models.network.network import TextClassifier, build_network, load_network, save_network
from agile_classifier.models.network.packing import attention, pack, use_packed_attention
from agile_classifier.models.prompts.prompts import LabelTokens
from agile_classifier.models.spec import ClassifierSpec

VOCABULARY = 97
LABELS = LabelTokens(ids=(5, 11, 7), end_of_text=2)
SETTINGS = FineTuneConfig(rank=2, alpha=4, dropout=0.0)
SPEC = replace(
    ClassifierSpec.describe(
        ModelConfig(source="tiny", head="label_tokens"), class_names=("a", "b", "c"), base_digest=""
    ),
    hidden_size=32,
)
SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 128,
}  # fmt: skip
FAMILIES: dict[str, Callable[[], Any]] = {
    "Llama, untied": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE, tie_word_embeddings=False)),
    "Llama, tied": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE, tie_word_embeddings=True)),
    "Mistral, every layer sliding": lambda: MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=6)),
    "Gemma 2, soft-capped": lambda: Gemma2ForCausalLM(
        Gemma2Config(**SHAPE, sliding_window=6, final_logit_softcapping=0.5, attn_logit_softcapping=2.0)
    ),
    "Gemma 3, some layers sliding": lambda: Gemma3ForCausalLM(
        Gemma3TextConfig(**{**SHAPE, "num_hidden_layers": 6}, sliding_window=6, sliding_window_pattern=3)
    ),
    "GPT-2, absolute positions": lambda: GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_embd=32,
            n_layer=2,
            n_head=4,
            n_positions=128,
            resid_pdrop=0,
            embd_pdrop=0,
            attn_pdrop=0,
        )
    ),
}


@pytest.fixture(scope="module", params=list(FAMILIES))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    model = FAMILIES[request.param]()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(path)
    return path


def load(folder: Path, *, quantization: str = "none", dtype: str = "float32") -> Any:
    return load_base_model(
        folder, pooling="answer", n_classes=3, quantization=quantization, double_quant=True, compute_dtype=dtype, device="cpu"
    )  # fmt: skip


def build(folder: Path, *, loss: str = "label_tokens", **changed: str) -> TextClassifier:
    torch.manual_seed(0)
    settings = SETTINGS.model_copy(update={"loss": loss})
    network = build_network(load(folder, **changed), SPEC, settings, base_folder=folder, label_tokens=LABELS)
    for name, parameter in network.named_parameters():
        if "lora_" in name:
            nn.init.normal_(parameter, std=0.1)
    return network.eval()


def build_alone(folder: Path) -> TextClassifier:
    """The same, with transformers' own attention."""
    network = build(folder)
    network.encoder.get_base_model().set_attn_implementation("eager")
    return network


def prompts(lengths: list[int], n_shared: int, seed: int = 0) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    prefix = rng.integers(12, VOCABULARY, n_shared).tolist()
    return [[*prefix, *rng.integers(12, VOCABULARY, length - n_shared).tolist()] for length in lengths]


def padded(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids, mask


@torch.no_grad()
def naive(network: TextClassifier, rows: list[list[int]]) -> Tensor:
    """Probabilities of the labels, (n, n_classes)."""
    with attention(network.encoder.get_base_model(), "eager"):
        logits = [network.encoder(input_ids=torch.tensor([row])).logits[0, -1] for row in rows]
    return torch.stack(logits)[:, list(LABELS.ids)].float().softmax(-1)


@torch.no_grad()
def fast(network: TextClassifier, rows: list[list[int]]) -> Tensor:
    return network(*padded(rows))["logits"].softmax(-1)


@pytest.mark.parametrize(
    ("lengths", "n_shared"), [([9, 14, 30, 10], 7), ([20], 0), ([5, 5, 5], 4), ([1, 2], 0), ([12, 40], 11)]
)
@pytest.mark.parametrize("fused", [False, True])
def test_packed_prompts_score_as_each_alone_over_the_whole_vocabulary(
    folder: Path, lengths: list[int], n_shared: int, fused: bool
) -> None:
    network = build(folder)
    rows = prompts(lengths, n_shared)
    expected = naive(network, rows)
    if fused:
        use_fused_lora(network)
    assert torch.allclose(fast(network, rows), expected, atol=1e-4)
    assert len(rows) == 1 or expected.std(0).max() > 0.005  # or any answer would do


def test_equal_prompts_get_equal_answers(folder: Path) -> None:
    network = build(folder)
    row = prompts([9], 0)[0]
    assert torch.allclose(fast(network, [row, row, row]), naive(network, [row]).expand(3, 3), atol=1e-4)


@pytest.mark.parametrize(
    ("quantization", "dtype", "bound"), [("nf4", "float32", 1e-4), ("int8", "float32", 0.05), ("none", "bfloat16", 0.1)]
)
def test_the_same_weights_answer_alike_in_fewer_bits(folder: Path, quantization: str, dtype: str, bound: float) -> None:
    network = build(folder, quantization=quantization, dtype=dtype)
    rows = prompts([9, 14, 30, 10], 7)
    assert torch.allclose(fast(network, rows), naive(network, rows), atol=bound)


def test_the_gradient_is_that_of_padded_prompts(folder: Path) -> None:
    rows, labels = prompts([9, 14, 30, 10], 7), torch.tensor([0, 2, 1, 1])
    ours, theirs = build(folder), build_alone(folder)
    ours(*padded(rows), labels=labels)["loss"].backward()
    logits = torch.stack([theirs.encoder(input_ids=torch.tensor([row])).logits[0, -1] for row in rows])
    nn.functional.cross_entropy(logits[:, list(LABELS.ids)], labels).backward()
    assert_gradients_equal(ours, theirs)


def test_the_vocabulary_loss_is_the_answers_cross_entropy_over_every_token(folder: Path) -> None:
    rows, labels = prompts([9, 14, 30, 10], 7), torch.tensor([0, 2, 1, 1])
    ours, theirs = build(folder, loss="vocabulary").train(), build_alone(folder)
    ours(*padded(rows), labels=labels)["loss"].backward()
    logits = torch.stack([theirs.encoder(input_ids=torch.tensor([row])).logits[0, -1] for row in rows])
    nn.functional.cross_entropy(logits, torch.tensor(LABELS.ids)[labels]).backward()
    assert_gradients_equal(ours, theirs)


def test_the_full_text_loss_is_that_of_every_next_token_up_to_the_end_of_text(folder: Path) -> None:
    rows, labels = prompts([9, 14, 30, 10], 7), torch.tensor([0, 2, 1, 1])
    ours, theirs = build(folder, loss="full_text").train(), build_alone(folder)
    loss = ours(*padded(rows), labels=labels)["loss"]
    loss.backward()
    texts = [[*row, LABELS.ids[label], LABELS.end_of_text] for row, label in zip(rows, labels, strict=True)]
    per_token = torch.cat([
        nn.functional.cross_entropy(
            theirs.encoder(input_ids=torch.tensor([text])).logits[0, :-1], torch.tensor(text[1:]), reduction="none"
        )
        for text in texts
    ])  # fmt: skip
    per_token.mean().backward()
    assert loss.item() == pytest.approx(per_token.mean().item(), abs=1e-4)
    assert_gradients_equal(ours, theirs)


def assert_gradients_equal(ours: TextClassifier, theirs: TextClassifier) -> None:
    expected = {name: p.grad for name, p in theirs.named_parameters() if p.grad is not None}
    assert any("lora_A" in name for name in expected)
    for name, parameter in ours.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            scale = expected[name].abs().max().clamp(min=1e-3)
            assert (parameter.grad - expected[name]).abs().max() < 1e-3 * scale, name


def test_saved_and_loaded_it_answers_the_same(folder: Path, tmp_path: Path) -> None:
    network = build(folder)
    rows = prompts([9, 14, 30], 7)
    save_network(network, tmp_path)
    loaded = load_network(load(folder), SPEC, tmp_path, label_tokens=LABELS)
    assert torch.equal(fast(loaded, rows), fast(network, rows))


def test_an_encoder_cannot_answer(tiny_model: Path) -> None:
    with pytest.raises(InputError, match=r"needs a causal language model .* model\.source holds BertModel"):
        load(tiny_model)


def test_layers_that_remember_cannot_be_packed() -> None:
    model = LlamaForCausalLM(LlamaConfig(**SHAPE))
    model.config.layer_types = ["full_attention", "linear_attention"]
    with pytest.raises(InputError, match=r"layers of kind \['linear_attention'\]"):
        use_packed_attention(model)


def test_a_model_that_loses_a_prompts_place_in_the_pack_is_refused(folder: Path) -> None:
    model = load(folder)
    reads = model.base_model.forward
    model.base_model.forward = lambda **given: reads(**{**given, "position_ids": None})
    with pytest.raises(InputError, match=r"reads packed prompts otherwise than each alone"):
        build_network(model, SPEC, SETTINGS, base_folder=folder, label_tokens=LABELS)


def test_a_model_with_an_attention_of_its_own_is_refused(folder: Path) -> None:
    model = load(folder)
    model._supports_attention_backend = False
    with pytest.raises(InputError, match=r"has an attention of its own"):
        use_packed_attention(model)


def test_a_pack_holds_the_shared_prefix_once_and_no_padding() -> None:
    rows = prompts([9, 14, 30, 10], 7)
    packed = pack(*padded(rows))
    assert packed.input_ids.shape == (1, 7 + 2 + 7 + 23 + 3)
    assert packed.input_ids[0, packed.last].tolist() == [row[-1] for row in rows]


@pytest.mark.parametrize(("rank", "n_trained"), [(4, 460_800), (12, 1_382_400)])
def test_pefts_rank_on_query_and_value_of_gemma_2b_has_the_size_that_the_readme_says(rank: int, n_trained: int) -> None:
    with torch.device("meta"):
        shape = {"hidden_size": 2048, "num_hidden_layers": 18, "num_attention_heads": 8, "num_key_value_heads": 1}
        model = GemmaForCausalLM(GemmaConfig(**shape, intermediate_size=16_384, head_dim=256))
        adapted = get_peft_model(model, LoraConfig(r=rank, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
    assert sum(parameter.numel() for parameter in adapted.parameters() if parameter.requires_grad) == n_trained
    keras = 18 * (
        8 * 2048 * 4 + 4 * 256 + 2048 * 4 + 4 * 256
    )  # a down projection for each head, one up projection for all
    assert keras == 1_363_968

"""Context lengths: the number of tokens that is named is the last that the model reads, and one more is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModel,
    BartConfig,
    BertConfig,
    CamembertConfig,
    DistilBertConfig,
    GPT2Config,
    LlamaConfig,
    LongformerConfig,
    ModernBertConfig,
    MPNetConfig,
    NystromformerConfig,
    OPTConfig,
    PreTrainedConfig,
    RobertaConfig,
    T5Config,
    XLMRobertaConfig,
    XLNetConfig,
)

from agile_classifier.errors import InputError
from agile_classifier.models.network.context import read_context, require_context

POSITIONS = 34
SHAPE = {
    "vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
    "max_position_embeddings": POSITIONS, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
}  # fmt: skip
LEARNT = {
    "BERT": (BertConfig(**SHAPE), POSITIONS),
    "RoBERTa": (RobertaConfig(**SHAPE), POSITIONS - 2),
    "RoBERTa padded by token 5": (RobertaConfig(**{**SHAPE, "pad_token_id": 5}), POSITIONS - 6),
    "XLM-RoBERTa": (XLMRobertaConfig(**SHAPE), POSITIONS - 2),
    "CamemBERT": (CamembertConfig(**SHAPE), POSITIONS - 2),
    "MPNet": (MPNetConfig(**SHAPE), POSITIONS - 2),
    "DistilBERT": (
        DistilBertConfig(vocab_size=20, dim=16, n_layers=1, n_heads=2, hidden_dim=16, max_position_embeddings=POSITIONS, pad_token_id=1),
        POSITIONS,
    ),
    "Nystromformer, which adds two positions itself": (NystromformerConfig(**SHAPE), POSITIONS),
    "GPT-2": (GPT2Config(vocab_size=20, n_embd=16, n_layer=1, n_head=2, n_positions=POSITIONS), POSITIONS),
    "OPT": (
        OPTConfig(vocab_size=20, hidden_size=16, num_hidden_layers=1, ffn_dim=16, num_attention_heads=2, max_position_embeddings=POSITIONS, word_embed_proj_dim=16),
        POSITIONS,
    ),
    "BART": (
        BartConfig(vocab_size=20, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=POSITIONS),
        POSITIONS,
    ),
}  # fmt: skip
"""Models with a table of positions, which end where it does."""
ROTARY = {
    "ModernBERT": ModernBertConfig(**SHAPE, cls_token_id=0, sep_token_id=2),
    "Llama": LlamaConfig(**SHAPE),
}
"""Models that compute positions: what their config promises is kept to."""


def saved(config: PreTrainedConfig, folder: Path) -> Path:
    config.save_pretrained(folder)
    return folder


def read(config: PreTrainedConfig, n_tokens: int) -> torch.Tensor:
    torch.manual_seed(0)
    model = AutoModel.from_config(config).eval()
    tokens = torch.full((1, n_tokens), 7)
    with torch.no_grad():
        hidden: torch.Tensor = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state
    return hidden


@pytest.mark.parametrize("name", LEARNT)
def test_a_text_of_the_named_length_is_read_and_one_of_a_token_more_cannot_be(name: str, tmp_path: Path) -> None:
    config, expected = LEARNT[name]
    folder = saved(config, tmp_path)
    assert read_context(folder) == expected
    assert read(config, expected).isfinite().all()
    with pytest.raises((IndexError, RuntimeError)):
        read(config, expected + 1)
    require_context(folder, expected)
    with pytest.raises(InputError) as refused:
        require_context(folder, expected + 1)
    assert str(refused.value) == f"model.max_length {expected + 1}: the base model reads at most {expected} tokens"


@pytest.mark.parametrize("name", ROTARY)
def test_a_model_that_computes_positions_is_held_to_its_config(name: str, tmp_path: Path) -> None:
    folder = saved(ROTARY[name], tmp_path)
    assert read(ROTARY[name], POSITIONS).isfinite().all()
    require_context(folder, POSITIONS)
    with pytest.raises(InputError, match=f"reads at most {POSITIONS} tokens"):
        require_context(folder, POSITIONS + 1)


@pytest.mark.parametrize("max_length", [513, 514])
def test_the_514_positions_of_roberta_hold_512_tokens(max_length: int, tmp_path: Path) -> None:
    folder = saved(RobertaConfig(**{**SHAPE, "max_position_embeddings": 514}), tmp_path)
    require_context(folder, 512)
    with pytest.raises(InputError, match=f"model.max_length {max_length}: the base model reads at most 512 tokens"):
        require_context(folder, max_length)


def test_longformer_is_held_to_its_table_before_it_pads_to_whole_windows(tmp_path: Path) -> None:
    sizes = {**SHAPE, "max_position_embeddings": 34, "attention_window": [8]}
    assert read_context(saved(LongformerConfig(**sizes), tmp_path)) == 32


UNBOUNDED: dict[str, PreTrainedConfig] = {
    "T5": T5Config(vocab_size=20, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2),
    "XLNet": XLNetConfig(vocab_size=20, d_model=16, n_layer=1, n_head=2, d_inner=16),
}


@pytest.mark.parametrize("name", UNBOUNDED)
def test_a_model_without_a_bound_takes_any_length(name: str, tmp_path: Path) -> None:
    folder = saved(UNBOUNDED[name], tmp_path)
    assert read_context(folder) is None
    require_context(folder, 100_000)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"model {tmp_path}: not a model that AutoConfig knows"):
        read_context(tmp_path)

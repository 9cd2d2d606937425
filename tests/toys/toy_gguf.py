"""A GGUF of a toy Llama: random weights in blocks of Q4_1, one layer of width 32, a vocabulary of bytes and "the"."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType
from gguf.quants import dequantize, quantize
from transformers.convert_slow_tokenizer import bytes_to_unicode

SPECIAL = ("<unk>", "<s>", "</s>")
TOKENS = (*SPECIAL, *bytes_to_unicode().values(), "th", "the")
WIDTH, INNER, HEADS, CONTEXT = 32, 64, 2, 64
CHAT = "{% for message in messages %}<s>{{ message.content }}{% endfor %}"
SHAPES = {
    "token_embd": (len(TOKENS), WIDTH),
    "output_norm": (WIDTH,),
    "blk.0.attn_norm": (WIDTH,),
    "blk.0.ffn_norm": (WIDTH,),
    "blk.0.attn_q": (WIDTH, WIDTH),
    "blk.0.attn_k": (WIDTH, WIDTH),
    "blk.0.attn_v": (WIDTH, WIDTH),
    "blk.0.attn_output": (WIDTH, WIDTH),
    "blk.0.ffn_gate": (INNER, WIDTH),
    "blk.0.ffn_up": (INNER, WIDTH),
    "blk.0.ffn_down": (WIDTH, INNER),
}


def write_gguf(
    file: Path, *, architecture: str = "llama", tokenizer: bool = True, without: Container[str] = ()
) -> dict[str, np.ndarray]:
    """Write the file; returns its weights by llama.cpp's names, as gguf's own `dequantize` reads them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    writer = GGUFWriter(file, architecture)
    _describe_model(writer)
    if tokenizer:
        _describe_tokenizer(writer)
    weights = {name: _add(writer, name, seed) for seed, name in enumerate(SHAPES) if name not in without}
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


def _describe_model(writer: GGUFWriter) -> None:
    writer.add_block_count(1)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(len(TOKENS))


def _describe_tokenizer(writer: GGUFWriter) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(TOKENS)
    writer.add_token_types([TokenType.CONTROL if token in SPECIAL else TokenType.NORMAL for token in TOKENS])
    writer.add_token_merges(["t h", "th e"])
    writer.add_unk_token_id(TOKENS.index("<unk>"))
    writer.add_bos_token_id(TOKENS.index("<s>"))
    writer.add_eos_token_id(TOKENS.index("</s>"))
    writer.add_add_bos_token(True)
    writer.add_chat_template(CHAT)


def _add(writer: GGUFWriter, name: str, seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=SHAPES[name]).astype(np.float32)
    if values.ndim == 1:  # norms are never quantized
        writer.add_tensor(f"{name}.weight", values)
        return values
    blocks = quantize(values, GGMLQuantizationType.Q4_1)
    writer.add_tensor(f"{name}.weight", blocks, raw_dtype=GGMLQuantizationType.Q4_1)
    return dequantize(blocks, GGMLQuantizationType.Q4_1)

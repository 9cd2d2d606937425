"""Encoding: texts to token ids by a model's own tokenizer, and the batches in which they are scored.

Free of torch, so that an exported classifier needs none to run (`agile_classifier/models/onnx/predictor.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from agile_classifier.errors import InputError
from agile_classifier.models.encoded import Encoded
from agile_classifier.models.prompts.prompts import Prompt, encode_prompts

TOKENS_PER_BATCH = 2048
"""Tokens of one forward pass, padding included; larger batches do not fit into a CPU's cache."""
TOKENS_PER_PACK = 4096
"""Tokens of one pack of prompts; each pack computes the shared prefix and dequantizes 4-bit weights once."""


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer in the folder of a model or an adapter."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise InputError(f"model {folder}: no tokenizer that AutoTokenizer knows: {first_line(error)}") from None
    if len(tokenizer) <= len(tokenizer.all_special_tokens):  # without its files AutoTokenizer makes an empty one
        raise InputError(f"model {folder}: its tokenizer knows no words; tokenizer.json, or the vocabulary, is missing")
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise InputError(
                "model.source: its tokenizer has neither a padding nor an end-of-text token; batches need one"
            )
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"  # heads read a text from the left
    return tokenizer


def encode(
    texts: Sequence[str], *, tokenizer: PreTrainedTokenizerBase, max_length: int, prompt: Prompt | None = None
) -> Encoded:
    """Tokenize texts with special tokens, each into 1 to `max_length` tokens; an empty text becomes a padding token.

    With a prompt, each text stands in it, and `max_length` holds for the whole.
    """
    if prompt is not None:
        return encode_prompts(texts, prompt=prompt, tokenizer=tokenizer, max_length=max_length)
    if not texts:  # a fast tokenizer cannot take none
        return Encoded([])
    full = tokenizer(list(texts), truncation=False, return_attention_mask=False, verbose=False)["input_ids"]
    too_long = tuple(place for place, ids in enumerate(full) if len(ids) > max_length)
    read = tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"] if too_long else full
    return Encoded([ids or [tokenizer.pad_token_id] for ids in read], too_long)


def first_line(error: Exception) -> str:
    """What transformers says of a folder that it cannot load, in one line."""
    if "trust_remote_code" in str(error):
        return "it needs code that comes with it (auto_map), which is never run"
    return str(error).strip().splitlines()[0]


def token_batches(lengths: np.ndarray, *, budget: int) -> list[np.ndarray]:
    """Positions, longest texts first, cut into batches whose padded size stays within `budget` tokens."""
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        n_rows = max(1, budget // int(lengths[order[start]]))
        batches.append(order[start : start + n_rows])
        start += n_rows
    return batches

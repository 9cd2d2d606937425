"""Encoding: texts to token ids by a model's own tokenizer, and the batches in which they are scored.

Free of torch, so that an exported classifier needs none to run (`classifier/onnx_predictor.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from classifier.errors import InputError
from classifier.prompts import Prompt, encode_prompts

TOKENS_PER_BATCH = 4096
"""Budget of one forward pass, padding included."""


@dataclass(frozen=True)
class Encoded:
    """Token ids of some texts."""

    input_ids: list[list[int]]
    n_cut: int
    """How many texts were longer than the model reads, and cut."""
    n_neutralised: int = 0
    """How many texts held what would have altered their prompt, and were changed."""

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, of shape (n,)."""
        return np.asarray([len(ids) for ids in self.input_ids])


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer that stands beside a model or an adapter."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(
            f"model {folder}: no tokenizer that AutoTokenizer knows: {str(error).strip().splitlines()[0]}"
        ) from None
    if len(tokenizer) <= len(tokenizer.all_special_tokens):  # without its files AutoTokenizer makes an empty one
        raise InputError(f"model {folder}: its tokenizer knows no words; tokenizer.json, or the vocabulary, is missing")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def encode(
    texts: Sequence[str], *, tokenizer: PreTrainedTokenizerBase, max_length: int, prompt: Prompt | None = None
) -> Encoded:
    """Tokenize with special tokens, at most `max_length` tokens each, and at least one: an empty text is its padding.

    With a prompt, each text stands in it, and `max_length` holds for the whole.
    """
    if prompt is not None:
        prompts = encode_prompts(texts, prompt=prompt, tokenizer=tokenizer, max_length=max_length)
        return Encoded(prompts.input_ids, prompts.n_cut, prompts.n_neutralised)
    if not texts:  # a fast tokenizer cannot take none
        return Encoded([], 0)
    full = tokenizer(list(texts), truncation=False, return_attention_mask=False, verbose=False)["input_ids"]
    n_cut = sum(len(ids) > max_length for ids in full)
    cut = tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"] if n_cut else full
    return Encoded([ids or [tokenizer.pad_token_id] for ids in cut], n_cut)


def token_batches(lengths: np.ndarray, *, budget: int) -> list[np.ndarray]:
    """Positions, longest texts first, cut into batches whose padded size stays within `budget` tokens."""
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        n_rows = max(1, budget // int(lengths[order[start]]))
        batches.append(order[start : start + n_rows])
        start += n_rows
    return batches

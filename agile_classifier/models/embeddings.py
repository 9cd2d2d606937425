"""Embeddings: a text as the frozen base model sees it, before anything is tuned.

The yardstick of tuning (is an adapter worth its minutes?), and the eyes of what needs to know which texts are alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from agile_classifier.models.base_model import load_base_model
from agile_classifier.models.encoding import TOKENS_PER_BATCH, encode, load_tokenizer, token_batches
from agile_classifier.models.hardware import choose_compute_dtype, read_hardware
from agile_classifier.models.network.heads import read_layers


def embed(texts: Sequence[str], *, base: Path, max_length: int) -> NDArray[np.float32]:
    """Embed texts by the untuned model, as `read_layers` of the network's heads: (n, 4 * hidden), in their order.

    For a new task four layers are worth more than the last alone (CHANGELOG says how much).
    """
    return embed_parts({"texts": texts}, base=base, max_length=max_length)["texts"]


def embed_parts(parts: Mapping[str, Sequence[str]], *, base: Path, max_length: int) -> dict[str, NDArray[np.float32]]:
    """Embed each part's texts as `embed` would, by one copy of the model; a part without texts is of shape (0, 0)."""
    found: dict[str, NDArray[np.float32]] = dict.fromkeys(parts, np.empty((0, 0), dtype=np.float32))
    if not any(parts.values()):
        return found
    hardware = read_hardware()
    model = load_base_model(
        base, pooling="layers", n_classes=2, quantization="none", double_quant=False,
        compute_dtype=choose_compute_dtype("auto", hardware=hardware), device=hardware.device,
    ).eval()  # fmt: skip
    tokenizer = load_tokenizer(base)
    for part, texts in parts.items():
        if texts:
            found[part] = _embed(texts, model, tokenizer, max_length=max_length)
    return found


@torch.inference_mode()
def _embed(
    texts: Sequence[str], model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, max_length: int
) -> NDArray[np.float32]:
    encoded = encode(texts, tokenizer=tokenizer, max_length=max_length)
    rows: list[NDArray[np.float32]] = [np.empty(0, dtype=np.float32)] * len(texts)
    for batch in token_batches(encoded.lengths, budget=TOKENS_PER_BATCH):
        ids = [encoded.input_ids[row] for row in batch]
        padded = tokenizer.pad({"input_ids": ids}, return_tensors="pt", padding=True).to(model.device)
        for row, vector in zip(batch, read_layers(model, **padded).float().cpu().numpy(), strict=True):
            rows[row] = vector
    return np.stack(rows)

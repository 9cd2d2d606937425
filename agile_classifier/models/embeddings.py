"""Embeddings: a text as the frozen base model sees it, before anything is tuned.

The yardstick of tuning (is an adapter worth its minutes?), and the eyes of what needs to know which texts are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from agile_classifier.models.base_model import load_base_model
from agile_classifier.models.encoding import TOKENS_PER_BATCH, encode, load_tokenizer, token_batches
from agile_classifier.models.hardware import choose_compute_dtype, read_hardware
from agile_classifier.models.network.heads import read_layers


@torch.inference_mode()
def embed(texts: Sequence[str], *, base: Path, max_length: int) -> NDArray[np.float32]:
    """What `agile_classifier.models.network.heads.read_layers` reads of the untuned model: (n, 4 * hidden), float32, in the order of the texts.

    For a new task four layers are worth more than the last alone (CHANGELOG says how much).
    """
    if not texts:
        return np.empty((0, 0), dtype=np.float32)
    hardware = read_hardware()
    model = load_base_model(
        base, pooling="layers", n_classes=2, quantization="none", double_quant=False,
        compute_dtype=choose_compute_dtype("auto", hardware=hardware), device=hardware.device,
    ).eval()  # fmt: skip
    tokenizer = load_tokenizer(base)
    encoded = encode(texts, tokenizer=tokenizer, max_length=max_length)
    rows: list[NDArray[np.float32]] = [np.empty(0, dtype=np.float32)] * len(texts)
    for batch in token_batches(encoded.lengths, budget=TOKENS_PER_BATCH):
        ids = [encoded.input_ids[row] for row in batch]
        padded = tokenizer.pad({"input_ids": ids}, return_tensors="pt", padding=True).to(model.device)
        for row, vector in zip(batch, read_layers(model, **padded).float().cpu().numpy(), strict=True):
            rows[row] = vector
    return np.stack(rows)

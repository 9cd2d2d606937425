"""Reference: the sample of a version's test rows that later batches are compared with, and the network's part in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from agile_classifier.evaluation.drift_sample import DriftSample, Floats, sample_scores
from agile_classifier.metrics.metrics import DecisionThreshold, predict
from agile_classifier.models.base_model import load_base_model
from agile_classifier.models.encoded import Encoded
from agile_classifier.models.encoding import TOKENS_PER_BATCH, encode, load_tokenizer, token_batches
from agile_classifier.models.ensemble.bases import Base, find_bases
from agile_classifier.models.hardware import read_hardware
from agile_classifier.models.network.heads import read_mean
from agile_classifier.models.spec import TOKENIZER_FOLDER, ClassifierSpec

EMBEDDED_TEXTS = 500
"""Texts that are embedded, at most: enough to tell a new subject, few enough for a minute on a CPU."""


def make_reference(
    adapter: Path, *, base: Base, texts: Sequence[str], y_score: Floats, decision_threshold: DecisionThreshold
) -> DriftSample:
    """The sample of a classifier's test rows; of their order the first `EMBEDDED_TEXTS` are embedded.

    Parameters
    ----------
    adapter, base : Path
        As `Predictor.load` takes them.
    y_score : array of shape (n, n_classes)
    """
    spec = ClassifierSpec.load(adapter)
    predicted = predict(y_score, decision_threshold)
    lengths = np.array([len(text) for text in texts], dtype=np.float64)
    found = sample_scores(spec.class_names, y_score, predicted, lengths)
    return embedded(found, adapter, base=base, texts=texts[:EMBEDDED_TEXTS])


def embedded(sample: DriftSample, adapter: Path, *, base: Base, texts: Sequence[str]) -> DriftSample:
    """The sample with the unknown tokens and embeddings of some of its texts, by an ensemble's first network."""
    spec = ClassifierSpec.load(adapter)
    tokenizer = load_tokenizer(adapter / TOKENIZER_FOLDER)
    found = encode(spec.clean(texts), tokenizer=tokenizer, max_length=spec.max_length)
    special = {*tokenizer.all_special_ids} - {tokenizer.unk_token_id}
    unknown = [_unknown_share(ids, tokenizer.unk_token_id, special) for ids in found.input_ids]
    first = find_bases(adapter, base)[0]
    return replace(sample, unknown=np.array(unknown), embeddings=_embed(found, spec, base=first, tokenizer=tokenizer))


def _unknown_share(ids: Sequence[int], unknown: int | None, special: set[int]) -> float:
    own = [token for token in ids if token not in special]
    return sum(token == unknown for token in own) / max(len(own), 1)


@torch.inference_mode()
def _embed(
    found: Encoded, spec: ClassifierSpec, *, base: Path, tokenizer: PreTrainedTokenizerBase
) -> NDArray[np.float16]:
    """The base model without its adapter: what a text is about, whatever has been learnt of it."""
    device = read_hardware().device
    model = load_base_model(
        base, pooling="mean", n_classes=spec.n_classes, quantization=spec.quantization, double_quant=spec.double_quant,
        compute_dtype=spec.compute_dtype, device=device,
    ).eval()  # fmt: skip
    rows: dict[int, NDArray[np.float16]] = {}
    for batch in token_batches(found.lengths, budget=TOKENS_PER_BATCH):
        ids = {"input_ids": [found.input_ids[row] for row in batch]}
        padded = tokenizer.pad(ids, return_tensors="pt", padding=True).to(device)
        means = read_mean(model, padded["input_ids"], padded["attention_mask"])
        rows |= dict(zip(batch.tolist(), means.cpu().numpy().astype(np.float16), strict=True))
    return np.stack([rows[row] for row in range(len(rows))]) if rows else np.empty((0, 0), dtype=np.float16)

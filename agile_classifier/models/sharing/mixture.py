"""Mixture: classifiers on one base model in memory, whose texts are scored in one pass.

A network takes thirty short texts in little more time than three. Where ten adapters stand on one base model and each
is asked for three of the thirty, one pass per adapter would throw that away: here the base model's products are those
of all texts together, and only the low-rank updates and the heads differ from text to text.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor

from agile_classifier.models.encoding import TOKENS_PER_BATCH, token_batches
from agile_classifier.models.network.heads import READS
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.sharing.mixed_layer import MixedLayer, Rows, can_be_mixed

MIXED_POOLINGS = ("mean", "layers")
"""Poolings whose head stands apart from the base model; the others are part of it, or pack their own prompts."""
PROBES = ("a first text", "and a second one, which is longer than the first: so that one of them is padded")
"""Texts on which a mixture must answer as each classifier does alone."""

Part = tuple[int, Sequence[str]]
"""Number of a classifier, and texts for it."""


def find_mixing_key(predictor: Predictor) -> Hashable | None:
    """What classifiers that can be mixed have in common; None for one that cannot."""
    if predictor.base is None or predictor.spec.pooling not in MIXED_POOLINGS:
        return None
    if not all(can_be_mixed(layer) for layer in _adapted_layers(predictor).values()):
        return None
    return predictor.base.key, predictor.spec.pooling, predictor.tokenizer.pad_token_id


class Mixture:
    """Classifiers of one mixing key.

    Raises
    ------
    RuntimeError
        Together they answer otherwise than alone, as over a base model that reads a batch in a way of its own.
    """

    def __init__(self, predictors: Sequence[Predictor]) -> None:
        first = predictors[0]
        if first.base is None:
            raise RuntimeError("a mixture needs a shared base model")
        self._predictors, self._rows = tuple(predictors), Rows()
        self._encoder, self._read = first.base.make_tree().eval(), READS[first.spec.pooling]
        self._device, self._tokenizer = next(first.network.parameters()).device, first.tokenizer
        adapted = [_adapted_layers(predictor) for predictor in predictors]
        for name in dict.fromkeys(name for layers in adapted for name in layers):
            parent, _, last = name.rpartition(".")
            mixed = MixedLayer([layers.get(name) for layers in adapted], self._rows)
            setattr(self._encoder.get_submodule(parent), last, mixed)
        self._require_exact()

    def score(self, parts: Sequence[Part]) -> list[np.ndarray]:
        """Probabilities of each part, (n, n_classes) of its classifier; as `Predictor.score` of its texts."""
        encoded = [self._predictors[number].encode(texts) for number, texts in parts]
        input_ids = [ids for each in encoded for ids in each.input_ids]
        owners = np.repeat([number for number, _ in parts], [len(texts) for _, texts in parts])  # (n,)
        lengths = np.asarray([len(ids) for ids in input_ids])
        probabilities: list[np.ndarray] = [np.empty(0)] * len(input_ids)
        for batch in token_batches(lengths, budget=TOKENS_PER_BATCH):
            for row, found in zip(
                batch, self._score_batch([input_ids[row] for row in batch], owners[batch]), strict=True
            ):
                probabilities[row] = found
        answered = iter(probabilities)
        return [
            self._predictors[number].finish(np.stack([next(answered) for _ in texts]), texts) for number, texts in parts
        ]

    @torch.inference_mode()
    def _score_batch(self, input_ids: list[list[int]], owners: np.ndarray) -> list[np.ndarray]:
        padded = self._tokenizer.pad({"input_ids": input_ids}, return_tensors="pt", padding=True).to(self._device)
        self._rows.adapter = torch.as_tensor(owners, device=self._device)
        pooled = self._read(self._encoder, padded["input_ids"], padded["attention_mask"])  # (B, hidden)
        found: list[np.ndarray] = [np.empty(0)] * len(owners)
        for number in np.unique(owners):
            rows = np.flatnonzero(owners == number)
            logits: Tensor = self._predictors[number].network.head(pooled[torch.as_tensor(rows, device=self._device)])
            for row, line in zip(rows, self._predictors[number].to_probabilities(logits), strict=True):
                found[row] = line
        return found

    def _require_exact(self) -> None:
        together = self.score([(number, PROBES) for number in range(len(self._predictors))])
        for predictor, found in zip(self._predictors, together, strict=True):
            difference = float(np.abs(found - predictor.score(PROBES)).max())
            if not difference <= predictor.rounding:
                raise RuntimeError(
                    f"mixed, a probability differs by {difference:.2g} from that of the classifier alone"
                )


def _adapted_layers(predictor: Predictor) -> dict[str, LoraLayer]:
    """Layers of the base model that the adapter changes, by their name in the base model."""
    modules = predictor.network.encoder.get_base_model().named_modules()
    return {name: module for name, module in modules if isinstance(module, LoraLayer)}

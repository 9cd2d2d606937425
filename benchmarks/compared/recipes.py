"""Recipes: ways to train with transformers' Trainer, as others describe them, and the tricks between them and ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import Trainer

from agile_classifier.models.network.heads import LabelColumns
from agile_classifier.training.sampling import LengthBucketSampler


@dataclass(frozen=True)
class Recipe:
    """A way to train with transformers' Trainer."""

    batch_size: int
    length: int | None = None
    """Tokens that every text is padded to; its batch's longest without it."""
    full_text: bool = False
    """Language models: prompt, answer and end of text over the whole vocabulary, rather than the label tokens alone."""
    buckets: bool = False
    packed: bool = False


class BucketTrainer(Trainer):
    """Batches of similar length."""

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthBucketSampler:
        lengths = np.asarray([len(row["input_ids"]) for row in self.train_dataset])
        return LengthBucketSampler(lengths, batch_size=self.args.train_batch_size, seed=self.args.seed)


class PaddedLabelTokens(nn.Module):
    """Label-token loss on a padded batch: no vocabulary-sized logits, nothing shared."""

    def __init__(self, encoder: nn.Module, head: LabelColumns) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Mean cross-entropy over the label tokens."""
        model = self.encoder.get_base_model().base_model
        hidden = model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).last_hidden_state
        last = hidden[torch.arange(len(labels), device=labels.device), attention_mask.sum(1) - 1]
        return {"loss": nn.functional.cross_entropy(self.head(last), labels)}

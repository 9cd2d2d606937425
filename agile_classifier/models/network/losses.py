"""Losses that a label-token classifier can be trained on, beside the cross-entropy over its label tokens.

`vocabulary` sets the answer token against the whole vocabulary; `full_text` is what a causal language model is
pretrained with, on the prompt, its answer and the end of text, as the codelab tunes (arXiv 2302.06541).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from agile_classifier.models.network.heads import LabelColumns, read_answer, read_packed, read_softcap, soft_capped
from agile_classifier.models.network.packing import Pack, pack

Loss = Callable[[Any, Any, Tensor, Tensor, Tensor], Tensor]


def class_loss(logits: Tensor, labels: Tensor, *, target: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
    """Mean cross-entropy over the classes.

    Parameters
    ----------
    logits : tensor of shape (B, n_classes)
    labels : tensor of shape (B,)
        Classes.
    target : tensor of shape (B,), optional
        Probability of class 1 of two, in place of `labels`.
    weight : tensor of shape (B,), optional
        How much each text counts; its mean over train is 1.
    """
    wanted = labels if target is None else torch.stack([1 - target, target], dim=-1).to(logits)
    if weight is None:
        return nn.functional.cross_entropy(logits, wanted)
    return (nn.functional.cross_entropy(logits, wanted, reduction="none") * weight.to(logits)).mean()


def labels_loss(logits: Tensor, sets: Tensor) -> Tensor:
    """Mean binary cross-entropy over texts and labels.

    Parameters
    ----------
    logits : tensor of shape (B, n_labels)
        Log odds of each label.
    sets : tensor of shape (B,)
        Sets of labels (`agile_classifier.label_sets`).
    """
    present = sets[:, None] >> torch.arange(logits.shape[1], device=sets.device) & 1
    return nn.functional.binary_cross_entropy_with_logits(logits, present.to(logits))


def vocabulary_loss(
    encoder: Any, head: LabelColumns, input_ids: Tensor, attention_mask: Tensor, labels: Tensor
) -> Tensor:
    """Mean cross-entropy of the answer token, over the whole vocabulary."""
    logits = _vocabulary_logits(encoder, read_answer(encoder, input_ids, attention_mask))  # (B, V)
    return nn.functional.cross_entropy(logits, _label_ids(head, labels))


def full_text_loss(
    encoder: Any, head: LabelColumns, input_ids: Tensor, attention_mask: Tensor, labels: Tensor
) -> Tensor:
    """Mean cross-entropy of every next token of prompt, answer and end of text, each text's tokens counted alike."""
    input_ids, attention_mask = _with_answers(head, input_ids, attention_mask, labels)
    packed = pack(input_ids, attention_mask)
    log_probability = _vocabulary_logits(encoder, read_packed(encoder.get_base_model(), packed)).log_softmax(
        -1
    )  # (T, V)
    has_next = attention_mask[:, 1:].bool()
    targets = input_ids[:, 1:][has_next]
    return -log_probability[_places(packed, attention_mask)[:, :-1][has_next], targets].mean()


TRAINING_LOSSES: dict[str, Loss | None] = {
    "label_tokens": None,
    "vocabulary": vocabulary_loss,
    "full_text": full_text_loss,
}
"""`fine_tune.loss` → what training minimises; None for the cross-entropy over the classes."""

NO_LABEL = -100
"""Label of a text that counts for nothing."""


def count_terms(loss: Loss | None, attention_mask: Tensor, labels: Tensor) -> Tensor:
    """How many cross-entropies such a loss of a batch is the mean of.

    One a text, or in `full_text_loss` one for each next token.

    It weighs the parts of a batch that is computed in parts.
    """
    per_text = attention_mask.sum(1) + 1 if loss is full_text_loss else torch.ones_like(labels)  # (B,)
    return per_text[labels != NO_LABEL].sum()


def _vocabulary_logits(encoder: Any, hidden: Tensor) -> Tensor:
    model = encoder.get_base_model()
    return soft_capped(model.get_output_embeddings()(hidden).float(), read_softcap(model))


def _label_ids(head: LabelColumns, labels: Tensor) -> Tensor:
    return torch.tensor(head.label_tokens.ids, device=labels.device)[labels]


def _with_answers(
    head: LabelColumns, input_ids: Tensor, attention_mask: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Label token and end of text behind each prompt, (B, L + 2)."""
    lengths = attention_mask.sum(1)  # (B,)
    rows = torch.arange(len(labels), device=labels.device)
    answered, mask = nn.functional.pad(input_ids, (0, 2)), nn.functional.pad(attention_mask, (0, 2))
    ends = torch.full_like(labels, head.label_tokens.end_of_text)
    for offset, token in enumerate((_label_ids(head, labels), ends)):
        answered[rows, lengths + offset] = token
        mask[rows, lengths + offset] = 1
    return answered, mask


def _places(packed: Pack, attention_mask: Tensor) -> Tensor:
    """Where each token of each prompt stands in the pack, (B, L)."""
    lengths = attention_mask.sum(1)
    position = torch.arange(attention_mask.shape[1], device=attention_mask.device)
    own = packed.last[:, None] - (lengths[:, None] - 1) + position
    return torch.where(position < packed.n_shared, position, own)

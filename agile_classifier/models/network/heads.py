"""Heads: from token ids to a text's numbers, and from those to the logits of its classes.

A head has two halves. Reading runs the adapted base model over a padded batch and keeps one row of numbers a text; the
layer behind it makes logits of them. `mean` reads the mean of the last hidden states, `layers` the means of four
layers, `native` the model's own class logits, `answer` the hidden state where a causal language model would write its
answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from agile_classifier.errors import InputError
from agile_classifier.models.network.packing import Pack, Packs, attention, pack, pack_questions
from agile_classifier.models.prompts.prompts import LabelTokens
from agile_classifier.models.spec import ClassifierSpec

LARGEST_DIFFERENCE = 0.04
"""Relative change of hidden states that rounding in few bits explains; a prompt that sees another, or loses its place,
changes all of them."""

LAYERS_READ = 4
"""Layers whose means `layers` reads."""

Read = Callable[[Any, Tensor, Tensor], Tensor]


def read_mean(encoder: Any, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """Mean of the last hidden states over a text's own tokens, (B, hidden), in float32."""
    hidden = encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
    mask = attention_mask.unsqueeze(-1).float()  # (B, T, 1)
    pooled: Tensor = (hidden.float() * mask).sum(1) / mask.sum(1)
    return pooled


def read_layers(encoder: Any, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """Means over a text's own tokens of four layers, each of length 1: (B, 4 * hidden), float32.

    The layers a quarter, half, three quarters and all the way up.
    """
    hidden = encoder(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True).hidden_states
    mask = attention_mask.unsqueeze(-1).float()  # (B, T, 1)
    n_layers = len(hidden) - 1  # the first is the embedding
    means = [
        (hidden[round(n_layers * part / LAYERS_READ)].float() * mask).sum(1) / mask.sum(1)
        for part in range(1, LAYERS_READ + 1)
    ]
    return torch.cat([nn.functional.normalize(mean, dim=-1) for mean in means], dim=-1)


def read_native(encoder: Any, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """The model's own logits, (B, n_classes), in float32."""
    logits: Tensor = encoder(input_ids=input_ids, attention_mask=attention_mask).logits.float()
    return logits


def read_answer(encoder: Any, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """Last hidden state of each prompt's last token, (B, hidden), in the model's number format.

    The output layer is never run.
    """
    packed = pack(input_ids, attention_mask)
    return read_packed(encoder.get_base_model(), packed)[packed.last]


def ask_questions(questions: Sequence[Sequence[int]]) -> Read:
    """A reading of several labels: the hidden state behind each question, (B, n_questions, hidden), in one pass."""

    def read_questions(encoder: Any, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        packed = pack_questions(input_ids, attention_mask, questions)
        return read_packed(encoder.get_base_model(), packed)[packed.last]

    return read_questions


def read_packed(model: Any, packed: Pack | Packs) -> Tensor:
    """Last hidden state of every token of a pack, (T, hidden)."""
    hidden: Tensor = model.base_model(
        input_ids=packed.input_ids,
        position_ids=packed.positions,
        use_cache=False,
        packed=packed,
    ).last_hidden_state[0]
    return hidden


@torch.no_grad()
def require_exact_packing(model: Any) -> None:
    """Raise InputError where a causal language model sees a packed prompt otherwise than alone.

    One may have a way of its own to read positions or masks.
    """
    long, short = [3, 4, 5, *range(6, 36)], [3, 4, 5, 37, 38]
    prompts = torch.tensor([long, short + [0] * (len(long) - len(short))], device=model.device)
    mask = torch.tensor([[1] * len(long), [1] * len(short) + [0] * (len(long) - len(short))], device=model.device)
    packed = pack(prompts, mask)
    together = read_packed(model, packed)[packed.last].float()
    with attention(model, "eager"):
        alone = torch.stack([
            model.base_model(input_ids=row[own][None], use_cache=False).last_hidden_state[0, -1]
            for row, own in zip(prompts, mask.bool(), strict=True)
        ]).float()  # fmt: skip
    difference = (together - alone).abs().max() / alone.abs().max()
    if not difference <= LARGEST_DIFFERENCE:
        raise InputError(
            f"model.head label_tokens: {type(model).__name__} reads packed prompts otherwise than each alone "
            f"(hidden states differ by {difference:.1%}); take another base model"
        )


READS: dict[str, Read] = {"mean": read_mean, "layers": read_layers, "native": read_native, "answer": read_answer}
"""How a head reads."""


class LabelColumns(nn.Module):
    """The output layer of a causal language model, cut down to the label tokens: (B, hidden) to (B, n_classes).

    Of questions to several labels, (B, n_labels, hidden), the log odds of yes: (B, n_labels).
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, model: Any, label_tokens: LabelTokens) -> None:
        super().__init__()
        layer = model.get_output_embeddings()
        rows = torch.tensor(label_tokens.ids, device=layer.weight.device)
        self.label_tokens, self.softcap = label_tokens, read_softcap(model)
        self.register_buffer("weight", layer.weight[rows].detach().float())
        self.register_buffer("bias", None if layer.bias is None else layer.bias[rows].detach().float())

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits of the label tokens alone, float32."""
        logits = soft_capped(nn.functional.linear(hidden.float(), self.weight, self.bias), self.softcap)
        return logits[..., 1] - logits[..., 0] if self.label_tokens.questions else logits


def make_head(model: Any, spec: ClassifierSpec, *, dropout: float, label_tokens: LabelTokens | None) -> nn.Module:
    """Layer behind a reading: trained for `mean` and `layers`, the model's own for `native`, frozen for `answer`."""
    if label_tokens is not None:
        return LabelColumns(model, label_tokens)
    if spec.pooling == "native":
        return nn.Identity()
    width = spec.hidden_size * (LAYERS_READ if spec.pooling == "layers" else 1)
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(width, spec.n_classes))


def choose_read(spec: ClassifierSpec, label_tokens: LabelTokens | None) -> Read:
    """How the head of a classifier reads."""
    if label_tokens is not None and label_tokens.questions:
        return ask_questions(label_tokens.questions)
    return READS[spec.pooling]


def to_probabilities(logits: Tensor, *, several: bool) -> Tensor:
    """Probabilities of the shape of the logits: of classes, whose rows sum to 1; of several labels each by itself."""
    return torch.sigmoid(logits) if several else torch.softmax(logits, dim=-1)


def read_softcap(model: Any) -> float | None:
    """Bound of the output logits, in models that have one (Gemma 2)."""
    return getattr(model.config.get_text_config(), "final_logit_softcapping", None)


def soft_capped(logits: Tensor, softcap: float | None) -> Tensor:
    """Logits squeezed smoothly between -softcap and softcap; as they are without one."""
    return logits if softcap is None else softcap * torch.tanh(logits / softcap)

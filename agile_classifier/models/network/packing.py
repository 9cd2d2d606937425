"""Packing: prompts laid end to end in one row, what they share at their start computed once.

A batch of prompts repeats the same instructions and is padded to its longest text; packed, no token is computed twice
and none is padding. Every token sees what it would see alone: the shared prefix, and its own prompt's tokens up to
itself. A prefix's keys and values are thereby those of a key-value cache, but gradients flow through them, so that
training gains as scoring does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import AttentionInterface, PreTrainedModel

from agile_classifier.errors import InputError

ATTENTION = __name__
"""Name of the attention below, among transformers' own: every copy of this module, as versions carry one, registers its
own."""
FULL, SLIDING = "full_attention", "sliding_attention"


@dataclass(frozen=True)
class Pack:
    """B prompts in one row of T tokens, the shared prefix first; L is the longest prompt's length behind it."""

    input_ids: Tensor  # (1, T)
    positions: Tensor  # (1, T), of each token in its own prompt
    n_shared: int
    grid: tuple[int, int]  # (B, L)
    slots: Tensor  # (T - n_shared,), place of each token behind the prefix in the flattened grid
    last: Tensor  # (B,), where each prompt's last token stands in the row

    def spread(self, values: Tensor) -> Tensor:
        """What stands behind the prefix, (T - n_shared, H, D), as (B, H, L, D); zeros where a prompt has ended."""
        n_prompts, longest = self.grid
        spread = values.new_zeros(n_prompts * longest, *values.shape[1:]).index_copy(0, self.slots, values)
        return spread.view(n_prompts, longest, *values.shape[1:]).transpose(1, 2)

    def gather(self, values: Tensor) -> Tensor:
        """The reverse of `spread`."""
        return values.transpose(1, 2).flatten(0, 1).index_select(0, self.slots)


def pack(input_ids: Tensor, attention_mask: Tensor) -> Pack:
    """From prompts padded on the right, (B, L) each; at least a prompt's last token is its own."""
    mask = attention_mask.bool()
    lengths = mask.sum(1)
    n_shared = _shared_prefix(input_ids, mask)
    own = mask[:, n_shared:]
    prompts, offsets = own.nonzero(as_tuple=True)  # prompt by prompt, in order
    prefix = torch.arange(n_shared, device=input_ids.device)
    return Pack(
        input_ids=torch.cat([input_ids[0, :n_shared], input_ids[:, n_shared:][own]])[None],
        positions=torch.cat([prefix, n_shared + offsets])[None],
        n_shared=n_shared,
        grid=(own.shape[0], own.shape[1]),
        slots=prompts * own.shape[1] + offsets,
        last=n_shared + (lengths - n_shared).cumsum(0) - 1,
    )


@dataclass(frozen=True)
class Packs:
    """Several packs in one row: each text with the questions that are asked of it, which share the text."""

    parts: tuple[Pack, ...]

    @property
    def sizes(self) -> list[int]:
        """Number of tokens of each pack."""
        return [part.input_ids.shape[1] for part in self.parts]

    @property
    def input_ids(self) -> Tensor:
        """Token ids, (1, T)."""
        return torch.cat([part.input_ids for part in self.parts], dim=1)

    @property
    def positions(self) -> Tensor:
        """Place of each token in its own prompt, (1, T)."""
        return torch.cat([part.positions for part in self.parts], dim=1)

    @property
    def last(self) -> Tensor:
        """Where the last token of each question stands in the row, (B, n_questions)."""
        starts = accumulate(self.sizes, initial=0)
        return torch.stack([part.last + start for part, start in zip(self.parts, starts, strict=False)])


def pack_questions(input_ids: Tensor, attention_mask: Tensor, questions: Sequence[Sequence[int]]) -> Packs:
    """From texts padded on the right, (B, L) each, and what is asked of every one: a text is computed once.

    Every question sees what it would see alone behind the text, and none of the others.
    """
    asked = [torch.tensor(question, device=input_ids.device) for question in questions]
    parts = []
    for row, length in zip(input_ids, attention_mask.sum(1).tolist(), strict=True):
        prompts = [torch.cat([row[:length], question]) for question in asked]
        masks = [torch.ones_like(prompt) for prompt in prompts]
        parts.append(pack(*(pad_sequence(each, batch_first=True) for each in (prompts, masks))))
    return Packs(tuple(parts))


def use_packed_attention(model: PreTrainedModel) -> None:
    """Let a causal language model attend as `packed_attention` says; its forward pass then takes a pack as `packed`.

    Raises
    ------
    InputError
        The model has layers other than full and sliding attention, which would mix one prompt with the next, or attends
        in its own way.
    """
    kinds = set(getattr(model.config.get_text_config(), "layer_types", None) or [FULL])
    if kinds - {FULL, SLIDING}:
        raise InputError(
            f"model.head label_tokens: layers of kind {sorted(kinds - {FULL, SLIDING})}; {FULL} and {SLIDING} are "
            "allowed"
        )
    if not model._supports_attention_backend:
        raise InputError(
            f"model.head label_tokens: {type(model).__name__} has an attention of its own, which cannot be packed"
        )
    model.set_attn_implementation(ATTENTION)


@contextmanager
def attention(model: PreTrainedModel, name: str) -> Iterator[None]:
    """Another attention for a while."""
    before = model.config._attn_implementation
    model.set_attn_implementation(name)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def packed_attention(
    _module: nn.Module, query: Tensor, key: Tensor, value: Tensor, _mask: Tensor | None, *, packed: Pack | Packs,
    scaling: float | None = None, dropout: float = 0.0, sliding_window: int | None = None, softcap: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """Attention of a pack's tokens, as transformers' attention interface wants it.

    Heads in as (1, H, T, D), out as (1, T, H, D).

    The prefix attends to itself, once; each prompt to the prefix and itself, in a grid that is padded, for nothing else
    than attention is.
    """
    attend = partial(_attend, scale=scaling, dropout=dropout, softcap=softcap)
    packs = (packed,) if isinstance(packed, Pack) else packed.parts
    sizes = [each.input_ids.shape[1] for each in packs]
    own = (torch.split(values, sizes, dim=2) for values in (query, key, value))
    attended = [_attend_pack(*each, window=sliding_window, attend=attend) for each in zip(packs, *own, strict=True)]
    return torch.cat(attended)[None], None


def _attend_pack(
    packed: Pack, query: Tensor, key: Tensor, value: Tensor, *, window: int | None, attend: Callable[..., Tensor]
) -> Tensor:
    """Attention of one pack's tokens, (T, H, D)."""
    n_shared, (n_prompts, longest) = packed.n_shared, packed.grid
    shared = [values[:, :, :n_shared] for values in (query, key, value)]  # (1, H, P, D)
    own = [packed.spread(values[0, :, n_shared:].transpose(0, 1)) for values in (query, key, value)]  # (B, H, L, D)
    keys, values = (
        torch.cat([prefix.expand(n_prompts, -1, -1, -1), rest], dim=2)
        for prefix, rest in zip(shared[1:], own[1:], strict=True)
    )
    sees = _sees(n_shared + longest, window=window, device=query.device)
    behind = packed.gather(attend(own[0], keys, values, sees[n_shared:]))
    before = attend(shared[0], shared[1], shared[2], sees[:n_shared, :n_shared])[0].transpose(0, 1)  # (P, H, D)
    return torch.cat([before, behind])


AttentionInterface.register(ATTENTION, packed_attention)


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    sees: Tensor,
    *,
    scale: float | None,
    dropout: float,
    softcap: float | None,
) -> Tensor:
    if softcap is None:
        return nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=sees, scale=scale, dropout_p=dropout, enable_gqa=query.shape[1] != key.shape[1]
        )
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5 if scale is None else scale)  # (B, H, L, P + L)
    scores = (softcap * torch.tanh(scores / softcap)).masked_fill(~sees, float("-inf"))
    return nn.functional.dropout(scores.float().softmax(-1), dropout).to(value.dtype) @ value


def _sees(length: int, *, window: int | None, device: torch.device) -> Tensor:
    """Who sees whom in one prompt, (length, length): never ahead, and at most `window` tokens back."""
    place = torch.arange(length, device=device)
    back = place[:, None] - place[None, :]
    return back >= 0 if window is None else (back >= 0) & (back < window)


def _shared_prefix(input_ids: Tensor, mask: Tensor) -> int:
    same = ((input_ids == input_ids[0]) & mask).all(0)  # (L,)
    n_same = int(same.long().cumprod(0).sum())
    return min(n_same, int(mask.sum(1).min()) - 1)

"""Packing: prompts laid end to end in one row, what they share at their start computed once.

A batch of prompts repeats the same instructions and is padded to its longest text; packed, no token is computed twice and none is
padding. Every token sees what it would see alone: the shared prefix, and its own prompt's tokens up to itself. A prefix's keys and values are
thereby those of a key-value cache, but gradients flow through them, so that training gains as scoring does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from classifier.errors import InputError

FULL, SLIDING = "full_attention", "sliding_attention"


@dataclass(frozen=True)
class Pack:
    """Prompts in one row of T tokens, the shared prefix first."""

    input_ids: Tensor  # (1, T)
    positions: Tensor  # (1, T), of each token in its own prompt
    owners: Tensor  # (T,), number of the prompt; -1 for the prefix
    last: Tensor  # (B,), where each prompt's last token stands in the row

    @property
    def n_shared(self) -> int:
        """Tokens of the prefix."""
        return int((self.owners == -1).sum())

    def attends(self, window: int | None = None) -> Tensor:
        """Who sees whom, (T, T): the prefix and one's own prompt, never ahead, and at most `window` tokens back."""
        places = torch.arange(len(self.owners), device=self.owners.device)
        sees = (self.owners[:, None] == self.owners[None, :]) | (self.owners[None, :] == -1)
        sees &= places[:, None] >= places[None, :]
        if window is not None:
            position = self.positions[0]
            sees &= position[:, None] - position[None, :] < window
        return sees


def pack(input_ids: Tensor, attention_mask: Tensor) -> Pack:
    """From prompts padded on the right, (B, L) each; at least a prompt's last token is its own."""
    mask = attention_mask.bool()
    lengths = mask.sum(1)
    n_shared = _shared_prefix(input_ids, mask)
    own = mask.clone()
    own[:, :n_shared] = False
    owners, positions = own.nonzero(as_tuple=True)  # prompt by prompt, in order
    prefix = torch.arange(n_shared, device=input_ids.device)
    return Pack(
        input_ids=torch.cat([input_ids[0, :n_shared], input_ids[own]])[None],
        positions=torch.cat([prefix, positions])[None],
        owners=torch.cat([torch.full_like(prefix, -1), owners]),
        last=n_shared + (lengths - n_shared).cumsum(0) - 1,
    )


def attention_masks(packed: Pack, *, config: Any, dtype: torch.dtype) -> Tensor | dict[str, Tensor]:
    """Additive masks of shape (1, 1, T, T), as a model of this config takes them: one, or one for each kind of layer.

    Raises
    ------
    InputError
        The model has layers other than full and sliding attention: they would mix one prompt with the next.
    """
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or [SLIDING if window else FULL])
    if kinds - {FULL, SLIDING}:
        raise InputError(
            f"model.head label_tokens: layers of kind {sorted(kinds - {FULL, SLIDING})}; {FULL} and {SLIDING} are allowed"
        )
    masks = {kind: _additive(packed.attends(window if kind == SLIDING else None), dtype) for kind in kinds}
    return masks if len(masks) > 1 else masks.popitem()[1]


def _shared_prefix(input_ids: Tensor, mask: Tensor) -> int:
    same = ((input_ids == input_ids[0]) & mask).all(0)  # (L,)
    n_same = int(same.long().cumprod(0).sum())
    return min(n_same, int(mask.sum(1).min()) - 1)


def _additive(sees: Tensor, dtype: torch.dtype) -> Tensor:
    zeros = torch.zeros(sees.shape, dtype=dtype, device=sees.device)
    return zeros.masked_fill_(~sees, torch.finfo(dtype).min)[None, None]

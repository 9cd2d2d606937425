"""Encoded: token ids of some texts, and how many texts were changed on the way to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Encoded:
    """Token ids of some texts, in their order."""

    input_ids: list[list[int]]
    """Ready for the model; with a prompt, the text within it, cut to fit, the prompt never."""
    cut: tuple[int, ...] = ()
    """Places of the texts that were longer than the model reads, and cut at their end."""
    n_escaped: int = 0
    """How many texts held what would have altered their prompt's structure, and were changed."""

    @property
    def n_cut(self) -> int:
        """How many texts were cut."""
        return len(self.cut)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, with its prompt, of shape (n,)."""
        return np.asarray([len(ids) for ids in self.input_ids])

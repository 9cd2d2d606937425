"""Encoded: token ids of some texts, and how many texts were changed on the way to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Encoded:
    """Token ids of some texts, in their order."""

    input_ids: list[list[int]]
    """Token ids of each text, ready for the model; with a prompt, the text is cut to fit, the prompt never."""
    cut: tuple[int, ...] = ()
    """Positions of the texts that were longer than the model reads, and so were cut at their end."""
    n_escaped: int = 0
    """Number of texts in which something that would have altered the prompt's structure was escaped."""

    @property
    def n_cut(self) -> int:
        """Number of texts that were cut."""
        return len(self.cut)

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each text with its prompt, of shape (n,)."""
        return np.asarray([len(ids) for ids in self.input_ids])

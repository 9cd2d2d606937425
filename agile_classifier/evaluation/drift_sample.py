"""Drift sample: what is kept of some scored texts to compare them with others later, never the texts themselves.

The reference of a version is such a sample of the test rows that it was judged on; so is a batch that it has scored
since.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agile_classifier.errors import InputError, one_line

REFERENCE_FILE = "reference.npz"
"""File of the sample of test rows beside a registered classifier."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DriftSample:
    """Numbers of n scored texts, and of k of them what only the model's own tokenizer and network tell."""

    class_names: tuple[str, ...]
    scores: Floats
    """(n,): of two classes the probability of class 1, of more that of the predicted class."""
    predicted: NDArray[np.int64]
    """(n,): numbers of the predicted classes."""
    lengths: Floats
    """(n,), in characters."""
    unknown: Floats
    """(k,): share of each text's tokens that the tokenizer does not know."""
    embeddings: NDArray[np.float16]
    """(k, d): mean of the frozen base model's last hidden states."""

    @property
    def n(self) -> int:
        """Number of texts."""
        return len(self.scores)

    def save(self, folder: Path) -> None:
        """Write `reference.npz`."""
        arrays = {name: getattr(self, name) for name in ("scores", "predicted", "lengths", "unknown", "embeddings")}
        np.savez_compressed(folder / REFERENCE_FILE, names=np.array(json.dumps(self.class_names)), **arrays)

    @classmethod
    def load(cls, file: Path) -> DriftSample:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            It holds something else, such as a pickle, which is not read.
        """
        try:
            with np.load(file, allow_pickle=False) as held:
                names = tuple(json.loads(str(held["names"])))
                arrays = (held[name] for name in ("scores", "predicted", "lengths", "unknown", "embeddings"))
                return cls(names, *arrays)
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{file}: is no reference of a version: {one_line(error)}") from None


def sample_scores(
    class_names: Sequence[str], y_score: Floats, predicted: NDArray[np.int64], lengths: Floats
) -> DriftSample:
    """Sample of scored texts without tokens and embeddings; `y_score` of shape (n, n_classes)."""
    scores = y_score[:, 1] if len(class_names) == 2 else y_score.max(axis=1)
    return DriftSample(tuple(class_names), scores, predicted, lengths, np.empty(0), np.empty((0, 0), dtype=np.float16))

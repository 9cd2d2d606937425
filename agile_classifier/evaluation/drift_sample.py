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
from agile_classifier.label_sets import join_labels, part_labels

REFERENCE_FILE = "reference.npz"
"""File of the sample of test rows beside a registered classifier."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DriftSample:
    """Numbers of n scored texts, and of k of them what only the model's own tokenizer and network tell."""

    class_names: tuple[str, ...]
    scores: Floats
    """(n,): of two classes the probability of class 1, of more that of the predicted class; of several labels that of
    the likeliest."""
    predicted: NDArray[np.int64]
    """(n,): numbers of the predicted classes; of several labels their sets (`agile_classifier.label_sets`)."""
    lengths: Floats
    """(n,), in characters."""
    unknown: Floats
    """(k,): share of each text's tokens that the tokenizer does not know."""
    embeddings: NDArray[np.float16]
    """(k, d): mean of the frozen base model's last hidden states."""
    several: bool = False
    """Whether a text may carry several of the labels that `class_names` names."""

    @property
    def n(self) -> int:
        """Number of texts."""
        return len(self.scores)

    @property
    def shares(self) -> Floats:
        """(n_classes,): share of the texts that are predicted to be of each class, or to carry each label."""
        n_classes = len(self.class_names)
        if self.several:
            return np.asarray(part_labels(self.predicted, n_classes).mean(axis=0), dtype=np.float64)
        return np.asarray(np.bincount(self.predicted, minlength=n_classes) / self.n, dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write `reference.npz`."""
        arrays = {name: getattr(self, name) for name in ("scores", "predicted", "lengths", "unknown", "embeddings")}
        names, several = np.array(json.dumps(self.class_names)), np.array(self.several)
        np.savez_compressed(folder / REFERENCE_FILE, names=names, several=several, **arrays)

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
                arrays = {name: held[name] for name in ("scores", "predicted", "lengths", "unknown", "embeddings")}
                return cls(names, several="several" in held and bool(held["several"]), **arrays)
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{file}: is no reference of a version: {one_line(error)}") from None


def sample_scores(
    class_names: Sequence[str], y_score: Floats, predicted: NDArray[np.int64], lengths: Floats
) -> DriftSample:
    """Sample of scored texts without tokens and embeddings; `y_score` of shape (n, n_classes).

    Of several labels `predicted` is a table of shape (n, n_labels).
    """
    several = predicted.ndim == 2
    scores = y_score[:, 1] if len(class_names) == 2 and not several else y_score.max(axis=1)
    classes = join_labels(predicted) if several else predicted
    unknown, embeddings = np.empty(0), np.empty((0, 0), dtype=np.float16)
    return DriftSample(tuple(class_names), scores, classes, lengths, unknown, embeddings, several=several)

"""Label sets: several labels of one text as one whole number, and as a table of 0 and 1.

Where a text carries several labels at once (`labels.rule: many`), its column `label` holds the set of them: the sum of
2 to the power of each present label's number. So whatever carries, digests, compares or groups a `label` does so with
several as with one; what learns or judges parts the sets into a binary column for each label.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_LABELS = 50
"""Most labels of one text: their set is exact as a float64 too."""


def join_labels(present: ArrayLike) -> Ints:
    """Sets, of shape (n,), from a table of shape (n, n_labels) that holds 1 where a label is present.

    >>> join_labels([[0, 0], [1, 0], [0, 1], [1, 1]]).tolist()
    [0, 1, 2, 3]
    """
    table = np.asarray(present, dtype=np.int64)
    return np.asarray(table @ (1 << np.arange(table.shape[1], dtype=np.int64)), dtype=np.int64)


def part_labels(sets: ArrayLike, n_labels: int) -> Ints:
    """Table of shape (n, n_labels) that holds 1 where a label is present; the reverse of `join_labels`.

    >>> part_labels([0, 1, 2, 3], 2).tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    numbers = np.asarray(sets, dtype=np.int64)[:, None]
    return np.asarray(numbers >> np.arange(n_labels, dtype=np.int64) & 1, dtype=np.int64)


def two_columns(probability: ArrayLike) -> Floats:
    """Probabilities of absence and presence, of shape (n, 2), from those of one label's presence, of shape (n,).

    >>> two_columns([0.25]).tolist()
    [[0.75, 0.25]]
    """
    present = np.asarray(probability, dtype=np.float64)
    return np.column_stack([1 - present, present])


def write_labels(names: Sequence[str], present: ArrayLike) -> str:
    """The labels of one text for a cell: their names as a JSON list, empty where none is present.

    >>> write_labels(["race", "gender"], [1, 1]), write_labels(["race", "gender"], [0, 0])
    ('["race", "gender"]', '[]')
    """
    held = np.asarray(present, dtype=bool)
    return json.dumps([name for name, is_held in zip(names, held, strict=True) if is_held], ensure_ascii=False)


def read_labels(cell: str) -> list[str]:
    """Names of the labels in a cell that `write_labels` wrote.

    >>> read_labels('["race", "gender"]')
    ['race', 'gender']
    """
    return [str(name) for name in json.loads(cell)]


def name_predictions(names: Sequence[str], y_pred: ArrayLike) -> list[str]:
    """What a text is called: the name of its class, of shape (n,) of numbers; of a table of labels, as `write_labels`.

    >>> name_predictions(["no", "yes"], [1]), name_predictions(["race", "gender"], [[0, 1]])
    (['yes'], ['["gender"]'])
    """
    predicted = np.asarray(y_pred)
    if predicted.ndim == 2:
        return [write_labels(names, row) for row in predicted]
    return [names[number] for number in predicted]

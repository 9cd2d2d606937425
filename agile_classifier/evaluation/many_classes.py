"""Many classes: which of them a page shows, where all of them could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

MOST_SHOWN = 20
"""Largest number of classes that a figure or a table shows one by one."""
MOST_NAMED = 12
"""Largest number of classes that a sentence names."""


@dataclass(frozen=True)
class ClassRow:
    """How well one class is found among the test texts."""

    name: str
    n_train: int
    n_test: int
    precision: float
    recall: float
    confused_with: str
    """Class that its texts are called most often instead; empty where none is."""


def name_classes(names: Sequence[str], *, between: str = " / ") -> str:
    """The names of classes for a sentence, the first of them where they are many.

    >>> name_classes(["no", "yes"]), name_classes([str(number) for number in range(200)], between=", ")
    ('no / yes', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 188 more')
    """
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{between.join(names[:MOST_NAMED])}{more}"


def choose_worst(counts: Ints, *, most: int = MOST_SHOWN) -> list[int]:
    """The classes that take part in most errors, in their own order; all of them where they are no more than `most`.

    Parameters
    ----------
    counts : array of shape (n_classes, n_classes)
        Confusion matrix: rows are the truth.
    """
    wrong = counts - np.diag(np.diag(counts))
    errors = wrong.sum(axis=0) + wrong.sum(axis=1)
    return sorted(int(place) for place in np.argsort(-errors, kind="stable")[:most])


def fold_others(counts: Ints, class_names: Sequence[str], *, most: int = MOST_SHOWN) -> tuple[Ints, list[str]]:
    """The confusion matrix of the worst classes, the others as one last class; as it is where they are few."""
    shown = choose_worst(counts, most=most)
    if len(shown) == len(class_names):
        return counts, list(class_names)
    others = [place for place in range(len(class_names)) if place not in set(shown)]
    groups = [[place] for place in shown] + [others]
    folded = np.array([[counts[np.ix_(rows, columns)].sum() for columns in groups] for rows in groups], dtype=np.int64)
    return folded, [*(class_names[place] for place in shown), f"{len(others)} other classes"]


def worst_classes(counts: Ints, class_names: Sequence[str], *, n_train: Sequence[int]) -> list[ClassRow]:
    """The classes of the least F1, least first, at most `MOST_SHOWN`; classes without a test text are left out."""
    n_true, n_called, n_hit = counts.sum(axis=1), counts.sum(axis=0), np.diag(counts)
    f1 = 2 * n_hit / np.maximum(n_true + n_called, 1)
    wrong = counts - np.diag(n_hit)
    held = [int(place) for place in np.argsort(f1, kind="stable") if n_true[place]]
    return [
        ClassRow(
            name=class_names[place],
            n_train=n_train[place],
            n_test=int(n_true[place]),
            precision=float(n_hit[place] / max(n_called[place], 1)),
            recall=float(n_hit[place] / n_true[place]),
            confused_with=class_names[int(wrong[place].argmax())] if wrong[place].any() else "",
        )
        for place in held[:MOST_SHOWN]
    ]

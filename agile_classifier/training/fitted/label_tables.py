"""Label tables: which of several labels each text carries, as the estimator is given it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.config.ensemble.members import Planned
from agile_classifier.config.labels.many import ALLOWED
from agile_classifier.errors import InputError
from agile_classifier.label_sets import MOST_LABELS, join_labels


def is_label_table(y: Any) -> bool:
    """Whether `y` says of several labels which a text carries: it has two dimensions, and more than one column.

    >>> is_label_table([[0, 1], [1, 1]]), is_label_table(["no", "yes"])
    (True, False)
    """
    return np.ndim(y) == 2 and np.shape(y)[1] > 1


def read_label_table(y: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Names of the columns, and the set of labels of each row (`agile_classifier.label_sets`), of a table of 0 and 1.

    Raises
    ------
    ValueError
        A cell is neither 0 nor 1, there are too many labels, or one stands in every row or in none.
    """
    table = np.asarray(y)
    if not np.isin(table, (0, 1)).all():
        raise ValueError("y: a table of several labels holds 0 and 1 alone")
    if table.shape[1] > MOST_LABELS:
        raise ValueError(f"y: {table.shape[1]} labels; {MOST_LABELS} are the most")
    unlearnable = np.flatnonzero((table.sum(axis=0) == 0) | (table.sum(axis=0) == len(table)))
    names = np.asarray(y.columns) if isinstance(y, pd.DataFrame) else np.arange(table.shape[1])
    if len(unlearnable):
        raise ValueError(f"y: label {names[unlearnable[0]]!r} stands in every row or in none")
    return names, join_labels(table)


def require_several(members: Sequence[Planned]) -> None:
    """Refuse members of an ensemble, or a single network, that go with one label a text alone.

    Raises
    ------
    InputError
        Names the field, what was found and what is allowed.
    """
    for member in members:
        if member.kind != "network":
            raise InputError(f"AgileClassifier: members kind {member.kind}: allowed with several labels is network")
        for field, allowed in ALLOWED.items():
            if (found := getattr(member.fine_tune, field)) != allowed:
                raise InputError(f"AgileClassifier: {field} {found}: allowed with several labels is {allowed}")

"""Checks of labelled parts: what is to be told apart must stand in each."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from agile_classifier.data.labels.kept import ThresholdFacts
from agile_classifier.errors import InputError
from agile_classifier.label_sets import part_labels


def require_two_classes(
    parts: dict[str, pd.DataFrame], class_names: Sequence[str], facts: ThresholdFacts | None
) -> None:
    """Raise InputError where the texts of a part, if it has any, are of one class."""
    way_out = f", or labels.refit true: the label threshold is {facts.sentence}" if facts and facts.is_kept else ""
    for part, frame in parts.items():
        held = set(frame["label"])
        if len(frame) and len(held) < 2:
            raise InputError(
                f"split: {part} has {len(frame)} rows, all of class {class_names[held.pop()]!r}; two classes are"
                f" needed: take more rows, another label rule or another split.method{way_out}"
            )


def require_both_of_labels(parts: dict[str, pd.DataFrame], names: Sequence[str]) -> None:
    """Raise InputError where every text of a part carries a label, or none does.

    It can neither be learnt nor measured there.
    """
    for part, frame in parts.items():
        counts = part_labels(frame["label"], len(names)).sum(axis=0)
        for name, n in zip(names, counts, strict=True):
            if len(frame) and n in (0, len(frame)):
                raise InputError(
                    f"split: label {name!r} stands in {n} of the {len(frame)} rows of {part}; rows with it and without"
                    " are needed: take more rows, another split.method or split.seed, or leave the label out"
                )

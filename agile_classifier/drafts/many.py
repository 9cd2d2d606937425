"""Several labels in a draft: columns that may each be a label of its own, and the rule that reads them so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agile_classifier.data.labels.answers import ABSENT, PRESENT
from agile_classifier.data.text import normalised
from agile_classifier.drafts.choices import Answer
from agile_classifier.drafts.columns import Column

MAJORITY_SHARE = 0.5
"""Share of annotators from which a label counts as present."""
JOINTS = ("|", ";", ",")
"""Signs that may part the labels in one cell, the surest first."""


def offer_many(columns: Sequence[Column], close: Sequence[str]) -> tuple[Answer, ...]:
    """The answer that learns every column of yes and no, or of shares, as a label of its own; none where it is one.

    Parameters
    ----------
    columns : sequence of Column
        All that may be learnt.
    close : sequence of str
        Names of those between which the choice is; two of them must be such columns.
    """
    names = tuple(column.name for column in columns if may_be_label(column))
    if sum(name in close for name in names) < 2:
        return ()
    named = ", ".join(map(repr, names))
    return (Answer({"labels": names, "many": True}, f"each of {named} as a label of its own, of any number a text"),)


def may_be_label(column: Column) -> bool:
    """Whether a column says of each text whether it carries a label: 0 and 1, yes and no, or shares from 0 to 1."""
    if column.numbers and not column.words_among_numbers:
        return min(column.numbers) >= 0 and max(column.numbers) <= 1 and len(set(column.numbers)) > 1
    said = {normalised(value) for value in column.counts}
    return bool(said & PRESENT) and bool(said & ABSENT) and said <= PRESENT | ABSENT


def make_many(columns: Sequence[Column]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Section `labels` of rule many for columns, or one that lists the labels of a text; and why."""
    names = [column.name for column in columns]
    if len(columns) == 1:
        return _list_rule(columns[0])
    labels: dict[str, Any] = {"rule": "many", "columns": names}
    reasons = [f"Each of {', '.join(map(repr, names))} is a label of its own: a text carries any number of them."]
    if any(column.numbers and not column.is_whole for column in columns):
        labels["value"] = MAJORITY_SHARE
        reasons.append(
            f"Columns hold shares: a label is present from {MAJORITY_SHARE} on (labels.value; labels.label_thresholds"
            " cuts a column elsewhere)."
        )
    return labels, tuple(reasons)


def _list_rule(column: Column) -> tuple[dict[str, Any], tuple[str, ...]]:
    labels: dict[str, Any] = {"rule": "many", "columns": [column.name]}
    reasons = [f"Column {column.name!r} lists the labels of each text: any number of them."]
    joint = None if column.has_lists else _find_joint(column)
    if joint is not None:
        labels["joined_by"] = joint
        reasons.append(f"In its cells {joint!r} parts them (labels.joined_by).")
    return labels, tuple(reasons)


def _find_joint(column: Column) -> str | None:
    """Sign that parts labels of which others of the column stand alone; None where there is none."""
    for joint in JOINTS:
        parts = [[part.strip() for part in value.split(joint) if part.strip()] for value in column.counts]
        single = {each[0] for each in parts if len(each) == 1}
        if any(len(each) > 1 and single & set(each) for each in parts):
            return joint
    return None

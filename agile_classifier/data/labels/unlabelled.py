"""Unlabelled rows: which rows have a score or class to learn from."""

from __future__ import annotations

import pandas as pd

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.labels.many import MANY
from agile_classifier.data.labels.classes import read_classes
from agile_classifier.data.labels.kinds import read_kinds
from agile_classifier.data.labels.many import read_many
from agile_classifier.data.tables import read_kept


def has_label(examples: pd.DataFrame, labels: LabelsConfig) -> pd.Series:
    """Whether each example has what the label rule reads, of shape (n,).

    A score is missing, or a class or answer is empty or one of `labels.not_rated`, where a row has none.

    Raises
    ------
    InputError
        A cell is no class, or says neither yes nor no.
    """
    if labels.needs_score:
        return examples["score"].notna()
    if labels.rule == "given":
        return read_classes(read_kept(examples, labels.columns[0]), labels) != ""
    columns = pd.DataFrame({name: read_kept(examples, name) for name in labels.columns})
    return (
        read_many(columns, labels)[0].notna().all(axis=1)
        if labels.rule == MANY
        else read_kinds(columns, labels).notna()
    )


def leave_out_unlabelled(examples: pd.DataFrame, labels: LabelsConfig) -> pd.DataFrame:
    """The examples that have a label, under their own index, where `labels.unlabelled` says so; else all of them."""
    return examples[has_label(examples, labels)] if labels.unlabelled == "leave_out" else examples

"""Labelling and splitting: from validated examples to the three parts, and the facts that a report must state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.data import labels, splits
from agile_classifier.data.splits import PARTS, Split
from agile_classifier.data.tables import examples_digest
from agile_classifier.errors import InputError


@dataclass(frozen=True)
class Labelled:
    """Examples with a `label` column, in three parts."""

    parts: dict[str, pd.DataFrame]
    """`train`, `validation`, `test`, each in its order of use."""
    facts: dict[str, Any]
    """`label_threshold`, `n_ties`, `class_names`, and for each part its rows, class shares and digest."""


def label_examples(
    examples: pd.DataFrame, *, rule: str, quantile: float | None, value: float | None, columns: Sequence[str],
    names: Sequence[str] | None, fit_rows: np.ndarray | None = None,
) -> tuple[pd.Series, tuple[str, ...], float | None]:  # fmt: skip
    """Labels, names of the classes and, for a rule that cuts scores, the label threshold.

    Parameters
    ----------
    fit_rows : array of positions
        Rows that the label threshold may be fitted on; all without it.
    """
    if rule == "given":
        label, order = labels.label_given(examples[columns[0]], names=names)
        return label, order, None
    class_names = tuple(names) if names else ("0", "1")
    if rule == "any":
        return labels.label_any(examples[list(columns)]), class_names, None
    score = examples["score"] if fit_rows is None else examples["score"].iloc[fit_rows]
    threshold = labels.fit_label_threshold(score, rule=rule, quantile=quantile, value=value)
    return labels.label_scores(examples["score"], label_threshold=threshold), class_names, threshold


def label_and_split(
    examples: pd.DataFrame, *, rule: str, quantile: float | None, value: float | None, columns: Sequence[str],
    names: Sequence[str] | None, fit_on: str, method: str, train: float | None, validation: float, test: float | None,
    validation_share: float | None, seed: int, column: str | None, target: str = "hard", softness: float = 1.0,
    doubtful_band: float = 0.0, doubtful_weight: float = 0.0,
) -> Labelled:  # fmt: skip
    """Split, then label: the label threshold sees `train` alone unless `fit_on` is `all`.

    Raises
    ------
    InputError
        A part is too small or holds one class.
    """
    label_rule: dict[str, Any] = {
        "rule": rule, "quantile": quantile, "value": value, "columns": columns, "names": names
    }  # fmt: skip
    sizes: dict[str, Any] = {"train": train, "validation": validation, "test": test, "seed": seed}
    split = _split(examples, method=method, column=column, label_rule=label_rule, sizes=sizes)
    if validation_share is not None:
        split = splits.move_to_validation(split, share=validation_share, seed=seed)
    fit_rows = split.train if fit_on == "train" else None
    label, class_names, threshold = label_examples(examples, **label_rule, fit_rows=fit_rows)
    labelled = examples.assign(label=label)
    parts = {part: labelled.iloc[getattr(split, part)].reset_index(drop=True) for part in PARTS}
    if threshold is not None:
        parts["train"], n_doubtful = _teach(
            parts["train"], label_threshold=threshold, softness=softness if target == "soft" else None,
            band=doubtful_band, weight=doubtful_weight,
        )  # fmt: skip
    _check_parts(parts, class_names)
    facts: dict[str, Any] = {
        "label_threshold": threshold,
        "n_doubtful": n_doubtful if threshold is not None else 0,
        "n_ties": labels.count_ties(examples["score"], label_threshold=threshold) if threshold is not None else 0,
        "class_names": list(class_names),
        "n_unused": len(examples) - sum(map(len, parts.values())),
        "parts": {part: _facts(frame, class_names) for part, frame in parts.items()},
    }
    return Labelled(parts, facts)


def _teach(
    train: pd.DataFrame, *, label_threshold: float, softness: float | None, band: float, weight: float
) -> tuple[pd.DataFrame, int]:
    """Train with what its scores add to the labels: `target`, `weight`; texts of weight 0 are left out. And how many were doubtful."""
    columns = {}
    if softness is not None:
        columns["target"] = labels.soft_targets(train["score"], label_threshold=label_threshold, softness=softness)
    if not band:
        return train.assign(**columns), 0
    counts = labels.doubt_weights(train["score"], label_threshold=label_threshold, band=band, weight=weight)
    taught = train.assign(**columns, **({"weight": counts / counts.mean()} if weight else {}))
    return taught[counts > 0].reset_index(drop=True), int((counts < 1).sum())


def _split(
    examples: pd.DataFrame, *, method: str, column: str | None, label_rule: dict[str, Any], sizes: dict[str, Any]
) -> Split:
    if method == "columns":
        return splits.split_columns(examples[column])
    if method == "group":
        return splits.split_group(examples["group"], **sizes)
    if method == "shuffle":
        return splits.split_shuffle(len(examples), **sizes)
    if label_rule["rule"] in ("given", "any"):
        strata = label_examples(examples, **label_rule)[0]
    else:
        strata = splits.score_strata(examples["score"])
    return splits.split_stratified(strata, **sizes)


def _check_parts(parts: dict[str, pd.DataFrame], class_names: Sequence[str]) -> None:
    for part, frame in parts.items():
        held = set(frame["label"])
        if len(frame) and len(held) < 2:
            raise InputError(
                f"split: {part} has {len(frame)} rows, all of class {class_names[held.pop()]!r}; two classes are needed: "
                "take more rows, another label rule or another split.method"
            )


def _facts(frame: pd.DataFrame, class_names: Sequence[str]) -> dict[str, Any]:
    counts = frame["label"].value_counts()
    class_rows = {name: int(counts.get(number, 0)) for number, name in enumerate(class_names)}
    return {
        "n_rows": len(frame),
        "class_rows": class_rows,
        "class_shares": {name: round(n / max(1, len(frame)), 4) for name, n in class_rows.items()},
        "digest": examples_digest(frame[["id", "label"]]),
    }

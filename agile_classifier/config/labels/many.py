"""Several labels: what a config with `labels.rule: many` must hold, since one text may carry any number of its labels.

What several labels do not have yet is refused here, in one line that names what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agile_classifier.config.labels.limits import LabelLimits
from agile_classifier.label_sets import MOST_LABELS

if TYPE_CHECKING:
    from agile_classifier.config.data import LabelsConfig
    from agile_classifier.config.ensemble.members import Planned
    from agile_classifier.config.run import RunConfig

MANY = "many"
"""`labels.rule` under which one text carries several labels at once."""
ALLOWED: Mapping[str, Any] = {"balance": "none", "loss": "label_tokens"}
"""Field of `fine_tune` → the one value that it may have with several labels."""


def many_names(labels: LabelsConfig) -> tuple[str, ...] | None:
    """Names of labels 0, 1, … in the order of the columns; None where one column of lists gives them."""
    if labels.names is None:
        return labels.columns if len(labels.columns) > 1 else None
    if labels.codes is None or len(labels.columns) == 1:
        return labels.names
    named = dict(zip(labels.codes, labels.names, strict=True))
    return tuple(named.get(column, column) for column in labels.columns)


def require_many(labels: LabelsConfig) -> None:
    """Refuse fields of the section `labels` that do not go with rule many, or go with no other rule.

    Raises
    ------
    ValueError
        Names the field, what was found and what is allowed.
    """
    if labels.rule != MANY:
        for field in ("joined_by", "label_thresholds"):
            if getattr(labels, field):
                raise ValueError(f"labels.{field} belongs to labels.rule many; found rule {labels.rule}")
        return
    if not labels.columns:
        raise ValueError("labels.rule many needs labels.columns: a column a label, or one that holds lists of labels")
    _require_columns(labels)
    names = labels.class_names
    if names is not None and len(set(names)) < len(names):
        raise ValueError(f"labels.names must differ, a name a label; found {list(names)}")
    if names is not None and len(names) < 2:
        raise ValueError(f"labels.rule many needs two labels or more, found {list(names)}; one label is rule any")
    if names is not None and len(names) > MOST_LABELS:
        raise ValueError(f"labels.rule many takes {MOST_LABELS} labels at most, found {len(names)}")


def require_possible(config: RunConfig) -> None:
    """Refuse what a run with several labels cannot do; nothing where a text carries one.

    Raises
    ------
    ValueError
        Names the field, what was found and what is allowed.
    """
    if config.labels.rule != MANY:
        if config.promotion.labels != LabelLimits():
            raise ValueError(f"promotion.labels belongs to labels.rule many; found rule {config.labels.rule}")
        return
    of_one_class = {
        "evaluation.groups": config.evaluation.groups.is_asked,
        "evaluation.evasion": bool(config.evaluation.evasion.attacks),
        "promotion.checks": bool(config.promotion.checks),
    }
    if asked := [field for field, is_asked in of_one_class.items() if is_asked]:
        raise ValueError(f"{', '.join(asked)}: for texts with one class alone; take it out, found labels.rule many")


def member_refusal(member: Planned) -> str | None:
    """Why a member of an ensemble, or the only network, cannot tell several labels; None where it can."""
    if member.kind == "tfidf_svm":
        return "kind tfidf_svm tells classes, one a text; allowed with labels.rule many is network"
    for field, allowed in ALLOWED.items():
        found = getattr(member.fine_tune, field)
        if found != allowed:
            return f"fine_tune.{field} {found}: allowed with labels.rule many is {allowed}"
    labels = member.model.prompt.labels
    if member.model.head == "label_tokens" and labels is not None and len(labels) != 2:
        return (
            "model.prompt.labels with labels.rule many are the two answers to the question of each label, no and yes;"
            f" found {list(labels)}"
        )
    return None


def _require_columns(labels: LabelsConfig) -> None:
    columns, one = labels.columns, len(labels.columns) == 1
    if len(set(columns)) < len(columns):
        raise ValueError(f"labels.columns must differ, found {list(columns)}")
    if one and (labels.value is not None or labels.label_thresholds):
        raise ValueError(
            "labels.value and labels.label_thresholds cut a score in the column of each label; found one column,"
            f" {columns[0]!r}, which holds lists of labels"
        )
    if labels.joined_by and not one:
        raise ValueError(f"labels.joined_by parts the labels in one column of lists; found {len(columns)} columns")
    if unknown := [name for name in labels.label_thresholds if name not in columns]:
        raise ValueError(f"labels.label_thresholds: {unknown[0]!r} is none of labels.columns {list(columns)}")
    if one:
        return
    if labels.codes is None and labels.names is not None and len(labels.names) != len(columns):
        raise ValueError(
            f"labels.names needs a name for each of the {len(columns)} columns, found {len(labels.names)}:"
            f" {list(labels.names)}"
        )
    if unknown := [code for code in labels.codes or () if code not in columns]:
        raise ValueError(f"labels.names: {unknown[0]!r} is none of labels.columns {list(columns)}")

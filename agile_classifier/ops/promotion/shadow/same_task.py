"""Same task: whether two versions tell the same classes apart by the same rule; else comparing them says nothing."""

from __future__ import annotations

from agile_classifier.evaluation.many_classes import name_classes
from agile_classifier.ops.promotion.measured_version import MeasuredVersion


def find_difference(candidate: MeasuredVersion, champion: MeasuredVersion) -> str | None:
    """Clause that says how a candidate's task is another than the champion's; None where it is the same.

    Errors of reading either are passed on.
    """
    if candidate.class_names != champion.class_names:
        new_names, old_names = map(name_classes, (candidate.class_names, champion.class_names))
        return f"it tells {new_names} apart, and the champion {old_names}"
    new, old = candidate.label_rule, champion.label_rule
    for name in sorted((set(new) & set(old)) - {"unlabelled", "refit"}):
        if new[name] != old[name]:
            return f"labels.{name} was {new[name]} for it, and {old[name]} for the champion"
    return _cut_elsewhere(candidate, champion)


def _cut_elsewhere(candidate: MeasuredVersion, champion: MeasuredVersion) -> str | None:
    """Clause where the scores were cut at another label threshold: class 1 is another class then."""
    ours, theirs = candidate.labelled, champion.labelled
    new, old = ours.label_threshold, theirs.label_threshold
    if new is None or old is None or new == old:
        return None
    facts = ours.threshold
    is_refit = facts is not None and not facts.is_kept and facts.label_threshold == old
    changed = f", which changed the class of {facts.n_changed} of {facts.n_rows} rows" if facts and is_refit else ""
    return f"its label threshold is {new:.6g} and the champion's {old:.6g}{changed}, so it learnt another task"


def differs(model_name: str, champion: str, candidate: str) -> str | None:
    """The same of two versions of a model, by their numbers."""
    return find_difference(MeasuredVersion(model_name, candidate), MeasuredVersion(model_name, champion))

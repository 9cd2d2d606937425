"""Explanations that a person asks for: of a few texts, by a registered version, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agile_classifier.data.text import complaint_about
from agile_classifier.errors import InputError, one_line
from agile_classifier.models.explanations.leave_one_out import Explanation
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.registry.scorer import Scorer
from agile_classifier.ops.scoring.batch import find_scorer
from agile_classifier.ops.scoring.explanations.explaining import class_columns, explain_answers

LONGEST_TEXT = 10_000
"""Longest text that is explained, in characters."""


@dataclass(frozen=True)
class Explained:
    """Explanations, and whose answers they explain."""

    model_name: str
    version: str
    explanations: list[Explanation]


def explain(texts: Sequence[str], *, model_name: str | None, version: str | None, most_words: int) -> Explained:
    """Explain the answers to a few texts, by the champion or the version of a number or alias.

    Raises
    ------
    InputError
        A text is blank or too long, no such version, or one whose answers hold no probabilities.
    """
    for place, text in enumerate(texts, start=1):
        if complaint := complaint_about(text, max_characters=LONGEST_TEXT):
            raise InputError(f"text {place}: {complaint}")
    name, number = find_scorer(model_name, version)
    scorer = Scorer(name, number)
    if not class_columns(scorer.columns):
        raise InputError(
            f"model {name}, version {number}: its answers hold no {PROBABILITY}NAME, found"
            f" {', '.join(scorer.columns)}; a version of `agile train` has them"
        )
    return Explained(name, number, explain_answers(texts, scorer(texts), scorer, most_words=most_words))


def as_lines(explained: Explained) -> str:
    """Explanations for a terminal: a table a text, the telling words first."""
    return "\n\n".join(_as_table(found, explained) for found in explained.explanations)


def _as_table(found: Explanation, explained: Explained) -> str:
    telling = found.telling()
    words = [one_line(word.text, longest=30) for word in telling]
    width = max(4, *map(len, words))
    rows = [
        f"{word.ljust(width)}  {each.change:+8.2f}  {each.share:5.0%}  {each.probability:10.3f}"
        for word, each in zip(words, telling, strict=True)
    ]
    cut = f"; of its {found.n_words} words the first {len(found.words)} were left out" if found.is_truncated else ""
    return "\n".join([
        one_line(found.text, longest=60),
        f"{one_line(found.class_name)} {found.probability:.3f}, by {explained.model_name} version {explained.version}",
        f"{'word'.ljust(width)}  log odds  share  without it",
        *rows,
        f"{found.told_share:.0%} of all change; without them {found.without_told:.3f}{cut}",
    ])  # fmt: skip

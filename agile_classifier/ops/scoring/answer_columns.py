"""Answer columns: how the columns are called that scoring adds to a file's own.

`label`, `probability_NAME` of each class, `decision` where the version has bands, `model_version` and `run_id`; where
they are asked for, `prediction_id` and `review`. A column of the file that bears one of these names stays, and the
added one is called `predicted_…`; those that an earlier scoring added are replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agile_classifier.errors import InputError
from agile_classifier.metrics.bands import DECISION
from agile_classifier.models.spec import PROBABILITY

LABEL, MODEL_VERSION, RUN_ID = "label", "model_version", "run_id"
EXPLANATION = "explanation"
"""Words that carry an answer, behind its probabilities and decision; only on demand."""
PREDICTION_ID, REVIEW = "prediction_id", "review"
"""Id by which a verdict names the prediction, and whether that is marked for a person; both only on demand."""
PREDICTED = "predicted_"
"""What a name begins with in the output where the input has a column of the plain name."""


@dataclass(frozen=True)
class AnswerColumns:
    """Columns that a scoring adds to a file, and those of an earlier scoring that make way."""

    names: Mapping[str, str]
    """Name in the output by plain name: `label`, `probability_NAME`, perhaps `decision`, `model_version`, `run_id` …,
    in their order."""
    replaced: tuple[str, ...] = ()
    """Columns of the input that an earlier scoring added, and that are not in the output."""

    def in_words(self) -> str:
        """What is called otherwise than by its plain name, or replaced, in a sentence; empty where nothing is."""
        own = [name for name, column in self.names.items() if column == f"{PREDICTED}{name}"]
        called = ", ".join(repr(self.names[name]) for name in own)
        clash = f"has {', '.join(map(repr, own))} already, so the answers are called {called}" if own else ""
        earlier = ", ".join(map(repr, self.replaced))
        replaced = f"columns of an earlier scoring are replaced: {earlier} (--prefix keeps them)" if earlier else ""
        return "; ".join(part for part in (replaced, clash) if part)


def place_answers(
    names: Sequence[str], answers: Sequence[str], *, prefix: str | None, marks: Sequence[str] = ()
) -> AnswerColumns:
    """Name the columns that a scoring adds to a file.

    Parameters
    ----------
    names : sequence of str
        Columns of the file.
    answers : sequence of str
        Plain names of a version's answer: `label`, `probability_NAME` of every class, perhaps `decision`.
    prefix : str or None
        What each added name begins with; then nothing is renamed or replaced.
    marks : sequence of str
        What stands behind `run_id`: `prediction_id`, perhaps `review`.

    Raises
    ------
    InputError
        The file has a column of an added name all the same.

    Examples
    --------
    >>> place_answers(["text", "label"], ["label"], prefix=None).names["label"]
    'predicted_label'
    """
    plain = (*answers, MODEL_VERSION, RUN_ID, *marks)
    if prefix:
        return _without_clash(names, AnswerColumns({name: f"{prefix}{name}" for name in plain}))
    replaced = tuple(find_earlier(names))
    kept = [name for name in names if name not in replaced]
    chosen = {name: f"{PREDICTED}{name}" if name in kept else name for name in plain}
    return _without_clash(kept, AnswerColumns(chosen, replaced))


def find_earlier(names: Sequence[str]) -> list[str]:
    """Columns that an earlier scoring added without a prefix: side by side, from the label to `run_id`; or none.

    Those of `prediction_id` and `review` follow where they were asked for.
    """
    plain = [name.removeprefix(PREDICTED) for name in names]
    for end in range(len(names) - 1, 1, -1):
        if plain[end] != RUN_ID or plain[end - 1] != MODEL_VERSION:
            continue
        start = end - 1
        for behind_probabilities in (EXPLANATION, DECISION):
            start -= plain[start - 1] == behind_probabilities
        behind = start
        while start and plain[start - 1].startswith(PROBABILITY):
            start -= 1
        if start < behind and start and plain[start - 1] == LABEL:
            while end + 1 < len(names) and plain[end + 1] in (PREDICTION_ID, REVIEW):
                end += 1
            return list(names[start - 1 : end + 1])
    return []


def find_answers(names: Sequence[str], *, prefix: str | None = None) -> str | None:
    """Prefix of the answers in a file that was scored, which may be empty; None for a file that was not.

    Without a `prefix` to look for, the last column that ends in `model_version` tells it.
    """
    ends = [name.removesuffix(MODEL_VERSION) for name in names if name.endswith(MODEL_VERSION)]
    for found in reversed(ends) if prefix is None else [prefix]:
        begin = "" if found == PREDICTED and prefix is None else found
        has_label = column_of(LABEL, names, prefix=begin) in names
        has_version = column_of(MODEL_VERSION, names, prefix=begin) in names
        if has_label and has_version and any(PROBABILITY in name for name in names):
            return begin
    return None


def column_of(name: str, names: Sequence[str], *, prefix: str) -> str:
    """Column of a scored file that holds the answer of a plain name; it may be missing all the same."""
    predicted = f"{PREDICTED}{name}"
    return predicted if not prefix and predicted in names else f"{prefix}{name}"


def _without_clash(names: Sequence[str], columns: AnswerColumns) -> AnswerColumns:
    taken = [column for column in columns.names.values() if column in names]
    if taken:
        raise InputError(f"the input has a column {taken[0]!r} already, which the scores need: name another --prefix")
    return columns

"""Explaining: which words carry the answers of a scorer, by its own answers to texts without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.models.explanations.leave_one_out import MOST_WORDS, Explanation, explain_texts, in_words
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.scoring.answer_columns import EXPLANATION, LABEL

TEXTS_AT_ONCE = 32
"""Texts of a file whose variants are scored together."""


class Scores(Protocol):
    """What answers texts, as `agile_classifier.ops.registry.scorer.Scorer` does."""

    columns: tuple[str, ...]

    def __call__(self, texts: Sequence[str]) -> pd.DataFrame:
        """One row a text, with `columns`."""


class ExplainingScorer:
    """A scorer whose answers also name the words that carry them, in a column `explanation`."""

    columns: tuple[str, ...]

    def __init__(self, scorer: Scores) -> None:
        self._scorer, self.columns = scorer, (*scorer.columns, EXPLANATION)

    def __call__(self, texts: Sequence[str]) -> pd.DataFrame:
        """One row a text, with `columns`."""
        frame = self._scorer(texts)
        told = list[str]()
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            some = slice(start, start + TEXTS_AT_ONCE)
            told += map(in_words, explain_answers(texts[some], frame[some], self._scorer))
        return frame.assign(**{EXPLANATION: told})


def explain_answers(
    texts: Sequence[str], answers: pd.DataFrame, scorer: Scores, *, most_words: int = MOST_WORDS
) -> list[Explanation]:
    """Explain answers that a scorer has given: each of its own label."""
    columns = class_columns(list(answers.columns))

    def score(some: Sequence[str]) -> NDArray[np.float64]:
        return scorer(some)[columns].to_numpy(dtype=np.float64)

    return explain_texts(
        texts,
        score,
        class_names=[column.removeprefix(PROBABILITY) for column in columns],
        explained=[choose_class(row, columns) for row in answers.to_dict("records")],
        most_words=most_words,
    )


def class_columns(columns: Sequence[str]) -> list[str]:
    """Columns of an answer that hold the probability of a class or label."""
    return [column for column in columns if column.startswith(PROBABILITY)]


def choose_class(answer: Any, columns: Sequence[str]) -> int:
    """Number of the class that is answered; of several labels, which no class is called by, the likeliest."""
    named = f"{PROBABILITY}{answer[LABEL]}"
    return columns.index(named) if named in columns else int(np.argmax([answer[column] for column in columns]))


def as_facts(explanation: Explanation) -> dict[str, Any]:
    """An explanation as JSON."""
    return {
        "label": explanation.class_name,
        "probability": explanation.probability,
        "words": [asdict(word) for word in explanation.words],
        "telling": [word.text for word in explanation.telling()],
        "told_share": explanation.told_share,
        "probability_without_telling": explanation.without_told,
        "n_words": explanation.n_words,
        "truncated": explanation.is_truncated,
    }

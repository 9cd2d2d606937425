"""Scoring: a few texts of a person, by the champion, at once; `agile_classifier.ops.scoring.batch` scores files."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from agile_classifier.data.text import complaint_about
from agile_classifier.errors import InputError
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.scorer import Scorer
from agile_classifier.ops.scoring.answer_columns import MODEL_VERSION
from agile_classifier.ops.scoring.explanations.explaining import ExplainingScorer

SHOWN_LENGTH = 60
"""Longest text shown in a table, in characters."""


def score_texts(texts: Sequence[str], *, model_name: str | None, explain: bool = False) -> pd.DataFrame:
    """Score texts with the champion: a row a text, with `label`, `probability_NAME` and `model_version`.

    With `explain` also with the words that carry the answer, in `explanation`.

    Raises
    ------
    InputError
        A text is blank, or no champion can be found.
    """
    for number, text in enumerate(texts, start=1):
        if complaint := complaint_about(text):
            raise InputError(f"text {number}: {complaint}")
    champion = registry.find_champion(model_name)
    scorer = Scorer(champion.model_name, champion.version)
    scores = ExplainingScorer(scorer)(texts) if explain else scorer(texts)
    return scores.assign(**{MODEL_VERSION: champion.version})


def as_table(texts: Sequence[str], scores: pd.DataFrame) -> str:
    """Format scores as a table for a terminal, one line a text."""
    lines = [" ".join(text.split()) for text in texts]
    cut = [line if len(line) <= SHOWN_LENGTH else f"{line[: SHOWN_LENGTH - 1]}…" for line in lines]
    shown = scores.assign(text=[line.ljust(max(map(len, cut))) for line in cut])
    return shown.to_string(index=False, float_format=lambda number: f"{number:.3f}", justify="left")

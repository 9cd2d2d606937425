"""Candidate on trial: texts that were changed on purpose, attacked or with a word left out, by the very answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.config.evaluation import EvaluationConfig
from agile_classifier.evaluation.evasion.measure import Attacked, measure_evasion
from agile_classifier.metrics.calibration import Calibration
from agile_classifier.metrics.comparison import Answers
from agile_classifier.metrics.metrics import predict
from agile_classifier.models.ensemble.bases import Base
from agile_classifier.models.explanations.leave_one_out import Explanation, explain_texts, find_words
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.prompts.injections import list_injections

WORDS_OF_AN_ERROR = 60
"""Words of a text that the report weighs, at most."""


@dataclass(frozen=True)
class Tried:
    """The candidate, loaded once it is asked, with what validation chose for it."""

    adapter: Path
    base: Base
    calibration: Calibration
    answers: Answers
    """Its answers to the test texts as they are."""

    def evade(self, test: pd.DataFrame, settings: EvaluationConfig) -> dict[str, Attacked]:
        """What each attack of the config does to the answers; nothing without attacks."""
        if not settings.evasion.attacks:
            return {}
        prompt = self._predictor.spec.prompt
        return measure_evasion(
            self._score,
            list(test["text"]),
            test["label"].to_numpy(),
            self.answers,
            settings=settings.evasion,
            injections=list_injections(prompt, self._predictor.tokenizer) if prompt else {},
            n_resamples=settings.n_resamples,
            seed=settings.seed,
        )

    def explain(self, texts: Sequence[str], rows: Sequence[int], settings: EvaluationConfig) -> dict[int, Explanation]:
        """Row → what its words did to its answer, of the first `evaluation.explained_errors` rows that hold a word."""
        rows = [row for row in rows[: settings.explained_errors] if find_words(texts[row])]
        if not rows:
            return {}
        explained = explain_texts(
            [texts[row] for row in rows],
            self._score,
            class_names=self._predictor.spec.class_names,
            explained=[self._answered(row) for row in rows],
            most_words=WORDS_OF_AN_ERROR,
        )
        return dict(zip(rows, explained, strict=True))

    def _answered(self, row: int) -> int:
        """Class that a row is given; of several labels at once the likeliest."""
        y_pred = predict(self.answers.y_score, self.answers.threshold)
        return int(y_pred[row] if y_pred.ndim == 1 else self.answers.y_score[row].argmax())

    @cached_property
    def _predictor(self) -> Predictor:
        return Predictor.load(self.adapter, base=self.base)

    def _score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        return self.calibration.apply(self._predictor.score(texts))

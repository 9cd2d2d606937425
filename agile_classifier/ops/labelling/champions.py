"""Champions in memory: what answers Label Studio, a model's champion of the moment, loaded once it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pandas as pd

from agile_classifier.ops.registry.scorer import Scorer
from agile_classifier.ops.registry.versions import Champion, find_champion

Score = Callable[[Sequence[str]], pd.DataFrame]


class LoadedChampions:
    """The latest champion of each model that was asked for; a promotion is followed at the next question."""

    def __init__(self, load: Callable[[str, str], Score] = Scorer) -> None:
        self._load = load
        self._loaded = dict[str, tuple[str, Score]]()
        """Model → number of the loaded version, and the version."""
        self._turn = threading.Lock()

    def find(self, model_name: str | None) -> Champion:
        """The champion at present, which need not be loaded; raises as `find_champion`."""
        return find_champion(model_name)

    def score(self, champion: Champion, texts: Sequence[str]) -> pd.DataFrame:
        """Score texts with a champion, one request at a time: `label`, and `probability_NAME` of every class."""
        with self._turn:
            version, score = self._loaded.get(champion.model_name, ("", None))
            if score is None or version != champion.version:
                score = self._load(champion.model_name, champion.version)
                self._loaded[champion.model_name] = champion.version, score
            return score(texts)

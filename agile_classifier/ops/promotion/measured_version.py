"""Measured version: a registered version and what a promotion wants to know of it, measured once and only if it is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from agile_classifier.metrics.comparison import Contender
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.registry import versions as registry

TIMED_TEXTS = 20


class MeasuredVersion:
    """A version, as registered; whatever it raises when it is read, it raises here."""

    def __init__(self, model_name: str, number: str) -> None:
        self.model_name, self.number = model_name, number

    @cached_property
    def learnt_from(self) -> frozenset[str]:
        """Digests of the texts that it was trained or chosen on."""
        return registry.read_learnt_from(self.model_name, self.number)

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """Class 0 first."""
        return tuple(registry.read_spec(self.model_name, self.number).class_names)

    @cached_property
    def label_rule(self) -> dict[str, object]:
        """The section `labels` of its config."""
        return dict(registry.read_config(self.model_name, self.number).get("labels", {}))

    @cached_property
    def tags(self) -> dict[str, str]:
        """In MLflow."""
        return registry.read_tags(self.model_name, self.number)

    def answer(self, texts: Sequence[str]) -> Contender:
        """Its probabilities and its decision threshold."""
        columns = [f"{PROBABILITY}{name}" for name in self.class_names]
        threshold = registry.read_decision_threshold(self.model_name, self.number)
        return Contender(self._score(texts)[columns].to_numpy(dtype=np.float64), threshold)

    def milliseconds(self, texts: Sequence[str]) -> float:
        """Median time to score one of the first texts alone."""
        took = []
        for text in texts[:TIMED_TEXTS]:
            began = time.perf_counter()
            self._score([text])
            took.append(time.perf_counter() - began)
        return float(np.median(took)) * 1000

    def megabytes(self) -> float:
        """Its own files; a base model inside counts."""
        files = registry.read_files(self.model_name, self.number)
        folders = [folder for folder in (files.adapter, files.base) if folder is not None]
        return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file()) / 1e6

    def parity_error(self) -> float | None:
        """As measured at its registration; None of a version from before that was written on it."""
        found = self.tags.get(registry.PARITY_ERROR)
        return None if found is None else float(found)

    @cached_property
    def _score(self) -> Callable[[Sequence[str]], pd.DataFrame]:
        return registry.load(self.model_name, self.number)

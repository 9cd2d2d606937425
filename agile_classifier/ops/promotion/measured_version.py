"""A registered version with its measurements for a promotion, each made once and only if asked for."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agile_classifier.metrics.bands import DECISION, Bands
from agile_classifier.metrics.comparison import Answers
from agile_classifier.models.decision import Decision
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.promotion.label_threshold import LabelRecord, read_label_record
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.contents import version_files
from agile_classifier.ops.registry.scorer import Scorer

TIMED_TEXTS = 20


class MeasuredVersion:
    """A registered version and its measurements; errors of reading it are passed on."""

    def __init__(self, model_name: str, number: str) -> None:
        self.model_name, self.number = model_name, number

    @cached_property
    def learnt_from(self) -> frozenset[str]:
        """Digests of the texts that the version was trained or chosen on."""
        return version_files.read_learnt_from(self.model_name, self.number)

    @cached_property
    def tested_on(self) -> frozenset[str] | None:
        """Digests of the texts that the version was tested on; None if it does not record them."""
        file = version_files.read_files(self.model_name, self.number).adapter / registry.TESTED_FILE
        return frozenset(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, class 0 first."""
        return tuple(version_files.read_spec(self.model_name, self.number).class_names)

    @cached_property
    def label_rule(self) -> dict[str, object]:
        """Section `labels` of the config that made the version."""
        return dict(version_files.read_config(self.model_name, self.number).get("labels", {}))

    @cached_property
    def labelled(self) -> LabelRecord:
        """What the version records of its label threshold."""
        return read_label_record(self.model_name, self.number)

    @cached_property
    def tags(self) -> dict[str, str]:
        """Tags of the version in MLflow."""
        return registry.read_tags(self.model_name, self.number)

    @cached_property
    def bands(self) -> Bands | None:
        """What the version decides without a person; None if it has no bands."""
        return Decision.load(version_files.read_files(self.model_name, self.number).adapter).bands

    def decide(self, texts: Sequence[str]) -> NDArray[Any]:
        """`release`, `review` or `remove` of each text, of shape (n,), by a version that has bands."""
        return self._score(texts)[DECISION].to_numpy()

    def answer(self, texts: Sequence[str]) -> Answers:
        """Probabilities of the texts, and the version's decision threshold."""
        columns = [f"{PROBABILITY}{name}" for name in self.class_names]
        threshold = version_files.read_decision_threshold(self.model_name, self.number)
        return Answers(self._score(texts)[columns].to_numpy(dtype=np.float64), threshold)

    def milliseconds(self, texts: Sequence[str]) -> float:
        """Median time to score one text alone, in milliseconds, over the first texts."""
        took = []
        for text in texts[:TIMED_TEXTS]:
            began = time.perf_counter()
            self._score([text])
            took.append(time.perf_counter() - began)
        return float(np.median(took)) * 1000

    def megabytes(self) -> float:
        """Size of the version's files in MB, including a base model inside."""
        files = version_files.read_files(self.model_name, self.number)
        folders = [folder for folder in (files.adapter, files.base) if folder is not None]
        return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file()) / 1e6

    def parity_error(self) -> float | None:
        """Largest change of a probability measured at registration; None if the version does not record it."""
        found = self.tags.get(registry.PARITY_ERROR)
        return None if found is None else float(found)

    @cached_property
    def _score(self) -> Scorer:
        return Scorer(self.model_name, self.number)

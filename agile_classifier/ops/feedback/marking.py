"""Marking: each answer of a version is given a `prediction_id`, and some, by chance, are marked for a person."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.config.labels.many import MANY
from agile_classifier.errors import InputError
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.feedback.prediction_ids import Predicted, derive_number, draw_number, is_drawn, write_id
from agile_classifier.ops.feedback.settings import settings_by
from agile_classifier.ops.feedback.signers import Origin, SigningVersion, require_classes, sign_for
from agile_classifier.ops.feedback.store import FeedbackStore, now, open_store
from agile_classifier.ops.registry.contents import version_files
from agile_classifier.ops.scoring.answer_columns import LABEL, PREDICTION_ID, REVIEW

Answer = Mapping[str, Any]
Log = Callable[[Sequence[Mapping[str, Any]]], None]
"""Takes rows of the table of predictions."""


@dataclass(frozen=True)
class Marker:
    """What marks the answers of one version."""

    signing: SigningVersion
    settings: MonitoringConfig
    numbers: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        names = self.signing.classes.names
        require_classes(self.settings, names, whose=f"{self.signing.model_name} version {self.signing.version}")
        object.__setattr__(self, "numbers", {name: number for number, name in enumerate(names)})

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what it adds to an answer."""
        return (PREDICTION_ID, REVIEW) if self.settings.review else (PREDICTION_ID,)

    @property
    def identity(self) -> str:
        """What its marks depend on: who signs, and which share of each class is marked."""
        return f"{self.signing.signer.number} {dict(self.settings.review)}"

    def mark_row(self, answer: Answer, *, name: str, made: int) -> dict[str, Any]:
        """What is added to the answer of a file's row; the same for the same `name` and `made`, in seconds of 1970."""
        return self._marks(self._predicted(answer, derive_number(self.signing.signer, name), made))

    def mark(
        self, texts: Sequence[str], answers: Sequence[Answer], unkept: Collection[int] = (), *, log: Log
    ) -> list[dict[str, Any]]:
        """The served answers with what is added to them; `log` is told of each.

        Parameters
        ----------
        unkept : collection of int
            Places of texts that are not kept, even where the settings keep texts.
        """
        made, rows, marked = now(), [], []
        for place, (text, answer) in enumerate(zip(texts, answers, strict=True)):
            predicted = self._predicted(answer, draw_number(), made)
            marked.append({**answer, **self._marks(predicted)})
            rows.append(self._logged(predicted, answer, text, keeps=place not in unkept))
        log(rows)
        return marked

    def _predicted(self, answer: Answer, number: int, made: int) -> Predicted:
        label = str(answer[LABEL])
        share = self.settings.review.get(label)
        is_marked = share is not None and is_drawn(self.signing.signer, number, share)
        probability = float(answer[f"{PROBABILITY}{label}"])
        return Predicted(number, made, self.numbers[label], probability, share if is_marked else None)

    def _marks(self, predicted: Predicted) -> dict[str, Any]:
        marks = {PREDICTION_ID: write_id(self.signing.signer, predicted), REVIEW: predicted.sampling is not None}
        return {name: marks[name] for name in self.columns}

    def _logged(self, predicted: Predicted, answer: Answer, text: str, *, keeps: bool) -> dict[str, Any]:
        scores = [answer[f"{PROBABILITY}{name}"] for name in self.signing.classes.names]
        return {
            "signer": self.signing.signer.number, "number": predicted.number, "made": predicted.made,
            "predicted": predicted.predicted, "scores": np.asarray(scores, dtype="<f4").tobytes(),
            "length": len(text), "text": text.encode() if keeps and self.settings.keep_texts else None,
        }  # fmt: skip


def find_marking(model_name: str, version: str, columns: Sequence[str]) -> Marker:
    """What marks the rows of a file that a version scores, as its own run's config says; raises as `make_marker`."""
    with closing(open_store()) as store:
        settings = settings_by(None)(model_name, version)
        return make_marker(store, model_name, version, columns=columns, settings=settings, origin="scored")


def make_marker(
    store: FeedbackStore, model_name: str, version: str, *, columns: Sequence[str], settings: MonitoringConfig,
    origin: Origin,
) -> Marker:  # fmt: skip
    """What marks the answers of a registered version.

    Parameters
    ----------
    columns : sequence of str
        Columns of its answers, `probability_NAME` of each class among them.

    Raises
    ------
    InputError
        The store does not answer, or `monitoring.review` names no class of the version.
    """
    names = [name.removeprefix(PROBABILITY) for name in columns if name.startswith(PROBABILITY)]
    labels = version_files.read_config(model_name, version).get("labels", {})
    if labels.get("rule") == MANY:
        raise InputError(
            f"prediction ids: {model_name} version {version} gives a text several labels (labels.rule many), and a"
            " verdict is on one class; score and serve it without them"
        )
    signing = sign_for(
        store,
        model_name,
        version,
        class_names=names,
        labels=labels,
        origin=origin,
    )
    return Marker(signing, settings)

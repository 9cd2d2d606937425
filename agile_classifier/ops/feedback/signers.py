"""Signers: the versions that sign their predictions, with the classes that a verdict may name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import select

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.data.labels.known_classes import Classes
from agile_classifier.errors import InputError, did_you_mean
from agile_classifier.ops.feedback.prediction_ids import Signer
from agile_classifier.ops.feedback.store import SIGNERS, FeedbackStore, draw_signer

Origin = Literal["served", "scored"]
"""Where predictions came from: the server, which logs all of them in the store, or a scored file."""


@dataclass(frozen=True)
class SigningVersion:
    """A version that signs its predictions."""

    signer: Signer
    model_name: str
    version: str
    classes: Classes
    origin: Origin


def sign_for(
    store: FeedbackStore, model_name: str, version: str, *, class_names: Sequence[str], labels: Mapping[str, Any],
    origin: Origin,
) -> SigningVersion:  # fmt: skip
    """The signer of a version, made where it has none yet.

    Parameters
    ----------
    class_names : sequence of str
        In the order of their probabilities.
    labels : mapping
        Section `labels` of the version's config: what else a class may be called in a verdict.
    """
    facts = {
        "model_name": model_name, "version": version, "origin": origin,
        "classes": asdict(Classes.of(class_names, labels)),
    }  # fmt: skip
    told = json.dumps(facts, sort_keys=True)
    name = hashlib.sha256(told.encode()).hexdigest()
    return _read(store.add_once(SIGNERS, draw_signer(name, told), key="name"))


def list_signers(store: FeedbackStore, model_name: str | None = None) -> Iterator[SigningVersion]:
    """Every version that has signed predictions, or those of a model."""
    for row in store.read(select(SIGNERS).order_by(SIGNERS.c.signer)):
        found = _read(row)
        if model_name in (None, found.model_name):
            yield found


def find_signer(store: FeedbackStore, number: int) -> SigningVersion | None:
    """The version of a signer's number; None where the store knows none."""
    row = next(store.read(select(SIGNERS).where(SIGNERS.c.signer == number)), None)
    return None if row is None else _read(row)


def require_classes(settings: MonitoringConfig, class_names: Sequence[str], *, whose: str) -> None:
    """Raise InputError where `monitoring.review` names a class that the version has not."""
    for name in settings.review:
        if name not in class_names:
            raise InputError(
                f"monitoring.review: {name!r} is no class of {whose}; its classes are {', '.join(class_names)}"
                f"{did_you_mean(name, class_names)}"
            )


def _read(row: Any) -> SigningVersion:
    facts = json.loads(bytes(row.facts))
    classes = facts["classes"]
    known = Classes(tuple(classes["names"]), classes["numbers"], classes["folds"])
    signer = Signer(int(row.signer), bytes.fromhex(row.secret))
    return SigningVersion(signer, facts["model_name"], facts["version"], known, facts["origin"])

"""Members of an ensemble, each judged alone beside the whole, with what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.evaluation.ensemble.figures import MEMBERS, MemberFigures, short_name
from agile_classifier.files import tree_digest
from agile_classifier.models.encoded import Encoded
from agile_classifier.models.ensemble.bases import Base
from agile_classifier.models.ensemble.members import is_network, list_member_folders, list_networks
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.training.history import History

CHECKPOINTS = {"best": "candidate", "last": "last"}
"""Checkpoint → contender."""
Scores = Mapping[str, NDArray[np.float64]]
"""Part → probabilities of its rows, of shape (n, n_classes)."""


def score_networks(
    adapter: Path,
    base: Base,
    spec: ClassifierSpec,
    parts: Mapping[str, pd.DataFrame],
    encoded: Mapping[str, Encoded],
) -> tuple[dict[str, Scores], tuple[float, ...]]:
    """Contender → scores of each checkpoint, of each member of an ensemble and, with a prompt, of the base model.

    Then the rows that each member scores in a second; none of a single network.
    """

    def score(predictor: Predictor) -> Scores:
        return {part: predictor.score(list(rows["text"]), encoded=encoded[part]) for part, rows in parts.items()}

    y_score: dict[str, Scores] = {}
    speeds: tuple[float, ...] = ()
    scored: dict[tuple[str, ...], str] = {}  # files of a checkpoint → contender: the last epoch may be the best, too
    for checkpoint, name in CHECKPOINTS.items():
        digest = tuple(tree_digest(folder / checkpoint) for folder in list_networks(adapter))
        if digest not in scored:
            predictor = Predictor.load(adapter, base=base, checkpoint=checkpoint)
            if predictor.members and name == "candidate":
                members = _score_members(predictor, parts)
                y_score |= {name: members.joined, **members.alone}
                speeds = members.rows_per_second
            else:
                y_score[name] = score(predictor)
        y_score[name] = y_score[scored.setdefault(digest, name)]
    if spec.prompt:
        predictor.forget_tuning()
        y_score["untuned"] = score(predictor)
    return y_score, speeds


def describe_members(adapter: Path, rows_per_second: Sequence[float]) -> tuple[MemberFigures, ...]:
    """What each member of an adapter is and costs, in order; nothing of a single network."""
    folders = [adapter, *list_member_folders(adapter).values()]
    costs = History.load(adapter).members
    seconds = [None] * len(folders) if costs is None else [cost.seconds for cost in costs]
    return tuple(
        MemberFigures(what=_describe(folder), train_seconds=took, rows_per_second=round(speed, 1))
        for folder, took, speed in zip(folders, seconds, rows_per_second, strict=True)
    )


def _describe(member: Path) -> str:
    if not is_network(member):
        return "TF-IDF + linear SVM"
    spec = ClassifierSpec.load(member)
    return f"{short_name(spec.base_source)}, {'label tokens' if spec.prompt else f'{spec.pooling} pooling'}"


@dataclass(frozen=True)
class _MemberScores:
    """Scores of parts by an ensemble and by each of its members."""

    joined: dict[str, NDArray[np.float64]]
    """Part → probabilities of shape (n, n_classes)."""
    alone: dict[str, dict[str, NDArray[np.float64]]]
    """Member → the same."""
    rows_per_second: tuple[float, ...]


def _score_members(predictor: Predictor, parts: Mapping[str, pd.DataFrame]) -> _MemberScores:
    """Score parts by each member of an ensemble alone, and join what they say as the ensemble does."""
    scorers: list[Callable[[Sequence[str]], NDArray[np.float64]]] = [
        predictor.score_alone,
        *(member.score for member in predictor.members),
    ]
    texts = {part: predictor.spec.clean(rows["text"]) for part, rows in parts.items()}
    alone, speeds = {}, []
    for name, score in zip(MEMBERS, scorers, strict=False):
        began = time.perf_counter()
        alone[name] = {part: score(read) for part, read in texts.items()}
        speeds.append(sum(map(len, texts.values())) / max(time.perf_counter() - began, 1e-9))
    joined = {part: predictor.join([scores[part] for scores in alone.values()]) for part in parts}
    return _MemberScores(joined, alone, tuple(speeds))

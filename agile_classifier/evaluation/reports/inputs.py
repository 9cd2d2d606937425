"""Inputs of the evaluation report: what was measured of each model, and what the texts say about the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agile_classifier.evaluation.bands import Banding
from agile_classifier.evaluation.bias.figures import GroupReport
from agile_classifier.evaluation.evasion.measure import Attacked
from agile_classifier.evaluation.reports.page import Fact
from agile_classifier.evaluation.review import Cut, Neighbour, Suspects
from agile_classifier.evaluation.slices import Slice
from agile_classifier.metrics.bootstrap import PairedDifference
from agile_classifier.metrics.calibration import Floats, Ints
from agile_classifier.metrics.metrics import DecisionThreshold
from agile_classifier.models.explanations.leave_one_out import Explanation


@dataclass(frozen=True)
class Result:
    """One model on the test rows."""

    name: str
    """Name in the table: "best checkpoint (epoch 5)", "tfidf"."""
    y_score: Floats
    """Probabilities of shape (n, n_classes)."""
    decision_threshold: DecisionThreshold
    """Cut on the probability of class 1; as in `agile_classifier.metrics.metrics.predict`."""
    metrics: Mapping[str, float]
    """Metrics, as `evaluate_scores` returns them."""
    intervals: Mapping[str, tuple[float, float]]
    """Intervals, as `bootstrap_intervals` returns them; may be empty."""


@dataclass(frozen=True)
class Review:
    """What the texts say about the numbers."""

    slices: Sequence[Slice]
    """The chosen checkpoint on parts of the test rows."""
    neighbours: Mapping[int, Sequence[Neighbour]]
    """Row of test that `wrong_rows` names → the train texts nearest to it."""
    suspects: Suspects | None
    """Train labels to look at again; None with several labels, where they are not looked for."""
    cuts: Sequence[Cut]
    """Other label thresholds; empty where classes are given."""
    cut: Sequence[int]
    """Rows of test whose texts are longer than the model reads."""
    explained: Mapping[int, Explanation] = field(default_factory=dict)
    """Row of test that is predicted wrongly → what its words did to its answer; of the worst errors alone."""


@dataclass(frozen=True)
class ReportInput:
    """Everything a report shows."""

    title: str
    class_names: Sequence[str]
    """Names of classes 0, 1, …"""
    metric: str
    """The metric that the verdict rests on."""
    texts: Sequence[str]
    """The n test texts."""
    y_true: Ints
    """Their classes, of shape (n,)."""
    results: Sequence[Result]
    """The chosen checkpoint first, then what it is compared with."""
    calibration: str
    """The map that the chosen checkpoint's probabilities have gone through, in words."""
    differences: Mapping[str, PairedDifference]
    """The chosen checkpoint against each baseline, by the baseline's name, in `metric`."""
    history: Sequence[Mapping[str, float]]
    """One row an epoch, as `fine_tune` writes them; may be empty."""
    best_epoch: float | None
    """Epoch of the chosen checkpoint."""
    parts: Mapping[str, Sequence[int]]
    """Rows of each class in train, validation and test."""
    findings: Sequence[Mapping[str, Any]]
    """What `agile_classifier.data.leakage` found in the split."""
    review: Review
    facts: Mapping[str, Mapping[str, object]]
    """Headed groups of names and values: labels, model, run, digests, versions."""
    about: Sequence[Fact] = ()
    """Facts of the page's head: the run that made it, when. Those of the decision take their place later."""
    evasion: Mapping[str, Attacked] = field(default_factory=dict)
    """Attack → what it does to the chosen checkpoint's answers; empty where none was tried."""
    ceiling: str | None = None
    """How far raters go with one another, which a model can be held against; None where it is not known."""
    banding: Banding | None = None
    """What the chosen checkpoint decides without a person; None where nothing was asked for."""
    groups: GroupReport | None = None
    """The chosen checkpoint on the groups of people that texts name; None where none was asked for."""

"""Arms of the simulation: a week's file split, labelled, learnt and judged by the pipeline's own functions.

A linear probe on the frozen base model stands for the classifier, so that a quarter takes minutes; what is split,
labelled, compared and decided is what a run does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.data_quality import DataQualityConfig
from agile_classifier.config.evaluation import EvaluationConfig, PromotionConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.label_and_split import Labelled, label_and_split
from agile_classifier.data.labels.cut import label_scores
from agile_classifier.data.labels.kept import KeptThreshold
from agile_classifier.data.text import text_digest
from agile_classifier.evaluation.contenders import Evaluation, choose_threshold, evaluate_contenders, score_baselines
from agile_classifier.evaluation.score_tables import score_table
from agile_classifier.metrics.bootstrap import PairedDifference
from agile_classifier.metrics.comparison import Answers, compare
from agile_classifier.metrics.metrics import evaluate_scores
from agile_classifier.models.classical.linear_probe import fit_probe
from agile_classifier.ops.promotion.compare import Comparison
from agile_classifier.ops.promotion.gate import FIRST_COMPARATORS, decide
from agile_classifier.ops.promotion.label_threshold import LabelRecord
from agile_classifier.ops.promotion.measured_version import MeasuredVersion
from benchmarks.quarter.weeks import Week

METRIC = "roc_auc"
Floats = NDArray[np.float64]
Features = Mapping[str, Floats]
"""Text → what the frozen base model makes of it."""


@dataclass(frozen=True)
class Arm:
    """A way to go on from week to week."""

    name: str
    split: SplitConfig
    keeps_meaning: bool
    """Whether the champion's label threshold goes on, and the gate compares label thresholds."""


STABLE = Arm("stable", SplitConfig(method="stable"), keeps_meaning=True)
BY_ROWS = Arm("by rows", SplitConfig(method="stratified"), keeps_meaning=False)
ARMS = (STABLE, BY_ROWS)


@dataclass(frozen=True)
class Task:
    """What every arm of a quarter shares."""

    labels: LabelsConfig
    features: Features
    policy: PromotionConfig
    truth: pd.DataFrame
    """Rows that no arm learns from, with the scores of many raters."""


@dataclass(frozen=True)
class Outcome:
    """What became of a week in one arm."""

    week: int
    event: str
    n_rows: int
    n_added: int
    n_relabelled: int
    n_withdrawn: int
    n_compared: int
    n_new: int | None
    """Compared rows that are new since the champion; None where nobody can tell."""
    promoted: bool
    reason: str
    label_threshold: float
    candidate: float
    """True ROC AUC of the candidate."""
    champion: float | None
    """True ROC AUC of the champion after the week; None while there is none."""
    step: PairedDifference | None
    """True difference that a change of the champion made."""


class ProbedVersion(MeasuredVersion):
    """A version that was never registered: a linear probe, and what a registered version would say of itself."""

    def __init__(self, number: int, labelled: Labelled, task: Task, *, keeps_meaning: bool) -> None:
        super().__init__("quarter", str(number))
        self._labelled, self._task, self._keeps_meaning = labelled, task, keeps_meaning
        self._probe = fit_probe(self._read(labelled.parts["train"]["text"]), labelled.parts["train"])
        validation = labelled.parts["validation"]
        self._threshold = choose_threshold(
            EvaluationConfig(),
            y_true=validation["label"].to_numpy(),
            y_score=self.score(validation["text"]),
            n_classes=2,
        )

    def score(self, texts: Iterable[str]) -> Floats:
        """Probabilities of shape (n, 2)."""
        return np.asarray(self._probe.predict_proba(self._read(texts)))

    def answer(self, texts: Sequence[str]) -> Answers:
        """Probabilities of the texts, and the decision threshold that validation has chosen."""
        return Answers(self.score(texts), self._threshold)

    @property
    def learnt_from(self) -> frozenset[str]:
        """Digests of the texts of train and validation."""
        return frozenset(text_digest(text) for part in ("train", "validation") for text in self.texts_of(part))

    @property
    def tested_on(self) -> frozenset[str] | None:
        """Digests of the test texts, where the arm records them."""
        return frozenset(map(text_digest, self.texts_of("test"))) if self._keeps_meaning else None

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of both classes."""
        return self._labelled.labelling.class_names

    @property
    def label_rule(self) -> dict[str, object]:
        """Section `labels`."""
        return self._task.labels.model_dump()

    @property
    def labelled(self) -> LabelRecord:
        """Its label threshold, where the arm records it."""
        facts = self._labelled.labelling.model_dump(include={"label_threshold", "kept", "threshold"})
        return LabelRecord.model_validate(facts) if self._keeps_meaning else LabelRecord()

    @property
    def tags(self) -> dict[str, str]:
        """No tags: it was never rolled back."""
        return {}

    def texts_of(self, part: str) -> list[str]:
        """Texts of a part."""
        return list(self._labelled.parts[part]["text"])

    def evaluate(self, *, with_baselines: bool) -> tuple[Evaluation, pd.DataFrame]:
        """Evaluate it on its test part; beside it, what a first champion must beat."""
        train, test = self._labelled.parts["train"], self._labelled.parts["test"]
        scores, thresholds = {"candidate": self.score(test["text"])}, {"candidate": self._threshold}
        if with_baselines:
            found = score_baselines(train, {"test": test}, names=FIRST_COMPARATORS, n_classes=2)
            scores |= {name: parts["test"] for name, parts in found.items()}
            thresholds |= dict.fromkeys(found, 0.5)
        none = dict.fromkeys(("train", "validation", "test"), 0)
        evaluation = evaluate_contenders(
            test["label"].to_numpy(), scores, thresholds=thresholds, calibrations={}, n_resamples=100, seed=0,
            n_cut=none, n_escaped=none,
        )  # fmt: skip
        return evaluation, score_table(test, scores)

    def _read(self, texts: Iterable[str]) -> Floats:
        return np.stack([self._task.features[text] for text in texts])


def run_arm(arm: Arm, weeks: Iterable[Week], task: Task) -> list[Outcome]:
    """Retrain every week and let the gate decide; every champion is then held against the truth."""
    champion: ProbedVersion | None = None
    kept, meaning = KeptThreshold(), 0.0
    outcomes: list[Outcome] = []
    for week in weeks:
        labelled = label_and_split(
            week.file, task.labels, arm.split, DataQualityConfig(duplicates="together"), kept if champion else None
        )
        threshold = float(labelled.labelling.label_threshold or 0)
        meaning = meaning if outcomes else threshold
        candidate = ProbedVersion(week.number, labelled, task, keeps_meaning=arm.keeps_meaning)
        evaluation, test_scores = candidate.evaluate(with_baselines=champion is None)
        decision = decide(Comparison(candidate, champion, task.policy).make(evaluation, test_scores), task.policy)
        step = _step(candidate, champion, task, meaning) if decision.promote and champion else None
        if decision.promote:
            champion = candidate
            if arm.keeps_meaning and kept.version is None:
                kept = KeptThreshold(version=candidate.number, label_threshold=threshold, rule=task.labels.fitted_rule)
        outcomes.append(
            Outcome(
                week=week.number,
                event=week.event,
                n_rows=len(week.file),
                n_added=week.n_added,
                n_relabelled=week.n_relabelled,
                n_withdrawn=week.n_withdrawn,
                n_compared=decision.evidence.n_rows,
                n_new=decision.evidence.n_new,
                promoted=decision.promote,
                reason=decision.reason,
                label_threshold=threshold,
                candidate=_true_auc(candidate, task, meaning),
                champion=None if champion is None else _true_auc(champion, task, meaning),
                step=step,
            )
        )
    return outcomes


def _truth(task: Task, meaning: float) -> tuple[NDArray[np.int64], list[str]]:
    """True labels, by the label threshold of the first week, and their texts."""
    return label_scores(task.truth["score"], label_threshold=meaning).to_numpy(), list(task.truth["text"])


def _true_auc(version: ProbedVersion, task: Task, meaning: float) -> float:
    y_true, texts = _truth(task, meaning)
    return evaluate_scores(y_true=y_true, y_score=version.score(texts), decision_threshold=0.5)[METRIC]


def _step(new: ProbedVersion, old: ProbedVersion, task: Task, meaning: float) -> PairedDifference:
    y_true, texts = _truth(task, meaning)
    return compare(y_true, new.answer(texts), old.answer(texts), metrics=[METRIC])[METRIC]

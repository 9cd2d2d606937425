"""Evaluation: a tuned classifier and its baselines on the same test rows, with intervals.

Test rows are never used for a choice: decision thresholds, a baseline's too, come from validation, the baselines from
train.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from agile_classifier.config.evaluation import EvaluationConfig
from agile_classifier.errors import GateRefused, InputError
from agile_classifier.evaluation.bands import Banding
from agile_classifier.evaluation.bias.figures import GroupReport
from agile_classifier.evaluation.ensemble.figures import MEMBERS, MemberFigures
from agile_classifier.evaluation.evasion.measure import Attacked, flat_evasion
from agile_classifier.evaluation.several.views import choose_each, flat_names, read_truth, score_each
from agile_classifier.label_sets import two_columns
from agile_classifier.metrics.bootstrap import bootstrap_intervals
from agile_classifier.metrics.calibration import Calibration
from agile_classifier.metrics.metrics import DEFAULT_THRESHOLD, DecisionThreshold, evaluate_scores
from agile_classifier.metrics.thresholds import choose_decision_threshold
from agile_classifier.models.classical.baselines import BASELINES

PREFIXES = {
    "candidate": "test_",
    "last": "last_test_",
    **{name: f"{name}_test_" for name in MEMBERS},
    "majority": "baseline_majority_test_",
    "tfidf": "baseline_tfidf_test_",
    "tfidf_svm": "baseline_tfidf_svm_test_",
    "frozen": "baseline_frozen_test_",
    "untuned": "baseline_untuned_test_",
}
"""Contender → how the flat names of its metrics begin. `candidate` is the chosen checkpoint, `last` the last one,
`member_1` the first member of an ensemble alone,
`frozen` a linear probe of the base model, `untuned` the base model itself where it can answer: with label tokens."""

HEADLINE = ("roc_auc", "pr_auc", "f1", "precision", "recall", "accuracy")
"""Metrics of the chosen checkpoint that MLflow shows before all others."""
FIRST, BEHIND = "best/", "vs_"
"""Beginnings of names in MLflow, which sorts by them: of the headline metrics, and of what baselines reach."""
CHECKPOINT_NAMES = ("candidate", "last")
BASELINE_NAMES = tuple(name for name in PREFIXES if name not in CHECKPOINT_NAMES)
"""Baselines that may stand beside a model, of an ensemble each of its members too; older evaluations have fewer."""

Floats = NDArray[np.float64]


class Evaluation(BaseModel):
    """Metrics of every contender on the test rows."""

    model_config = ConfigDict(frozen=True)

    metrics: dict[str, dict[str, float]]
    """Contender → metric → value."""
    intervals: dict[str, dict[str, tuple[float, float]]]
    """Contender → metric → 95 % bootstrap interval."""
    thresholds: dict[str, DecisionThreshold]
    """Contender → decision threshold on the probability of class 1; None for more than two classes. With several labels
    one each."""
    calibrations: dict[str, Calibration] = {}
    """Checkpoint → calibration of its probabilities; baselines have none."""
    n_test: int
    n_cut: dict[str, int]
    """Part → texts longer than the model reads, and cut."""
    n_escaped: dict[str, int]
    """Part → texts that held what would have altered their prompt, and were changed; 0 without a prompt."""
    labels: dict[str, Evaluation] = {}
    """Label → evaluation of it alone, as of a classifier of two classes, where a text may carry several labels; the
    metrics above are then means over them. Empty where a text has one class."""
    banding: Banding | None = None
    """What the chosen checkpoint decides without a person; None where nothing was asked for."""
    groups: GroupReport | None = None
    """Chosen checkpoint on the groups of people that test texts name; None where none was asked for."""
    evasion: dict[str, Attacked] = {}
    """Attack → what it does to the chosen checkpoint's answers; empty where none was tried."""
    members: tuple[MemberFigures, ...] = ()
    """What each member of an ensemble is and costs; empty of a single network."""

    @property
    def decision_threshold(self) -> DecisionThreshold:
        """Decision threshold of the chosen checkpoint; with several labels, one each."""
        return self.thresholds["candidate"]

    def read_truth(self, scored: pd.DataFrame) -> NDArray[np.int64]:
        """Classes of scored rows, of shape (n,); with several labels a table of 0 and 1, of shape (n, n_labels)."""
        return read_truth(scored, n_labels=len(self.labels) or None)

    @property
    def calibration(self) -> Calibration:
        """Calibration of the chosen checkpoint."""
        return self.calibrations.get("candidate", Calibration())

    def flat(self) -> dict[str, float]:
        """Metrics by flat names, `test_f1`, `last_test_f1`, `baseline_tfidf_test_f1`, …; groups; changed texts of test.

        Those of train and validation are logged with the training.
        """
        by_label = flat_names({name: one.metrics["candidate"] for name, one in self.labels.items()}, metrics=HEADLINE)
        metrics = {
            f"{PREFIXES[who]}{name}": value for who, found in self.metrics.items() for name, value in found.items()
        }
        bands = {} if self.banding is None else self.banding.flat()
        groups = {} if self.groups is None else self.groups.flat()
        counts = {"n_cut_test": self.n_cut["test"], "n_escaped_test": self.n_escaped["test"]}
        speeds = {
            f"{name}_rows_per_second": one.rows_per_second for name, one in zip(MEMBERS, self.members, strict=False)
        }
        return metrics | by_label | bands | groups | flat_evasion(self.evasion) | counts | speeds

    def logged(self) -> dict[str, float]:
        """Metrics as MLflow keeps them: `best/roc_auc`, … before all others, then `flat`, with baselines at the end.

        `baseline_tfidf_test_f1` is called `vs_baseline_tfidf_test_f1` there.
        """
        headline = {f"{FIRST}{name}": self.metrics["candidate"][name] for name in HEADLINE}
        others = {f"{BEHIND * name.startswith('baseline_')}{name}": value for name, value in self.flat().items()}
        return headline | others


def in_words(counts: Mapping[str, int]) -> str:
    """Say numbers of texts by part: `3 of train, 0 of test`."""
    return ", ".join(f"{n} of {part}" for part, n in counts.items())


def score_baselines(
    train: pd.DataFrame,
    others: Mapping[str, pd.DataFrame],
    *,
    names: Sequence[str],
    n_classes: int,
    several: bool = False,
) -> dict[str, dict[str, Floats]]:
    """Baseline → part → probabilities of its rows, of shape (n, n_classes); trained on the same train rows.

    With several labels a baseline is one for each, and gives the probability of each.
    """
    if several:
        score = partial(score_baselines, others=others, names=names, n_classes=2)
        return score_each(score, train, n_labels=n_classes)
    label = train["label"].to_numpy()
    texts = [text for rows in others.values() for text in rows["text"]]
    cuts = np.cumsum([len(rows) for rows in others.values()])[:-1]
    found = {}
    for name in names:
        said = BASELINES[name](
            train_text=list(train["text"]), train_label=label, test_text=texts, n_classes=n_classes, seed=0
        )
        found[name] = dict(zip(others, np.split(said, cuts), strict=True))
    return found


def require_cuttable(settings: EvaluationConfig, *, n_classes: int) -> None:
    """Raise InputError where a cut is asked for that no more than two classes have.

    Before anything is trained, where that is known.
    """
    refusal = settings.cut_refusal(n_classes)
    if refusal is not None:
        raise InputError(refusal)


def choose_threshold(
    settings: EvaluationConfig,
    *,
    y_true: NDArray[np.int64],
    y_score: Floats,
    n_classes: int,
    names: Sequence[str] = (),
) -> DecisionThreshold:
    """Decision threshold of a binary classifier: the number itself, or by the config's policy on validation.

    With several labels, whose truth is a table of shape (n, n_labels), one each; `names` are theirs, for errors.

    Raises
    ------
    InputError
        A policy other than `best_f1`, and validation does not hold both classes. For `best_f1` it is 0.5 then. Or as
        `require_cuttable`.
    GateRefused
        No cut reaches what the policy asks for.
    """
    if y_true.ndim == 2:
        return choose_each(partial(choose_threshold, settings), y_true, y_score, names)
    require_cuttable(settings, n_classes=n_classes)
    rule = settings.decision_threshold
    if n_classes > 2:
        return None
    if isinstance(rule, float):
        return rule
    if len(np.unique(y_true)) < 2:
        if rule == "best_f1":
            return 0.5
        raise InputError(
            f"evaluation.decision_threshold {rule}: {len(y_true)} validation rows do not hold both classes; raise "
            "split.validation"
        )
    return choose_decision_threshold(
        y_true=y_true,
        y_score_positive=y_score[:, 1],
        policy=rule,
        least=settings.least or 0.0,
        false_negative_cost=settings.false_negative_cost,
    )


def choose_baseline_threshold(
    settings: EvaluationConfig,
    *,
    y_true: NDArray[np.int64],
    y_score: Floats,
    n_classes: int,
    names: Sequence[str] = (),
) -> DecisionThreshold:
    """Choose a baseline's threshold by the candidate's policy on the same validation rows; 0.5 if no cut keeps it.

    It serves baselines and the checkpoint that is not registered, neither of which may refuse a run.
    """
    if y_true.ndim == 2:
        return choose_each(partial(choose_baseline_threshold, settings), y_true, y_score, names)
    try:
        return choose_threshold(settings, y_true=y_true, y_score=y_score, n_classes=n_classes, names=names)
    except GateRefused:
        return DEFAULT_THRESHOLD


def evaluate_contenders(
    y_true: NDArray[np.int64],
    scores: Mapping[str, Floats],
    *,
    thresholds: Mapping[str, DecisionThreshold],
    calibrations: Mapping[str, Calibration],
    n_resamples: int,
    seed: int,
    n_cut: Mapping[str, int],
    n_escaped: Mapping[str, int],
    label_names: Sequence[str] = (),
) -> Evaluation:
    """Metrics and intervals of every contender on the same rows, under the same resamples.

    Parameters
    ----------
    y_true : array of shape (n_test,)
        With several labels a table of shape (n_test, n_labels).
    scores : mapping of contender to array of shape (n_test, n_classes)
    n_cut, n_escaped : mapping of part to number of texts
    label_names : sequence of str
        Names of several labels, each of which is evaluated by itself too.
    """
    by_label = {}
    for place, name in enumerate(label_names):
        by_label[name] = evaluate_contenders(
            y_true[:, place],
            {who: two_columns(y_score[:, place]) for who, y_score in scores.items()},
            thresholds={who: cut[place] for who, cut in thresholds.items() if isinstance(cut, tuple)},
            calibrations={who: one.of_label(place) for who, one in calibrations.items()},
            n_resamples=n_resamples,
            seed=seed,
            n_cut=n_cut,
            n_escaped=n_escaped,
        )
    metrics, intervals = {}, {}
    for name, y_score in scores.items():
        metrics[name] = evaluate_scores(y_true=y_true, y_score=y_score, decision_threshold=thresholds[name])
        intervals[name] = bootstrap_intervals(
            y_true=y_true, y_score=y_score, decision_threshold=thresholds[name], n_resamples=n_resamples, seed=seed
        )
    return Evaluation(
        metrics=metrics,
        intervals=intervals,
        thresholds=dict(thresholds),
        calibrations=dict(calibrations),
        n_test=len(y_true),
        labels=by_label,
        n_cut=dict(n_cut),
        n_escaped=dict(n_escaped),
    )

"""Promotion: candidate against champion, on rows that neither has learnt from; the alias moves only if it should."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from classifier.evaluation import Evaluation, compare_with_baselines, read_scores
from classifier.metrics import PairedDifference, paired_bootstrap
from classifier.promotion import PromotionDecision, comparable_rows, decide
from classifier.spec import PROBABILITY
from classifier.text import text_digest
from operations import registry


def judge_candidate(
    *,
    model_name: str,
    candidate: str,
    evaluation: Evaluation,
    test_scores: pd.DataFrame,
    metric: str,
    smallest_gain: float,
    min_rows: int,
) -> PromotionDecision:
    """Decide. The champion is scored again here, as registered; the candidate's scores stood the parity test.

    Raises
    ------
    InputError
        The registry does not hold the candidate.
    """
    registry.require_version(model_name, candidate)
    champion = registry.read_champion(model_name)
    rows = _unseen(test_scores, model_name, {candidate, champion or candidate})
    differences: dict[str, PairedDifference | None] = {}
    if champion is None and rows["label"].nunique() > 1:
        differences = dict(compare_with_baselines(evaluation, rows, metric=metric))
    elif champion not in (None, candidate):
        differences = {"champion": _compare(model_name, candidate, champion, rows, metric=metric, min_rows=min_rows)}
    return decide(
        candidate=candidate,
        champion=champion,
        differences=differences,
        n_rows=len(rows),
        min_rows=min_rows,
        smallest_gain=smallest_gain,
    )


def carry_out(decision: PromotionDecision, *, model_name: str, candidate: str) -> None:
    """Move the alias if the decision says so, and write the decision on the version."""
    if decision.promote:
        registry.set_champion(model_name, candidate)
    registry.tag_version(
        model_name,
        candidate,
        {"promotion": "promoted" if decision.promote else "not promoted", "promotion.reason": decision.reason},
    )


def _unseen(test_scores: pd.DataFrame, model_name: str, versions: Collection[str]) -> pd.DataFrame:
    seen = [registry.read_learnt_from(model_name, version) for version in versions]
    return test_scores[comparable_rows([text_digest(text) for text in test_scores["text"]], *seen)]


def _compare(
    model_name: str, candidate: str, champion: str, rows: pd.DataFrame, *, metric: str, min_rows: int
) -> PairedDifference | None:
    """The paired difference; None where too few rows are left, or the two do not tell the same classes apart."""
    specs = [registry.read_spec(model_name, version) for version in (candidate, champion)]
    if len(rows) < min_rows or rows["label"].nunique() < 2 or specs[0].class_names != specs[1].class_names:
        return None
    columns = [f"{PROBABILITY}{name}" for name in specs[0].class_names]
    thresholds = [registry.read_decision_threshold(model_name, version) for version in (candidate, champion)]
    champion_score = registry.score_with_version(model_name, champion, list(rows["text"]))[columns].to_numpy()
    return paired_bootstrap(
        y_true=rows["label"].to_numpy(),
        candidate_score=read_scores(rows, "candidate"),
        comparator_score=champion_score,
        metric=metric,
        candidate_threshold=thresholds[0],
        comparator_threshold=thresholds[1],
        seed=0,
    )

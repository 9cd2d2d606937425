"""Comparison of candidate and champion, both scored as registered, on test rows that neither has learnt from."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.data.tables import examples_digest
from agile_classifier.data.text import text_digest
from agile_classifier.errors import InputError, one_line
from agile_classifier.evaluation.contenders import Evaluation
from agile_classifier.evaluation.reports.page import state_decision
from agile_classifier.evaluation.score_tables import compare_with_baselines
from agile_classifier.evaluation.slices import slice_rows
from agile_classifier.metrics.comparison import Answers, compare, compare_slices, mcnemar
from agile_classifier.metrics.metrics import METRICS
from agile_classifier.ops.promotion import champions
from agile_classifier.ops.promotion.gate import Evidence, PromotionDecision, comparable_rows, decide
from agile_classifier.ops.promotion.limits.automation import limit_automation
from agile_classifier.ops.promotion.limits.beside_champion import limit_losses
from agile_classifier.ops.promotion.limits.by_itself import limit_candidate
from agile_classifier.ops.promotion.limits.evasion import evasion_limits
from agile_classifier.ops.promotion.limits.hurt import describe_hurt, measure_hurt
from agile_classifier.ops.promotion.limits.labels import compare_labels, limit_label_losses
from agile_classifier.ops.promotion.limits.shadow import limit_by_shadow
from agile_classifier.ops.promotion.measured_version import MeasuredVersion
from agile_classifier.ops.promotion.shadow.same_task import find_difference
from agile_classifier.ops.promotion.since_champion import measure_apart
from agile_classifier.ops.registry import history
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.history import Event
from agile_classifier.ops.runs.links import describe_version

TRIES = 3
"""Times a comparison is repeated because the champion changed meanwhile."""


def judge_and_carry_out(
    *,
    model_name: str,
    candidate: str,
    evaluation: Evaluation,
    test_scores: pd.DataFrame,
    settings: PromotionConfig,
    run: str,
) -> PromotionDecision:
    """Decide on a promotion and carry it out; if the champion changes meanwhile, compare again.

    Where a person must agree nothing is compared yet: `pipelines.promotion` asks, once the run that made the candidate
    is over.
    """
    if settings.approval == "person":
        registry.require_version(model_name, candidate)
        return PromotionDecision(
            promote=False,
            reason=(
                f"Candidate {candidate} is compared next, by a promotion run, which asks a person where it is better"
                " (promotion.approval person)."
            ),
            evidence=Evidence(candidate=candidate),
            policy=settings,
        )
    for _ in range(TRIES):
        decision = judge(
            model_name=model_name,
            candidate=candidate,
            evaluation=evaluation,
            test_scores=test_scores,
            settings=settings,
        )
        if carry_out(decision, model_name=model_name, run=run):
            return decision
    raise RuntimeError(
        f"model {model_name}: its champion changed {TRIES} times while version {candidate} was compared with it"
    )


def judge(
    *,
    model_name: str,
    candidate: str,
    evaluation: Evaluation,
    test_scores: pd.DataFrame,
    settings: PromotionConfig,
) -> PromotionDecision:
    """Decide on a promotion without moving anything.

    Parameters
    ----------
    evaluation, test_scores
        Of the run that made the candidate: its evaluation with the baselines, and its scored test rows.

    Raises
    ------
    InputError
        The registry does not hold the candidate.
    """
    registry.require_version(model_name, candidate)
    champion = history.last_champion(champions.settle(model_name))
    if champion == candidate:
        return decide(Evidence(candidate=candidate, champion=champion), settings)
    comparison = Comparison(
        MeasuredVersion(model_name, candidate),
        None if champion is None else MeasuredVersion(model_name, champion),
        settings,
    )
    return decide(comparison.make(evaluation, test_scores), settings)


def carry_out(decision: PromotionDecision, *, model_name: str, run: str, by: str = history.BY_POLICY) -> bool:
    """Move the aliases if the decision says so, and record it; returns False if the champion has changed meanwhile."""
    candidate, before = decision.evidence.candidate, decision.evidence.champion
    event = Event(
        history.PROMOTED if decision.promote else history.NOT_PROMOTED,
        candidate,
        candidate if decision.promote else before,
        by=by,
        reason=decision.reason,
        run=run,
        test_digest=decision.evidence.test_digest,
    )
    if decision.promote and not champions.promote(event, model_name=model_name, expected=before):
        return False
    if not decision.promote and candidate != before:
        champions.note(event, model_name=model_name)
    is_decided = candidate != before
    reason = decision.reason if is_decided else _reason_of(model_name, candidate) or decision.reason
    facts = (*describe_version(model_name, candidate), *describe_hurt(decision.evidence)) if is_decided else ()
    registry.update_report(model_name, candidate, lambda page: state_decision(page, reason, facts))
    return True


def _reason_of(model_name: str, champion: str) -> str:
    """Why a champion was promoted, which its report goes on saying; empty if that is not known."""
    tags = registry.read_tags(model_name, champion)
    return tags.get(champions.REASON, "") if tags.get(champions.PROMOTION) == history.PROMOTED else ""


class Comparison:
    """Comparison of a candidate and a champion, as far as the policy asks for it."""

    def __init__(self, candidate: MeasuredVersion, champion: MeasuredVersion | None, settings: PromotionConfig) -> None:
        self.candidate, self.champion, self.settings = candidate, champion, settings
        self.evidence = Evidence(candidate=candidate.number, champion=champion and champion.number)

    def make(self, evaluation: Evaluation, test_scores: pd.DataFrame) -> Evidence:
        """Compare, cheapest first; what cannot be compared becomes an obstacle, not an error."""
        obstacle = self._rolled_back() or (self._differing_from(self.champion) if self.champion else None)
        seen = [version.learnt_from for version in (self.candidate, self.champion) if version and not obstacle]
        rows = test_scores[comparable_rows([text_digest(text) for text in test_scores["text"]], *seen)]
        is_new = None if obstacle else self._new_since_champion(rows)
        self._add(
            obstacle=obstacle,
            n_rows=len(rows),
            test_digest=examples_digest(rows[["text", "label"]]),
            n_new=None if is_new is None else int(is_new.sum()),
        )
        if obstacle or len(rows) < self.settings.min_rows or rows["label"].nunique() < 2:
            return self.evidence
        y_true, texts = evaluation.read_truth(rows), list(rows["text"])
        try:
            answers = cache(lambda: self.candidate.answer(texts))  # loads it and scores every text: only if it is asked
            self._add(limits=tuple(limit_candidate(self.candidate, y_true, answers, texts, self.settings)))
            of_champion = None if self.champion is None else partial(self._answer_of, self.champion)
            hurt = measure_hurt(self.candidate, of_champion, rows, answers, evaluation, self.settings)
            self._add(
                bias=hurt.bias,
                checks=hurt.checks,
                limits=(
                    *self.evidence.limits, *hurt.limits, *evasion_limits(evaluation, self.settings),
                    *limit_automation(self.candidate, rows, least=self.settings.min_automation),
                ),
            )  # fmt: skip
            self._limit_by_shadow()
            if self.champion is None:
                self._add(differences=compare_with_baselines(evaluation, rows, metric=self.settings.metric))
            else:
                self._compare(y_true, answers(), self._answer_of(self.champion, texts), rows, is_new)
        except InputError as error:  # scores that are none
            self._add(obstacle=self.evidence.obstacle or f"the comparison failed ({error})")
        return self.evidence

    def _add(self, **facts: Any) -> None:
        self.evidence = self.evidence.model_copy(update=facts)

    def _answer_of(self, champion: MeasuredVersion, texts: list[str]) -> Answers:
        try:
            return champion.answer(texts)
        except Exception as error:
            obstacle = _unreadable(champion, error)
            self._add(obstacle=obstacle)
            raise InputError(obstacle) from None

    def _rolled_back(self) -> str | None:
        back = self.candidate.tags.get(champions.ROLLED_BACK_AT)
        return back and f"it was rolled back {back}{self._way_out()}"

    def _differing_from(self, champion: MeasuredVersion) -> str | None:
        """Obstacle where candidate and champion differ in classes or label rule: comparing them would say nothing."""
        try:
            _ = champion.learnt_from
            _ = [version.class_names for version in (self.candidate, champion)]
        except Exception as error:  # whatever a version of long ago raises; it goes on serving where it is loaded
            return _unreadable(champion, error)
        difference = find_difference(self.candidate, champion)
        return difference and f"{difference}{self._way_out()}"

    def _way_out(self) -> str:
        return f"; `agile promote {self.candidate.number} --force` puts it in service all the same"

    def _limit_by_shadow(self) -> None:
        """Limits by what the candidate has answered in the champion's shadow, where the config asks for it."""
        settings = self.settings.shadow
        if settings is not None and self.champion is not None:
            found = limit_by_shadow(
                self.candidate.model_name, champion=self.champion.number, candidate=self.candidate.number,
                settings=settings,
            )  # fmt: skip
            self._add(limits=(*self.evidence.limits, *found))

    def _new_since_champion(self, rows: pd.DataFrame) -> NDArray[np.bool_] | None:
        """Mask of the rows that the champion was not tested on; None where it does not say, or there is none."""
        tested_on = None if self.champion is None else self.champion.tested_on
        return None if tested_on is None else comparable_rows([text_digest(text) for text in rows["text"]], tested_on)

    def _compare(
        self,
        y_true: NDArray[np.int64],
        new: Answers,
        old: Answers,
        rows: pd.DataFrame,
        is_new: NDArray[np.bool_] | None,
    ) -> None:
        metric, fewest = self.settings.metric, self.settings.slice_min_rows
        if is_new is not None:
            self._add(apart=measure_apart(y_true, new, old, is_new=is_new, metric=metric, min_rows=fewest))
        differences = compare(y_true, new, old, metrics=list(METRICS))
        tested, names = mcnemar(y_true, new, old), self.candidate.class_names
        labels = compare_labels(y_true, new, old, names=names, metric=metric)
        parts = slice_rows(list(rows["text"]), list(rows["group"]) if "group" in rows else None)
        slices, too_small = compare_slices(y_true, new, old, metric=metric, slices=parts, min_rows=fewest)
        limits = limit_losses(differences, slices, tested, self.settings)
        self._add(
            differences={"champion": differences[metric]},
            metrics=differences,
            mcnemar=tested,
            slices=slices,
            slices_too_small=too_small,
            labels=labels,
            limits=(*self.evidence.limits, *limits, *limit_label_losses(labels, self.settings.labels)),
        )


def _unreadable(version: MeasuredVersion, error: Exception) -> str:
    return f"champion {version.number} cannot be read ({type(error).__name__}: {one_line(error, longest=200)})"

"""A version that serves predictions of made-up texts, whose truth is known, and a person who says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.ops.feedback import marking
from agile_classifier.ops.feedback.marking import Marker
from agile_classifier.ops.feedback.signers import sign_for
from agile_classifier.ops.feedback.store import PREDICTIONS, FeedbackStore
from agile_classifier.ops.feedback.verdicts import Verdict, VerdictTaker

NAMES = ("short", "long")


@dataclass(frozen=True)
class Desk:
    """Where predictions are served and judged."""

    store: FeedbackStore
    marker: Marker
    keeps_texts: bool = False

    @classmethod
    def of(
        cls, store: FeedbackStore, version: str = "1", *, review: dict[str, float] | None = None, keep_texts: bool = False,
        model_name: str = "toy",
    ) -> Desk:  # fmt: skip
        shares = {"long": 0.5, "short": 0.1} if review is None else review
        settings = MonitoringConfig(review=shares, keep_texts=keep_texts)
        signing = sign_for(
            store,
            model_name,
            version,
            class_names=NAMES,
            labels={"codes": ["0", "1"], "names": list(NAMES)},
            origin="served",
        )
        return cls(store, Marker(signing, settings), keep_texts)

    def serve(
        self, scores: Sequence[float], *, texts: Sequence[str] | None = None, made: int | None = None
    ) -> list[dict[str, Any]]:
        """Answers to texts whose probability of `long` is given, made at a time or now."""
        answers = [
            {"label": NAMES[int(score >= 0.5)], "probability_short": 1 - score, "probability_long": score, "model_version": "1"}
            for score in scores
        ]  # fmt: skip
        before = marking.now
        marking.now = (lambda: made) if made is not None else before
        try:
            written = list(texts or [f"text {place}" for place in range(len(answers))])
            return self.marker.mark(written, answers, log=lambda rows: self.store.add(PREDICTIONS, rows))
        finally:
            marking.now = before

    def judge(self, *verdicts: Verdict) -> Any:
        taker = VerdictTaker(self.store, keeps_texts=lambda *_: self.keeps_texts)
        return taker.take(verdicts, places=[f"row {place}" for place in range(len(verdicts))])

    def serve_and_judge(self, n: int, *, made: int, precision: float, seed: int = 0) -> None:
        """Serve n texts of which 30 % are called long, and judge those that are marked; of `short` one in ten is long."""
        rng = np.random.default_rng(seed)
        called = rng.random(n) < 0.3
        truth = np.where(called, rng.random(n) < precision, rng.random(n) < 0.1)
        served = self.serve(list(np.where(called, 0.9, 0.1)), made=made)
        self.judge(
            *(
                Verdict(prediction_id=answer["prediction_id"], verdict=NAMES[int(true)], person="mo")
                for answer, true in zip(served, truth, strict=True)
                if answer["review"]
            )
        )


def tell(store: FeedbackStore) -> str:
    """What a store answers to every question that is asked of it, in a line; nothing is removed."""
    from agile_classifier.ops.feedback import reading
    from agile_classifier.ops.feedback.served import OldPredictions
    from agile_classifier.ops.feedback.signers import list_signers
    from agile_classifier.ops.feedback.store import VERDICTS
    from agile_classifier.ops.feedback.training_table import read_feedback

    signers = {found.signer.number: found for found in list_signers(store, "toy")}
    counts = reading.count_served(store, signers, seconds=604_800, offset=345_600, since=0)
    served, verdicts = store.count(PREDICTIONS), store.count(VERDICTS)
    facts = {
        "signers": len(signers), "served": served, "verdicts": verdicts,
        "judged": len(list(reading.read_judged(store, signers))), "texts": len(read_feedback("feedback://toy", store)),
        "counted": sum(sum(each.values()) for each in counts.values()),
    }  # fmt: skip
    old = OldPredictions(store, before=1_790_000_001)
    facts["removed"] = old.n
    facts["left"] = served - old.n
    return " ".join(f"{name}={value}" for name, value in facts.items())

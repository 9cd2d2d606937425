"""Weeks of a quarter: what the file of labelled rows holds at the end of each, and what was done to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

DRIFTED, SHUFFLED, CORRECTED = "a drifted batch", "a batch of shuffled labels", "the shuffled labels are corrected"


@dataclass(frozen=True)
class Stream:
    """Texts that arrive over a quarter, with the scores that many raters agreed on."""

    name: str
    usual: pd.DataFrame
    """`id`, `text`, `score` of texts as they are expected."""
    drifted: pd.DataFrame
    """The same of texts of another kind."""


@dataclass(frozen=True)
class Plan:
    """Sizes and events of a quarter."""

    n_weeks: int = 12
    first: int = 600
    """Rows that are labelled in the first week."""
    weekly: int = 200
    """Rows that are labelled in every later week."""
    n_truth: int = 1000
    """Rows that are never labelled, and judge every champion."""
    drift_week: int = 6
    shuffle_week: int = 8
    correction_week: int = 11
    withdrawn: float = 0.02
    """Share of the older rows that is withdrawn in a week."""
    relabelled: float = 0.04
    """Share of the older rows that gets the score of many raters in a week."""
    noise: float = 0.5
    """Noise of a first score, that of few raters, in standard deviations of the scores."""


@dataclass(frozen=True)
class Week:
    """The file at the end of a week."""

    number: int
    event: str
    """What was special; empty in a usual week."""
    file: pd.DataFrame
    """`id`, `text`, `score`, the newest rows first."""
    n_added: int
    n_relabelled: int
    n_withdrawn: int


def hold_out(stream: Stream, plan: Plan, *, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide the usual texts into the truth, of `n_truth` rows, and those that will be labelled."""
    order = np.random.default_rng(seed).permutation(len(stream.usual))
    shuffled = stream.usual.iloc[order].reset_index(drop=True)
    return shuffled[: plan.n_truth], shuffled[plan.n_truth :].reset_index(drop=True)


def live(stream: Stream, plan: Plan, *, seed: int) -> Iterator[Week]:
    """Yield the weeks of a quarter; the seed decides what arrives when, and what few raters say of it."""
    rng = np.random.default_rng([seed, 1])
    _, coming = hold_out(stream, plan, seed=seed)
    file, taken = coming[:0].assign(final=pd.Series(dtype="float64"), week=pd.Series(dtype="int64")), 0
    for number in range(1, plan.n_weeks + 1):
        file, n_withdrawn = _withdraw(file, plan, rng)
        file, n_relabelled = _relabel(file, plan, rng, number)
        size = plan.first if number == 1 else plan.weekly
        if number == plan.drift_week:
            batch = stream.drifted.sample(size, random_state=seed)
        else:
            batch, taken = coming[taken : taken + size], taken + size
        batch = _label(batch.assign(week=number), plan, rng, shuffled=number == plan.shuffle_week)
        file = pd.concat([batch, file], ignore_index=True)
        yield Week(number, _event(number, plan), file[["id", "text", "score"]], size, n_relabelled, n_withdrawn)


def _event(number: int, plan: Plan) -> str:
    events = {plan.drift_week: DRIFTED, plan.shuffle_week: SHUFFLED, plan.correction_week: CORRECTED}
    return events.get(number, "")


def _label(batch: pd.DataFrame, plan: Plan, rng: np.random.Generator, *, shuffled: bool) -> pd.DataFrame:
    """Give a batch its first scores; `final` keeps what many raters say."""
    final = batch["score"].to_numpy()
    first = final + rng.normal(0, plan.noise * final.std(), len(final))
    first = np.clip(first, final.min(), final.max())
    return batch.assign(final=final, score=rng.permutation(first) if shuffled else first)


def _withdraw(file: pd.DataFrame, plan: Plan, rng: np.random.Generator) -> tuple[pd.DataFrame, int]:
    gone = rng.random(len(file)) < plan.withdrawn
    return file[~gone].reset_index(drop=True), int(gone.sum())


def _relabel(file: pd.DataFrame, plan: Plan, rng: np.random.Generator, number: int) -> tuple[pd.DataFrame, int]:
    again = (rng.random(len(file)) < plan.relabelled) & (file["week"] != plan.shuffle_week).to_numpy()
    if number == plan.correction_week:
        again |= (file["week"] == plan.shuffle_week).to_numpy()
    return file.assign(score=file["score"].where(~again, file["final"])), int(again.sum())

"""The simulation of bands, on made-up scores: what it counts as broken, and that it can fail."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from benchmarks.bands.scores import CHOICES, DATA, MODELS, Scored
from benchmarks.bands.tally import CONFIDENCE, Tally, tally_splits


def make_split(seed: int, *, drifts: bool = False) -> Scored:
    """Rows of a fair classifier; or of one that says the contrary of what it said on validation."""
    generator, parts, scores = np.random.default_rng(seed), [], []
    for part in range(2):
        label = generator.integers(0, 2, 300)
        texts = [f"{seed} {part} {row} {row * 7919}" for row in range(300)]
        parts.append(pd.DataFrame({"text": texts, "label": label}))
        score = np.clip(0.3 + 0.4 * label + generator.normal(0, 0.15, 300), 0, 1)
        scores.append(1 - score if drifts and part else score)
    return Scored(*parts, *scores, share=0.5, by_group=False)


def tally(*, drifts: bool) -> list[Tally]:
    splits = (make_split(seed, drifts=drifts) for seed in range(3))
    return tally_splits(splits, "toy", "none", draws=20, n_choices=1, each_row=False)


def test_promises_on_rows_drawn_alike_are_counted_as_held() -> None:
    found = tally(drifts=False)
    assert [(each.n_splits, each.drawn, each.n_rows) for each in found] == [(3, 60, 300)] * 3
    assert not any(each.fails or each.contradicted for each in found)
    assert found[0].removal_made == found[0].release_made == 3
    assert found[0].line.startswith("toy | none | precision 0.8, miss rate 0.2 | 3, 3 of 3 | ")


def test_promises_on_rows_that_are_not_are_counted_as_broken() -> None:
    found = tally(drifts=True)[0]
    assert (found.broken, found.contradicted) == (3, 3)


def test_rates_that_fall_short_beyond_chance_fail_the_command() -> None:
    short = dataclasses.replace(tally(drifts=False)[0], drawn=2000, drawn_broken=260)
    assert CONFIDENCE > 1 - 260 / 2000
    assert short.fails
    assert not dataclasses.replace(short, drawn_broken=200).fails


def test_every_kind_of_classifier_says_how_many_checkpoints_were_compared() -> None:
    assert CHOICES.keys() == MODELS.keys()
    assert {"ethos", "tweets", "unfair-tos"} <= DATA.keys()

"""Data that grow, through the whole pipeline: the task keeps its meaning, and nothing that was tested is learnt later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.config.run import RunConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]

NAME = "growing"


@dataclass(frozen=True)
class Lived:
    """What three runs have left: on a file, on the file with more rows, and with its label threshold fitted anew."""

    first: Any
    grown: Any
    refit: Any


def run(config: RunConfig) -> Any:
    from pipelines.training import training

    return training(**{section: getattr(config, section) for section in RunConfig.model_fields})


def output(record: Any, step: str, name: str) -> Any:
    return record.steps[step].outputs[name][0].load()


def put_first_in_service() -> None:
    """Make version 1 the champion, whichever was found better."""
    from agile_classifier.config.evaluation import PromotionConfig
    from agile_classifier.ops.promotion import manual
    from agile_classifier.ops.registry import versions as registry

    if registry.read_champion(NAME) != "1":
        manual.force(manual.Wanted(NAME, "1", PromotionConfig()), reason="")


@pytest.fixture(scope="module")
def config(config_of: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    return config_of(
        tmp_path_factory.mktemp("growing") / "examples.csv",
        NAME,
        labels={"rule": "median"},
        split={"method": "stable", "train": None, "validation": 0.1, "test": 0.3},
        data_quality={"duplicates": "keep", "leaks_limit": None},
        promotion__min_rows=10,
        promotion__slice_min_rows=10,
    )


@pytest.fixture(scope="module")
def lived(config: RunConfig, tiny_examples: pd.DataFrame) -> Lived:
    file = Path(str(config.data.source))
    tiny_examples[:80].to_csv(file, index=False)
    first = run(config)
    put_first_in_service()
    praise = tiny_examples[80:].assign(score=1.0)
    pd.concat([praise, tiny_examples[:80]]).to_csv(file, index=False)
    grown = run(config)
    put_first_in_service()
    refit = run(config.model_copy(update={"labels": config.labels.model_copy(update={"refit": True})}))
    return Lived(first, grown, refit)


def test_a_grown_file_is_cut_where_the_champion_was_cut(lived: Lived) -> None:
    before, after = (output(record, "label_and_split", "labelling") for record in (lived.first, lived.grown))
    assert before.origin == "fitted on train"
    assert after.label_threshold == before.label_threshold
    assert after.origin.startswith("kept from version 1; fitted on these rows it would be")
    assert f"{after.label_threshold:.4g}, kept from version 1" in output(lived.grown, "evaluate", "report")


def test_all_test_rows_are_compared_and_the_new_ones_are_told_apart(lived: Lived) -> None:
    evidence = output(lived.grown, "promote", "promotion_decision").evidence
    old, all_of_them = (set(output(record, "evaluate", "test_scores")["text"]) for record in (lived.first, lived.grown))
    assert old < all_of_them
    assert evidence.n_rows == len(output(lived.grown, "evaluate", "test_scores"))
    assert evidence.n_new == sum(text not in old for text in output(lived.grown, "evaluate", "test_scores")["text"])
    assert evidence.apart["new"].n_rows + evidence.apart["old"].n_rows == evidence.n_rows
    assert evidence.apart["old"].champion is not None
    reason = output(lived.grown, "promote", "promotion_decision").reason
    assert f" {evidence.n_new} of these rows are new since champion 1 (new: " in reason


def test_a_refit_says_how_many_rows_changed_class_and_is_another_task(lived: Lived) -> None:
    labelling = output(lived.refit, "label_and_split", "labelling")
    decision = output(lived.refit, "promote", "promotion_decision")
    assert labelling.threshold.n_changed > 0
    assert not decision.promote
    assert f"changed the class of {labelling.threshold.n_changed} of 120 rows, so it learnt another task" in (
        decision.reason
    )


def test_a_run_of_the_same_rows_reuses_every_step_that_may_be(config: RunConfig, lived: Lived) -> None:
    again = {name: step.status.value for name, step in run(config).steps.items()}
    assert {name for name, status in again.items() if status != "cached"} == {"ingest", "keep_threshold", "promote"}

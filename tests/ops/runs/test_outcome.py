"""Outcome: what is said of a run that an engine ended without an error of its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from zenml.enums import ExecutionStatus

from agile_classifier.ops.runs import outcome
from agile_classifier.ops.runs.failures import explain


def run_of(status: str, **steps: str) -> Any:
    named = {name: SimpleNamespace(status=ExecutionStatus(step)) for name, step in steps.items()}
    return SimpleNamespace(name="training-1", status=ExecutionStatus(status), steps=named)


def test_a_run_that_failed_elsewhere_is_a_failure_that_names_the_step() -> None:
    run = run_of("failed", ingest="completed", validate="cached", fine_tune="failed")
    with pytest.raises(RuntimeError, match="run training-1: failed, fine_tune failed; ") as caught:
        outcome.show(run, model_name="any")
    failure = explain(caught.value)
    assert failure.exit_code == 1
    assert not failure.is_defect


def test_a_run_of_which_no_step_was_begun_is_a_failure_too() -> None:
    with pytest.raises(RuntimeError, match="run training-1: failed, no step was begun"):
        outcome.show(run_of("failed"), model_name="any")

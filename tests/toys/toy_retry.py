"""A toy pipeline whose one step fails the first time. Import it only once `prepare_state` has run."""

from __future__ import annotations

from pathlib import Path

from zenml import pipeline, step
from zenml.enums import ExecutionMode


@step(enable_cache=False)
def fails_once(mark: str) -> None:
    """Fail unless it has failed before."""
    if not Path(mark).exists():
        Path(mark).touch()
        raise RuntimeError("the first try")


@pipeline(enable_cache=False, execution_mode=ExecutionMode.FAIL_FAST)
def fragile(mark: str) -> None:
    """The one step."""
    fails_once(mark)

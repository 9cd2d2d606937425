"""What the tests of steps share: a step by itself, its outputs, and what it has logged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def run_step(state_folder: Path) -> Callable[..., dict[str, Any]]:
    """Run a step as the only one of a run; gives its outputs by their names."""

    def run(step: Any, *inputs: Any) -> dict[str, Any]:
        step(*inputs)
        return {name: found[0].load() for name, found in _newest(step.name).outputs.items()}

    return run


@pytest.fixture(scope="session")
def logged(state_folder: Path) -> Callable[[str], dict[str, Any]]:
    """Metadata that the newest run of a step has logged, by the step's name."""
    return lambda step: dict(_newest(step).run_metadata)


def _newest(step: str) -> Any:
    from zenml.client import Client

    (newest,) = Client().list_run_steps(name=step, sort_by="desc:created", size=1, hydrate=True).items
    return newest

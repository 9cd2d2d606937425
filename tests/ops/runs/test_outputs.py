"""Outputs: what a step made is loaded again, unless an earlier project made it, whose modules are gone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from agile_classifier.errors import InputError


@pytest.fixture(scope="module")
def run(state_folder: Path) -> Any:
    """A run of the toy pipeline."""
    from zenml.client import Client

    from tests.toys import toy_training as toy

    return Client().get_pipeline_run(toy.train("outputs"))


@contextmanager
def written_by(module: str, column: str, artifact: Any, *, state_folder: Path) -> Iterator[None]:
    """ZenML's record of an artifact as a project would have left it whose class lay in another module."""
    database = state_folder / "zenml" / "local_stores" / "default_zen_store" / "zenml.db"
    source = json.dumps({"module": module, "attribute": "Row", "type": "user"})
    row = [artifact.id.hex]
    with closing(sqlite3.connect(database)) as connection:
        (before,) = connection.execute(f"SELECT {column} FROM artifact_version WHERE id = ?", row).fetchone()
        with connection:
            connection.execute(f"UPDATE artifact_version SET {column} = ? WHERE id = ?", [source, *row])
        yield
        with connection:
            connection.execute(f"UPDATE artifact_version SET {column} = ? WHERE id = ?", [before, *row])


def test_what_a_step_has_made_is_loaded(run: Any) -> None:
    from agile_classifier.ops.runs.outputs import output_of

    assert output_of(run, "register", "output") == "1"


@pytest.mark.parametrize(
    ("column", "module"), [("data_type", "classifier.evaluation"), ("materializer", "operations.materializers")]
)
def test_what_an_earlier_project_has_made_is_refused_in_one_line(
    run: Any, state_folder: Path, column: str, module: str
) -> None:
    from zenml.client import Client

    from agile_classifier.ops.runs.outputs import output_of

    artifact = run.steps["fine_tune"].outputs["output"][0]
    with written_by(module, column, artifact, state_folder=state_folder), pytest.raises(InputError) as refused:
        output_of(Client().get_pipeline_run(run.id), "fine_tune", "output")
    assert str(refused.value) == (
        f"run {run.name}: output was made by an earlier agile-classifier ({module}.Row) and cannot be read; train again"
    )
    assert output_of(Client().get_pipeline_run(run.id), "fine_tune", "output") == output_of(run, "fine_tune", "output")

"""Sections that ZenML was given: what cannot be had there is told in one line, also by ZenML's own command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from agile_classifier.config.ensemble.members import require_members
from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.errors import InputError

REFUSAL = (
    "model.members.0.config: found other.yaml, a file that cannot be read here, away from the config file that names"
    " it; write out its fields in model and fine_tune of the member"
)
SECTIONS: dict[str, Any] = {
    "data": {"source": "https://example.org/a.csv", "columns": {"text": "text", "score": "score"}},
    "model": {"source": "owner/read", "revision": "abc1234", "members": [{"config": "other.yaml"}]},
    "registry": {"model_name": "toy"},
}


def test_a_members_config_is_refused_in_one_line_by_zenmls_command_line(state_folder: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner
    from zenml.cli.cli import cli

    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({"parameters": SECTIONS}), encoding="utf-8")
    done = CliRunner().invoke(cli, ["pipeline", "run", "pipelines.training.training", "--config", str(path)])
    assert done.exit_code == InputError.exit_code, done.exception
    assert done.output.splitlines()[-1] == f"Error: {REFUSAL}"
    assert "Traceback" not in done.output


def test_a_members_config_is_refused_in_one_line_where_the_pipeline_is_called(state_folder: Path) -> None:
    from agile_classifier.ops.project import load_pipeline
    from agile_classifier.ops.runs.failures import explain

    with pytest.raises(InputError) as refused:
        load_pipeline("training").prepare(**SECTIONS)
    assert str(refused.value) == REFUSAL
    failure = explain(refused.value)
    assert (failure.line, failure.exit_code, failure.is_defect) == (REFUSAL, 2, False)


def test_a_step_that_was_given_such_a_member_refuses_it_in_one_line(state_folder: Path, tmp_path: Path) -> None:
    from agile_classifier.ops.runs.materializers import Folder
    from steps.training.ingest_start import ingest_start

    model, settings = ModelConfig.model_validate(SECTIONS["model"]), FineTuneConfig()
    with pytest.raises(InputError) as refused:
        require_members(model, settings)
    assert str(refused.value) == REFUSAL
    with pytest.raises(InputError, match=r"^model\.members\.0\.config: found other\.yaml"):
        ingest_start.entrypoint(Folder(tmp_path), model, settings)

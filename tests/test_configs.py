"""Every YAML that comes with the project: it loads, says what it is for, and ZenML takes it too."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

import pytest
import yaml
from zenml.config.pipeline_run_configuration import PipelineRunConfiguration

from agile_classifier.config.files import load_config
from agile_classifier.config.run import RunConfig
from agile_classifier.data.expectations.run import read_suite
from agile_classifier.ops.project import configs, root

YAMLS = sorted(path for pattern in ("*.yaml", "*.yml") for path in configs().rglob(pattern))
RUNS = [path for path in YAMLS if path.parent == configs()]
SAYS_WHAT_FOLLOWS = {"labels.rule", "split.method"}
"""Fields that may name their default, since the fields beside them mean nothing without."""
SUITES = [path for path in YAMLS if path.parent == configs() / "expectations"]


def name_of(path: Path) -> str:
    return str(path.relative_to(root()))


def head_comment(path: Path) -> str:
    lines = takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines())
    return "\n".join(line.removeprefix("#").strip() for line in lines)


def test_there_are_configs_and_suites_to_look_at() -> None:
    assert {"quickstart.yaml", "ethos.yaml", "unfair-tos.yaml"} <= {path.name for path in RUNS}
    assert SUITES


@pytest.mark.parametrize("path", RUNS, ids=name_of)
def test_a_config_loads(path: Path) -> None:
    assert isinstance(load_config(path), RunConfig)


@pytest.mark.parametrize("path", RUNS, ids=name_of)
def test_a_config_opens_with_what_it_is_for_and_the_command_that_launches_it(path: Path) -> None:
    purpose, _, command = head_comment(path).partition("agile train ")
    assert len(purpose.split()) >= 10
    assert command.split()[0] == name_of(path)


@pytest.mark.parametrize("path", RUNS, ids=name_of)
def test_a_config_is_a_run_configuration_of_zenml_with_nothing_that_it_would_ignore(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    known = PipelineRunConfiguration.model_fields
    assert set(document) <= set(known), "ZenML ignores other keys silently"
    assert PipelineRunConfiguration.model_validate(document).parameters == document["parameters"]


@pytest.mark.parametrize("path", RUNS, ids=name_of)
def test_a_config_holds_only_what_differs_from_the_defaults(path: Path) -> None:
    defaults = {name: field.default for name, field in RunConfig.model_fields.items() if not field.is_required()}
    parameters = yaml.safe_load(path.read_text(encoding="utf-8"))["parameters"]
    for section, fields in parameters.items():
        for field in fields if section in defaults else ():
            given = getattr(getattr(load_config(path), section), field)
            assert given != getattr(defaults[section], field) or f"{section}.{field}" in SAYS_WHAT_FOLLOWS, field


@pytest.mark.parametrize("path", RUNS, ids=name_of)
def test_a_config_pins_what_it_fetches_by_whole_digests_and_names_a_suite_that_is_there(path: Path) -> None:
    config = load_config(path)
    assert config.data.is_pinned
    assert config.model.sha256 or config.model.revision
    for digest in (*(config.data.sha256 or ()), *(config.model.sha256 or ())):
        assert re.fullmatch("[0-9a-f]{64}", digest)
    assert (configs() / config.validation.suite).is_file()


def test_every_config_registers_a_model_of_its_own() -> None:
    names = [load_config(path).registry.model_name for path in RUNS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", SUITES, ids=name_of)
def test_a_suite_loads_and_opens_with_what_it_is_for(path: Path) -> None:
    assert read_suite(path).entries
    assert len(head_comment(path).split()) >= 5

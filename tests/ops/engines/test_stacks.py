"""Stacks from files: what they become in ZenML, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agile_classifier.errors import InputError
from agile_classifier.ops.engines import stacks
from agile_classifier.ops.engines.variables import fill_open, list_open
from agile_classifier.ops.project import root


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of stacks of the test's own."""
    monkeypatch.setattr(stacks.project, "configs", lambda: tmp_path)
    stacks_folder = tmp_path / "stacks"
    stacks_folder.mkdir()
    return stacks_folder


def write(folder: Path, text: str) -> None:
    (folder / "mine.yaml").write_text(text)


def test_an_unknown_stack_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"no stack 'nowhere' in .*; there are: containers, kubeflow.*, local"):
        stacks.read_stack("nowhere")


def test_variables_are_filled_in_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGILE_TEST_PLACE", "s3://bucket")
    monkeypatch.delenv("AGILE_TEST_OTHER", raising=False)
    write(folder, 'components: {artifact_store: {flavor: s3, path: "${AGILE_TEST_PLACE}/${AGILE_TEST_OTHER:-agile}"}}')
    assert stacks.read_stack("mine").components["artifact_store"]["path"] == "s3://bucket/agile"


def test_all_variables_that_are_not_set_are_named_at_once_with_what_they_are_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AGILE_TEST_ONE", "AGILE_TEST_TWO", "AGILE_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    write(
        folder,
        """# ${AGILE_TEST_IN_A_COMMENT}
components: {orchestrator: {flavor: local, x: ${AGILE_TEST_TWO}, y: "${AGILE_REGISTRY}/${AGILE_TEST_TWO}"}}
run: {environment: {A: ${AGILE_TEST_ONE}}}""",
    )
    with pytest.raises(InputError) as refused:
        stacks.read_stack("mine")
    assert str(refused.value) == (
        f"{folder / 'mine.yaml'}: 3 environment variables are not set: AGILE_TEST_TWO; AGILE_REGISTRY (Registry of"
        " container images, for the stacks `kubernetes` and `kubeflow`); AGILE_TEST_ONE"
    )
    opened = stacks.read_open_stack("mine", variables={"AGILE_TEST_TWO": "two"})
    assert list_open([opened.components, opened.run]) == ["AGILE_REGISTRY", "AGILE_TEST_ONE"]
    filled = fill_open(opened.components, {"AGILE_REGISTRY": "ours"})
    assert filled == {"orchestrator": {"flavor": "local", "x": "two", "y": "ours/two"}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("components: {orchestrator: {flavor: local, x: '${AGILE_TEST_MISSING}'}}", "variable AGILE_TEST_MISSING is not set"),
        ("stack: {}", "stack: unknown field; allowed here: components, run"),
        ("components: {orchestra: {flavor: local}}", "components.orchestra: unknown kind; allowed here: .*orchestrator"),
        ("components: {orchestrator: {}}", r"components.orchestrator.flavor: Field required"),
        ("run: {enviroment: {}}", "run.enviroment: unknown field; allowed here: .*environment"),
        ("run: {retry: {max_retries: many}}", "run.retry.max_retries"),
    ],
)  # fmt: skip
def test_what_a_file_may_not_say_is_refused_in_its_words(folder: Path, text: str, said: str) -> None:
    write(folder, text)
    with pytest.raises(InputError, match=f"mine.yaml: .*{said}"):
        stacks.read_stack("mine")


@pytest.mark.slow
@pytest.mark.usefixtures("warm")
def test_a_stack_is_registered_once_selected_again_and_left(new_home: Callable[[Path], Path], tmp_path: Path) -> None:
    new_home(tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ZENML_")}
    code = """
from agile_classifier.ops.state.home import prepare_state
prepare_state()
from zenml.client import Client
from agile_classifier.ops.engines import stacks
from agile_classifier.ops.engines.variables import fill_open, list_open
for name in ("containers", "containers", "local"):
    stacks.select(name)
    print(name, Client().active_stack_model.name, sorted(found.name for found in Client().list_stacks()),
          len(Client().list_stack_components()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root(), env={**environment, "AGILE_HOME": str(tmp_path), "ZENML_CUSTOM_SOURCE_ROOT": str(root())}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "containers containers ['containers', 'default'] 5",
        "containers containers ['containers', 'default'] 5",
        "local local ['containers', 'default', 'local'] 5",
    ]

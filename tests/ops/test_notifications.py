"""Who is told of what: the webhook is a real server on loopback, the alerter stands in a real ZenML stack."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agile_classifier.errors import GateRefused
from agile_classifier.ops.notifications import Notice

NOTICE = Notice("test", "it works", {})


@pytest.fixture
def alerted(state_folder: Path, tmp_path: Path) -> Iterator[Path]:
    """The active stack has an alerter; the file that it writes."""
    from zenml.client import Client
    from zenml.enums import StackComponentType

    client, file = Client(), tmp_path / "alerts" / "alerts.txt"
    if "toy" not in {flavor.name for flavor in client.get_flavors_by_type(StackComponentType.ALERTER)}:
        client.create_flavor("tests.toys.toy_alerter.ToyAlerterFlavor", StackComponentType.ALERTER)
    before = client.active_stack_model.name
    client.create_stack_component("toy", "toy", StackComponentType.ALERTER, {"file": str(file)})
    kinds = dict.fromkeys((StackComponentType.ORCHESTRATOR, StackComponentType.ARTIFACT_STORE), "default")
    client.create_stack("alerting", {**kinds, StackComponentType.ALERTER: "toy"})
    client.activate_stack("alerting")
    yield file
    client.activate_stack(before)
    client.delete_stack("alerting")
    client.delete_stack_component("toy", StackComponentType.ALERTER)


@pytest.fixture
def line(registry: Any) -> str:
    """A model with a champion and another version."""
    from tests.toys import toy_training as toy

    if len(registry.search_model_versions("name = 'other'")) < 2:
        run = registry.create_run(registry.get_experiment_by_name("toy").experiment_id)
        toy.make_version(run.info.run_id, "other", zenml_run="none")
    return "other"


def agile(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    from agile_classifier.cli import app as cli

    monkeypatch.setattr(sys, "argv", ["agile", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_both_are_told_where_there_are_both(receiver: Any, alerted: Path) -> None:
    from agile_classifier.ops.notifications import require_delivered, tell

    alerted.parent.mkdir()
    assert require_delivered(tell(NOTICE)) == "told: the webhook and the alerter"
    assert alerted.read_text() == "test: it works\n"
    assert receiver.kinds() == ["test"]


def test_whoever_cannot_be_told_is_a_warning_that_gives_nothing_away(
    receiver: Any, alerted: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.notifications import tell

    receiver.answers = [(403, {})]
    assert tell(NOTICE) == {"webhook": False, "alerter": False}
    monkeypatch.setenv("AGILE_WEBHOOK_URL", "https://user:sentinel-password@127.0.0.1:9/hook")
    assert tell(NOTICE) == {"webhook": False, "alerter": False}
    first, second, third, _ = capsys.readouterr().err.splitlines()
    assert (
        first
        == "agile: warning: test could not be told to the webhook: RuntimeError: the receiver answered 403 Forbidden"
    )
    assert second.startswith("agile: warning: test could not be told to the alerter: ")
    assert "webhook: ConnectionError" in third
    assert "sentinel-password" not in third


def test_the_command_says_who_was_told(
    receiver: Any, state_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert agile(monkeypatch, "notify", "it works") == 0
    assert capsys.readouterr().out == "told: the webhook\n"
    receiver.answers = [(400, {})]
    assert agile(monkeypatch, "notify", "it works") == 1
    assert capsys.readouterr().err.splitlines()[-1] == "agile: error: not delivered to the webhook"
    monkeypatch.delenv("AGILE_WEBHOOK_URL")
    assert agile(monkeypatch, "notify", "it works") == 0
    assert capsys.readouterr().out.startswith("told: nobody; AGILE_WEBHOOK_URL is not set")
    assert receiver.kinds() == ["test"]


def test_a_run_that_fails_is_told_with_its_exit_code_and_still_fails(receiver: Any, state_folder: Path) -> None:
    from agile_classifier.ops.notifications import failure_told

    with pytest.raises(GateRefused), failure_told("training-1"):
        raise GateRefused("too few rows")
    (notice,) = receiver.notices
    assert notice["type"] == "run.failed"
    assert notice["text"] == "run training-1: too few rows"
    assert notice["data"] == {"run": "training-1", "exit_code": 3}


def test_a_run_that_ends_well_or_by_a_persons_hand_is_not_told(receiver: Any, state_folder: Path) -> None:
    from agile_classifier.ops.notifications import failure_told

    with failure_told("training-1"):
        pass
    with pytest.raises(KeyboardInterrupt), failure_told("training-2"):
        raise KeyboardInterrupt
    assert receiver.notices == []


def test_a_webhook_that_cannot_work_is_warned_of_before_the_run_begins_and_stops_its_notices_alone(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from agile_classifier.ops import notifications

    notifications._warn.cache_clear()
    monkeypatch.setenv("AGILE_WEBHOOK_URL", "https://hooks.example.org/x")
    monkeypatch.delenv("AGILE_WEBHOOK_SECRET", raising=False)
    with notifications.changes_told("no-model"), notifications.failure_told("training-1"):
        warned = capsys.readouterr().err
    assert warned.startswith(
        "agile: warning: AGILE_WEBHOOK_SECRET: not set; it signs what is sent to AGILE_WEBHOOK_URL"
    )
    assert warned.count("\n") == 1
    with pytest.raises(GateRefused), notifications.failure_told("training-2"):
        raise GateRefused("too few rows")
    said = capsys.readouterr().err
    assert said.startswith("agile: warning: run.failed could not be told to the webhook: AGILE_WEBHOOK_SECRET: not set")
    assert agile(monkeypatch, "notify", "it works") == 1


def test_every_change_of_the_champion_is_told_whoever_made_it(
    receiver: Any, registry: Any, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for version in ("1", "2"):
        assert agile(monkeypatch, "promote", version, "--model", line, "--force", "--reason", "a test") == 0
    assert agile(monkeypatch, "rollback", "--model", line, "--reason", "too strict") == 0
    registry.set_registered_model_alias(line, "champion", "2")
    assert agile(monkeypatch, "history", "--model", line) == 0
    assert agile(monkeypatch, "history", "--model", line) == 0
    changes = [(notice["data"]["kind"], notice["data"]["champion"]) for notice in receiver.notices]
    assert changes == [("promoted", "1"), ("promoted", "2"), ("rolled back", "1"), ("moved by hand", "2")]
    assert set(receiver.kinds()) == {"champion.changed"}
    assert "too strict" in receiver.notices[2]["text"]


@pytest.mark.parametrize("started_by_a_cluster", [True, False])
def test_where_a_cluster_started_the_run_the_step_itself_tells(
    receiver: Any, state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started_by_a_cluster: bool
) -> None:
    from zenml.models import PipelineRunResponse

    from agile_classifier.ops.notifications import tell_of_cluster_failure
    from tests.toys.toy_retry import fragile

    schedule = property(lambda run: "nightly" if started_by_a_cluster else None)
    monkeypatch.setattr(PipelineRunResponse, "schedule", schedule)
    with pytest.raises(RuntimeError, match="the first try"):
        fragile.with_options(on_failure=tell_of_cluster_failure)(mark=str(tmp_path / "mark"))
    assert receiver.kinds() == ["run.failed"] * started_by_a_cluster
    for notice in receiver.notices:
        assert notice["data"]["step"] == "fails_once"
        assert notice["text"].endswith("step fails_once: RuntimeError: the first try")


def test_every_step_of_the_training_pipeline_tells(state_folder: Path) -> None:
    from agile_classifier.ops.notifications import tell_of_cluster_failure
    from pipelines.training import training

    hook = training.configuration.failure_hook_source
    assert hook is not None
    assert hook.attribute == tell_of_cluster_failure.__name__

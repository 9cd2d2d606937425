"""Who is in service, who was before, and what is recorded of it; MLflow and ZenML are the real ones, the versions are empty."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agile_classifier.errors import InputError

NAME = "line"


@pytest.fixture
def client(state_folder: Path, new_mlflow: Callable[[Path], str], tmp_path: Path) -> Iterator[Any]:
    """An MLflow store of the test's own, with four versions and no champion."""
    import mlflow
    from mlflow import MlflowClient

    shared = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(new_mlflow(tmp_path))
    client = MlflowClient()
    client.create_registered_model(NAME)
    for _ in range(4):
        client.create_model_version(NAME, source=(tmp_path / "model").as_uri())
    yield client
    mlflow.set_tracking_uri(shared)


def promote(version: str, expected: str | None) -> bool:
    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.registry import history
    from agile_classifier.ops.registry.history import Event

    event = Event(history.PROMOTED, version, version, by="a test", reason=f"Version {version} is better.")
    return champions.promote(event, model_name=NAME, expected=expected)


def aliases(client: Any) -> dict[str, str]:
    return {alias: str(version) for alias, version in client.get_registered_model(NAME).aliases.items()}


def kinds() -> list[str]:
    from agile_classifier.ops.registry import history

    return [event.kind for event in history.read_events(NAME)]


def test_each_promotion_leaves_the_one_before_as_previous(client: Any) -> None:
    assert promote("1", None)
    assert aliases(client) == {"champion": "1"}
    assert promote("2", "1")
    assert promote("3", "2")
    assert aliases(client) == {"champion": "3", "previous": "2"}
    assert client.get_model_version(NAME, "3").tags["promotion"] == "promoted"


def test_a_history_is_read_without_a_lock_where_nothing_is_left_to_record(client: Any) -> None:
    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.promotion.settled import read_settled
    from agile_classifier.ops.registry import history

    assert read_settled(NAME) == []
    promote("1", None)
    assert read_settled(NAME) == champions.settle(NAME)
    client.set_registered_model_alias(NAME, "champion", "2")
    assert read_settled(NAME) is None
    assert champions.settle(NAME)[-1].kind == history.MOVED
    assert read_settled(NAME) == champions.settle(NAME)
    client.set_model_version_tag(NAME, "3", champions.PROMOTION, history.ASKED)
    assert read_settled(NAME) is None


def test_rollbacks_go_back_step_by_step_and_then_refuse(client: Any) -> None:
    from agile_classifier.ops.promotion import champions

    for version, before in (("1", None), ("2", "1"), ("3", "2")):
        promote(version, before)
    event = champions.roll_back(NAME, reason="too many false alarms")
    assert (event.version, event.champion) == ("3", "2")
    assert "too many false alarms" in event.sentence
    assert aliases(client) == {"champion": "2", "previous": "1"}
    assert "too many false alarms" in client.get_model_version(NAME, "3").tags[champions.ROLLED_BACK_AT]
    champions.roll_back(NAME, reason="")
    assert aliases(client) == {"champion": "1"}
    with pytest.raises(InputError, match="nothing to go back to; champions so far: 1"):
        champions.roll_back(NAME, reason="")
    assert kinds() == ["promoted", "promoted", "promoted", "rolled back", "rolled back"]


def test_a_rollback_that_is_asked_for_twice_goes_back_one_step(client: Any) -> None:
    from agile_classifier.ops.promotion import champions

    for version, before in (("1", None), ("2", "1"), ("3", "2")):
        promote(version, before)
    assert champions.roll_back(NAME, reason="", expected="3").champion == "2"
    with pytest.raises(InputError, match="version 3 is not the champion any more; champions so far: 1, 2"):
        champions.roll_back(NAME, reason="", expected="3")
    assert aliases(client) == {"champion": "2", "previous": "1"}


def test_a_rollback_after_a_rollback_and_a_promotion_goes_to_the_champion_that_stood_before(client: Any) -> None:
    from agile_classifier.ops.promotion import champions

    promote("1", None)
    promote("2", "1")
    champions.roll_back(NAME, reason="")
    promote("3", "1")
    assert aliases(client) == {"champion": "3", "previous": "1"}
    assert champions.roll_back(NAME, reason="").champion == "1"


def test_a_version_that_was_deleted_is_passed_over(client: Any) -> None:
    from agile_classifier.ops.promotion import champions

    for version, before in (("1", None), ("2", "1"), ("3", "2")):
        promote(version, before)
    client.delete_model_version(NAME, "2")
    assert champions.roll_back(NAME, reason="").champion == "1"


def test_a_champion_that_is_promoted_again_no_longer_counts_as_rolled_back(client: Any) -> None:
    from agile_classifier.ops.promotion import champions

    promote("1", None)
    promote("2", "1")
    champions.roll_back(NAME, reason="")
    promote("2", "1")
    assert champions.ROLLED_BACK_AT not in client.get_model_version(NAME, "2").tags


def test_an_alias_moved_by_hand_is_respected_recorded_once_and_can_be_gone_back_from(client: Any) -> None:
    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.registry import history

    promote("1", None)
    client.set_registered_model_alias(NAME, "champion", "4")
    events = champions.settle(NAME)
    assert [event.kind for event in events] == ["promoted", history.MOVED]
    assert (events[-1].champion, events[-1].by) == ("4", history.BY_HAND)
    assert champions.settle(NAME) == events
    assert aliases(client) == {"champion": "4", "previous": "1"}
    assert champions.roll_back(NAME, reason="").champion == "1"


def test_a_champion_from_before_there_was_a_history_is_found(client: Any) -> None:
    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.registry import history

    client.set_registered_model_alias(NAME, "champion", "2")
    assert [event.kind for event in champions.settle(NAME)] == [history.MOVED]


def test_an_alias_taken_away_by_hand_is_recorded(client: Any) -> None:
    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.registry import history

    promote("1", None)
    client.delete_registered_model_alias(NAME, "champion")
    last = champions.settle(NAME)[-1]
    assert (last.kind, last.version, last.champion) == (history.REMOVED, "1", None)


def test_a_decision_against_a_champion_of_a_moment_ago_moves_nothing(client: Any) -> None:
    promote("1", None)
    assert promote("2", "1")
    assert not promote("3", "1")
    assert aliases(client) == {"champion": "2", "previous": "1"}
    assert kinds() == ["promoted", "promoted"]


@pytest.mark.usefixtures("warm")
def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(client: Any, tmp_path: Path) -> None:
    promote("1", None)
    script = textwrap.dedent("""
        import sys
        from agile_classifier.ops.state.home import prepare_state
        prepare_state()
        import mlflow
        mlflow.set_tracking_uri(sys.argv[1])
        from tests.ops.promotion.test_champions import promote
        print(promote(sys.argv[2], "1"))
    """)
    command = [sys.executable, "-c", script, f"sqlite:///{tmp_path}/mlflow.db"]
    both = [subprocess.Popen([*command, version], stdout=subprocess.PIPE, text=True) for version in ("2", "3")]
    said = [process.communicate()[0].strip().splitlines()[-1] for process in both]
    assert sorted(said) == ["False", "True"]
    winner = ("2", "3")[said.index("True")]
    assert aliases(client) == {"champion": winner, "previous": "1"}
    assert kinds() == ["promoted", "promoted"]


def begin(version: str, before: str | None) -> Any:
    """What a process leaves that was killed as soon as it had stated a promotion."""
    from agile_classifier.ops.registry import history
    from agile_classifier.ops.registry.history import Event

    event = Event(history.PROMOTED, version, version, by="a test", reason=f"Version {version} is better.")
    return history.begin(NAME, event, before=before)


@pytest.mark.parametrize("alias_is_moved", [False, True])
def test_a_promotion_whose_process_was_killed_is_carried_to_its_end_by_whoever_looks_next(
    client: Any, alias_is_moved: bool
) -> None:
    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.promotion.settled import read_settled

    promote("1", None)
    begin("2", "1")
    if alias_is_moved:
        client.set_registered_model_alias(NAME, "champion", "2")
    assert read_settled(NAME) is None
    assert champions.settle(NAME)[-1].reason == "Version 2 is better."
    assert kinds() == ["promoted", "promoted"], "a promotion by the policy, not a move by hand"
    assert aliases(client) == {"champion": "2", "previous": "1"}
    assert client.get_model_version(NAME, "2").tags["promotion"] == "promoted"
    assert read_settled(NAME) == champions.settle(NAME)


def test_a_promotion_that_was_recorded_before_its_process_was_killed_is_not_recorded_again(client: Any) -> None:
    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.registry import history

    promote("1", None)
    change = begin("2", "1")
    client.set_registered_model_alias(NAME, "champion", "2")
    statement = client.get_registered_model(NAME).tags[f"{history.UNDER_WAY}{change.key}"]
    history.conclude(NAME, change)
    assert history.read_changes(NAME) == []
    stated = f"{history.UNDER_WAY}{change.key}"
    client.set_registered_model_tag(NAME, stated, statement)  # as if killed before it was taken back
    champions.settle(NAME)
    assert kinds() == ["promoted", "promoted"]
    assert history.read_changes(NAME) == []


@pytest.mark.parametrize("overtaken", ["alias", "deleted"])
def test_a_promotion_that_was_overtaken_after_its_process_was_killed_is_dropped(client: Any, overtaken: str) -> None:
    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.registry import history

    promote("1", None)
    begin("2", "1")
    if overtaken == "alias":
        client.set_registered_model_alias(NAME, "champion", "3")
    else:
        client.delete_model_version(NAME, "2")
    champions.settle(NAME)
    assert aliases(client)["champion"] == ("3" if overtaken == "alias" else "1")
    assert kinds() == ["promoted", *([history.MOVED] if overtaken == "alias" else [])]
    assert history.read_changes(NAME) == []


def test_a_rollback_that_is_given_again_after_a_kill_goes_one_step_back_and_not_two(client: Any) -> None:
    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.registry import history
    from agile_classifier.ops.registry.history import Event

    for version, before in (("1", None), ("2", "1"), ("3", "2")):
        promote(version, before)
    history.begin(NAME, Event(history.ROLLED_BACK, "3", "2", by="a test", reason="false alarms"), before="3")
    event = champions.roll_back(NAME, reason="false alarms")
    assert (event.version, event.champion) == ("3", "2")
    assert aliases(client) == {"champion": "2", "previous": "1"}
    assert champions.roll_back(NAME, reason="").champion == "1"


def test_a_change_whose_teller_was_killed_is_told_once_by_the_next_under_a_number_of_its_own(
    client: Any, receiver: Any
) -> None:
    from agile_classifier.ops.notifications import changes_told

    promote("1", None)
    assert receiver.notices == [], "whoever promotes is killed before it tells"
    with changes_told(NAME):
        pass
    assert receiver.kinds() == ["champion.changed"]
    assert "untold" not in receiver.notices[0]["data"]
    with changes_told(NAME):
        promote("2", "1")
    assert receiver.kinds() == ["champion.changed"] * 2
    assert len(set(receiver.ids)) == 2
    with changes_told(NAME):
        pass
    assert len(receiver.notices) == 2


def test_a_change_that_did_not_arrive_is_told_by_the_next_under_the_same_number(client: Any, receiver: Any) -> None:
    from agile_classifier.ops.notifications import changes_told

    receiver.answers = [(400, {})]
    with changes_told(NAME):
        promote("1", None)
    assert receiver.notices == []
    for _ in range(2):
        with changes_told(NAME):
            pass
    assert receiver.kinds() == ["champion.changed"]
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1


def test_history_is_told_a_line_an_event(client: Any) -> None:
    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.registry.history import as_lines

    promote("1", None)
    client.set_registered_model_alias(NAME, "champion", "2")
    lines = as_lines(champions.settle(NAME))
    assert len(lines) == 2
    assert "version 1 promoted by a test; champion is version 1. Version 1 is better." in lines[0]
    assert "version 2 moved by hand by somebody in MLflow" in lines[1]


def test_a_model_that_is_not_there_is_named(client: Any) -> None:
    from agile_classifier.ops.promotion import champions

    with pytest.raises(InputError, match="no registered model 'nobody'; there are: line"):
        champions.settle("nobody")


def test_mlflows_page_shows_the_history_as_a_table_and_no_tag_of_it(client: Any) -> None:
    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.registry import history

    client.update_registered_model(NAME, "Ours.")
    assert promote("1", None)
    assert promote("2", "1")
    champions.roll_back(NAME, reason="It flags greetings.")
    model = client.get_registered_model(NAME)
    assert model.description.startswith("Ours.\n\n### History of the champion")
    assert "It flags greetings." in model.description.splitlines()[6]
    assert all(name.startswith("mlflow.") for name in model.tags), "those are hidden on its page"
    client.update_registered_model(NAME, "Ours.")  # as a process leaves it that was killed before it wrote the table
    champions.settle(NAME)
    assert client.get_registered_model(NAME).description == model.description
    assert len(history.read_events(NAME)) == 3


def test_a_history_that_an_earlier_version_wrote_is_read_and_gone_on_with(client: Any) -> None:
    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.registry import history

    assert promote("1", None)
    for name, content in client.get_registered_model(NAME).tags.items():
        client.set_registered_model_tag(NAME, name.removeprefix("mlflow.agile."), content)
        client.delete_registered_model_tag(NAME, name)
    assert promote("2", "1")
    assert [event.version for event in history.read_events(NAME)] == ["1", "2"]
    change = history.begin(NAME, history.Event(history.PROMOTED, "3", "3", "a test", ""), before="2")
    (stated,) = [name for name in client.get_registered_model(NAME).tags if "changing." in name]
    client.set_registered_model_tag(NAME, f"changing.{change.key}", client.get_registered_model(NAME).tags[stated])
    client.delete_registered_model_tag(NAME, stated)
    champions.settle(NAME)
    assert not history.read_changes(NAME)
    assert aliases(client)["champion"] == "3"

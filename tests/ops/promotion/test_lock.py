"""The promotion lock: never two holders, in one state folder nor over a team's store, however often it is asked for."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agile_classifier.ops.project import root
from tests.toys import waiting

COUNT = textwrap.dedent("""
    import sys
    from pathlib import Path
    from agile_classifier.ops.state.home import prepare_state
    prepare_state()
    from agile_classifier.ops.promotion import lock

    way, file, times = sys.argv[1:]
    lock.PAUSE = 0.01
    held = {"state folder": lock.promotion_lock, "store": lock.hold_tag}[way]
    for _ in range(int(times)):
        with held("counted"):
            found = int(Path(file).read_text())
            Path(file).write_text(str(found + 1))
""")
N_PROCESSES = 3


@pytest.mark.usefixtures("state_folder", "warm")
@pytest.mark.parametrize(
    ("way", "times"),
    [("state folder", 200), ("store", 30)],
)
def test_three_processes_that_ask_again_and_again_never_hold_it_together(tmp_path: Path, way: str, times: int) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    command = [sys.executable, "-c", COUNT, way, str(counter), str(times)]
    processes = [
        subprocess.Popen(command, cwd=root(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(N_PROCESSES)
    ]
    said = [process.communicate(timeout=waiting.LONGEST)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * N_PROCESSES, said
    assert int(counter.read_text()) == N_PROCESSES * times


def test_a_tag_of_a_holder_that_was_killed_is_removed_and_nobody_else_s(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from zenml.client import Client

    from agile_classifier.ops.promotion import lock

    monkeypatch.setattr(lock, "HELD_AT_MOST", 0.5)
    Client().create_tag("left behind")
    began = datetime.now(UTC)
    with lock.hold_tag("left behind"):
        assert datetime.now(UTC) - began >= timedelta(seconds=0.5)
        (held,) = Client().list_tags(name="left behind").items
        Client().zen_store.delete_tag(held.id)  # by another, who took this process for dead
    assert "its holder counts as killed" in capsys.readouterr().err
    assert not Client().list_tags(name="left behind").items


def test_the_store_is_asked_only_where_it_is_a_team_s(state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zenml.client import Client

    from agile_classifier.ops.promotion import lock

    with lock.promotion_lock("asked"):
        assert not Client().list_tags(name="promotion of asked").items
    monkeypatch.setattr(lock, "is_zenml_embedded", lambda: False)
    with lock.promotion_lock("asked"):
        assert Client().list_tags(name="promotion of asked").items
    assert not Client().list_tags(name="promotion of asked").items

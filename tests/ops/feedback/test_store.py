"""The store: many processes write at once, a killed one leaves whole batches, and a store that is away loses little."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from agile_classifier.ops.project import root
from tests.toys.waiting import LONGEST, until

pytestmark = pytest.mark.usefixtures("state_folder")

WRITE = """
import sys
from agile_classifier.ops.feedback.store import PREDICTIONS, SIGNERS, draw_signer, open_store
store, size = open_store(), int(sys.argv[2])
signer = store.add_once(SIGNERS, draw_signer("a" * 64, "{}"), key="name").signer
print(signer, flush=True)
for batch in range(int(sys.argv[1])):
    row = {"signer": signer, "number": batch, "made": batch, "predicted": 0, "scores": b"12345678", "length": size, "text": None}
    store.add(PREDICTIONS, [row] * size)
"""


def write(n_batches: int, size: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITE, str(n_batches), str(size)], cwd=root(), stdout=subprocess.PIPE, text=True, env=os.environ.copy()
    )  # fmt: skip


def counts(address: str) -> list[tuple[int, int]]:
    """Batches by number and size."""
    with closing(sqlite3.connect(address.removeprefix("sqlite:///"))) as database:
        return list(database.execute("SELECT number, count(*) FROM agile_predictions GROUP BY number, length"))


def test_many_processes_write_at_once_in_a_fresh_store_and_agree_on_the_signer(address: str) -> None:
    writers = [write(20, 10) for _ in range(4)]
    said = {writer.communicate(timeout=LONGEST)[0] for writer in writers}
    assert [writer.returncode for writer in writers] == [0] * 4
    assert len(said) == 1
    assert counts(address) == [(batch, 40) for batch in range(20)]


def test_a_process_that_is_killed_while_it_writes_leaves_whole_batches(address: str) -> None:
    writer = write(1_000_000, 500)
    assert writer.stdout is not None
    writer.stdout.readline()
    path = Path(address.removeprefix("sqlite:///"))
    until(lambda: len(counts(address)) > 3, lambda: str(path))
    writer.send_signal(signal.SIGKILL)
    writer.wait(LONGEST)
    assert {n for _, n in counts(address)} == {500}
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_reading_does_not_wait_for_who_writes(desk: Any) -> None:
    from agile_classifier.ops.feedback.store import PREDICTIONS

    desk.serve([0.9] * 5)
    path = desk.store.address.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert desk.store.count(PREDICTIONS) == 5


def test_threads_of_a_server_store_verdicts_at_once(desk: Any) -> None:
    from agile_classifier.ops.feedback.store import VERDICTS
    from agile_classifier.ops.feedback.verdicts import Verdict

    answers = desk.serve([0.9] * 40)
    with ThreadPoolExecutor(8) as people:
        list(
            people.map(
                lambda answer: desk.judge(Verdict(prediction_id=answer["prediction_id"], verdict="long")), answers
            )
        )
    assert desk.store.count(VERDICTS) == 40


def test_a_store_that_is_not_there_yet_is_read_as_empty_and_not_made(address: str) -> None:
    from agile_classifier.ops.feedback.store import VERDICTS, open_store

    with closing(open_store()) as store:
        assert store.count(VERDICTS) == 0
        assert list(store.read(select(VERDICTS))) == []
    assert not Path(address.removeprefix("sqlite:///")).exists()


def test_what_is_served_while_the_store_is_away_is_written_once_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.feedback import served
    from agile_classifier.ops.feedback.store import PREDICTIONS, FeedbackStore
    from tests.toys.toy_feedback import Desk

    monkeypatch.setattr(served, "SECONDS", 0.01)
    monkeypatch.setattr(served, "MOST_WAITING", 30)
    folder = tmp_path / "away"
    folder.write_text("in the way of the folder")
    counted: dict[str, int] = {"stored": 0, "lost": 0}
    said: list[str] = []
    log = served.ServedLog(
        FeedbackStore(f"sqlite:///{folder / 'feedback.db'}"), count=lambda result, n: counted.update({result: counted[result] + n}), say=said.append
    )  # fmt: skip
    other = Desk.of(FeedbackStore(f"sqlite:///{tmp_path / 'other.db'}"))
    other.marker.mark(
        ["a"] * 40, [{"label": "long", "probability_short": 0.0, "probability_long": 1.0}] * 40, log=log.add
    )
    until(lambda: bool(said), lambda: "the log says that the store is away")
    folder.unlink()
    until(lambda: counted["stored"] > 0, lambda: str(counted))
    log.close()
    assert counted == {"stored": 30, "lost": 10}
    assert said == [said[0]]
    assert "predictions wait to be logged" in said[0]
    assert FeedbackStore(f"sqlite:///{folder / 'feedback.db'}").count(PREDICTIONS) == 30


def test_old_predictions_without_a_verdict_go_and_the_others_stay(desk: Any) -> None:
    from agile_classifier.ops.feedback.served import OldPredictions
    from agile_classifier.ops.feedback.store import PREDICTIONS, VERDICTS
    from agile_classifier.ops.feedback.verdicts import Verdict

    old, _, _ = desk.serve([0.9] * 3, made=1_000)
    desk.serve([0.9] * 2, made=2_000)
    desk.judge(Verdict(prediction_id=old["prediction_id"], verdict="long"))
    found = OldPredictions(desk.store, before=1_500)
    assert (found.n, found.n_bytes) == (2, 16)
    found.remove()
    assert (desk.store.count(PREDICTIONS), desk.store.count(VERDICTS)) == (3, 1)

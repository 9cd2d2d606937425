"""What looks after the state folder knows its verdicts: backup, restore, prune, doctor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agile_classifier.errors import InputError


@pytest.fixture
def kept(state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two predictions, one of them judged, in the state folder itself; their texts name it."""
    from agile_classifier.ops.feedback.store import open_store
    from agile_classifier.ops.feedback.verdicts import Verdict
    from tests.toys.toy_feedback import Desk

    monkeypatch.delenv("AGILE_FEEDBACK_URL", raising=False)
    with closing(open_store()) as store:
        desk = Desk.of(store, keep_texts=True)
        answer, _ = desk.serve([0.9, 0.1], texts=[f"see {state_folder}/a.txt"] * 2, made=1_000)
        desk.judge(Verdict(prediction_id=answer["prediction_id"], verdict="long", person="mo"))
        yield desk
    for path in state_folder.glob("feedback.db*"):
        path.unlink()


def test_a_backup_holds_them_and_a_restore_changes_no_text(
    kept: Any, state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.feedback.store import open_store
    from agile_classifier.ops.feedback.training_table import read_feedback
    from agile_classifier.ops.upkeep.backup import backup
    from agile_classifier.ops.upkeep.restore import restore

    kept.store.close()
    backup(tmp_path / "a.tar.gz", with_checkpoints=False)
    monkeypatch.setenv("AGILE_HOME", str(tmp_path / "elsewhere"))
    restore(tmp_path / "a.tar.gz", force=False)
    with closing(open_store()) as store:
        assert store.shown == str(tmp_path / "elsewhere" / "feedback.db")
        assert list(read_feedback("feedback://toy", store)["text"]) == [f"see {state_folder}/a.txt"]


def test_a_teams_database_is_backed_up_by_its_own_means(
    state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.upkeep.backup import backup

    monkeypatch.setenv("AGILE_FEEDBACK_URL", "postgresql://me:sentinel-pw@db/x")
    with pytest.raises(InputError, match=r"^AGILE_FEEDBACK_URL postgresql://\*\*\*@db/x: not in the state folder"):
        backup(tmp_path / "a.tar.gz", with_checkpoints=False)


def test_a_prune_removes_old_predictions_without_a_verdict(kept: Any, state_folder: Path) -> None:
    from agile_classifier.ops.feedback.store import PREDICTIONS, VERDICTS
    from agile_classifier.ops.upkeep import prune

    assert list(prune._old_predictions(datetime.fromtimestamp(1_000, UTC))) == []
    (leftover,) = prune._old_predictions(datetime.fromtimestamp(2_000, UTC))
    assert leftover.name == f"1 without a verdict in {state_folder / 'feedback.db'}"
    assert leftover.n_bytes == 8 + len(f"see {state_folder}/a.txt")
    leftover.remove()
    assert (kept.store.count(PREDICTIONS), kept.store.count(VERDICTS)) == (1, 1)


def test_the_doctor_counts_them_and_looks_whether_they_are_whole(
    kept: Any, state_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from agile_classifier.ops.upkeep import doctor

    assert "feedback" in doctor._askable(None)
    exec(doctor.QUESTIONS["feedback"], {})
    assert capsys.readouterr().out.strip() == f"{state_folder / 'feedback.db'}, 1 verdicts, 2 served predictions"
    assert {finding.name: finding.remedy for finding in doctor._databases()}["feedback.db"] is None
    kept.store.close()
    for log in state_folder.glob("feedback.db-*"):  # of which the database could be made again
        log.unlink()
    (state_folder / "feedback.db").write_bytes(b"no database, " * 100)
    damaged = {finding.name: finding.remedy for finding in doctor._databases()}["feedback.db"]
    assert "damaged" in str(damaged)

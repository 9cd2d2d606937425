"""Checkpoints in a remote store: complete or not there, found by the next machine, gone at the end."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.ops.project import root
from agile_classifier.training.checkpoints import FINISHED_FILE, complete_checkpoints
from tests.toys.waiting import LONGEST
from tests.training.test_fine_tuning import assert_equal, labelled

__all__ = ["labelled"]  # a fixture


@pytest.fixture
def store(state_folder: Path, tmp_path: Path) -> Path:
    """The folder behind the toy store; ZenML is imported only now that its state is prepared."""
    from tests.toys import toy_store

    assert toy_store.SCHEME == "shelf://"
    return tmp_path / "store"


class StoreError(Exception):
    """No OSError, as those of stores' libraries are not."""


@contextmanager
def failing_copies(monkeypatch: pytest.MonkeyPatch, *, of: str) -> Iterator[None]:
    """Copies of files of a name fail, with a message that names a secret."""
    from agile_classifier.ops.runs import checkpoint_store as checkpoints

    def copy(source: str, target: str, overwrite: bool = False) -> None:
        if source.endswith(of):
            raise StoreError("no answer to\nhunter22")
        copied(source, target, overwrite=overwrite)

    copied = checkpoints.fileio.copy
    with monkeypatch.context() as patched:
        patched.setenv("STORE_SECRET", "hunter22")
        patched.setattr(checkpoints.fileio, "copy", copy)
        yield


def opened(folder: Path, store: Path) -> Any:
    from agile_classifier.ops.runs.checkpoint_store import StoredCheckpoints

    return StoredCheckpoints(folder, f"shelf://{store}")


def write_checkpoint(folder: Path, step: int, *, best: int) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.safetensors").write_bytes(bytes(step))
    best_folder = str(folder / f"checkpoint-{best}")
    (checkpoint / "trainer_state.json").write_text(json.dumps({"best_model_checkpoint": best_folder}))
    return checkpoint


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_complete_is_stored_once_and_what_was_removed_here_goes_there(store: Path, tmp_path: Path) -> None:
    kept = opened(tmp_path / "here", store)
    first = write_checkpoint(kept.folder, 1, best=1)
    kept.keep()
    assert names(store) == ["checkpoint-1"]
    assert names(store / "checkpoint-1") == ["complete.json", "model.safetensors", "trainer_state.json"]
    written = (store / "checkpoint-1" / "complete.json").read_text()
    write_checkpoint(kept.folder, 2, best=1)
    (kept.folder / "checkpoint-3").mkdir()  # its writing was cut off
    kept.keep()
    assert names(store) == ["checkpoint-1", "checkpoint-2"]
    assert (store / "checkpoint-1" / "complete.json").read_text() == written
    shutil.rmtree(first)
    shutil.rmtree(kept.folder / "checkpoint-2")
    write_checkpoint(kept.folder, 4, best=4)
    kept.keep()
    assert names(store) == ["checkpoint-4"]
    kept.remove()
    assert not store.exists()
    kept.remove()


def test_another_machine_finds_the_newest_complete_checkpoint_and_the_best_one_at_its_own_path(
    store: Path, tmp_path: Path
) -> None:
    from agile_classifier.training.checkpoints import last_complete_checkpoint

    lost, found = opened(tmp_path / "lost", store), opened(tmp_path / "found", store)
    for step in (1, 2, 3):
        write_checkpoint(lost.folder, step, best=1)
        lost.keep()
    (store / "checkpoint-3" / "complete.json").unlink()  # its copying was cut off
    shutil.rmtree(lost.folder)
    found.fetch()
    assert names(found.folder) == ["checkpoint-1", "checkpoint-2"]
    newest = last_complete_checkpoint(found.folder)
    assert newest == str(found.folder / "checkpoint-2")
    state = json.loads((found.folder / "checkpoint-2" / "trainer_state.json").read_text())
    assert state["best_model_checkpoint"] == str(found.folder / "checkpoint-1")


def test_a_checkpoint_that_is_here_already_is_not_fetched_and_one_whose_best_is_lost_is_not_resumed(
    store: Path, tmp_path: Path
) -> None:
    from agile_classifier.training.checkpoints import last_complete_checkpoint

    kept = opened(tmp_path / "here", store)
    here = write_checkpoint(kept.folder, 1, best=1)
    kept.keep()
    (here / "model.safetensors").write_bytes(b"mine")
    kept.fetch()
    assert (here / "model.safetensors").read_bytes() == b"mine"
    write_checkpoint(kept.folder, 2, best=0)
    assert last_complete_checkpoint(kept.folder) == str(here)


def test_a_stored_file_of_another_size_is_refused_by_name(store: Path, tmp_path: Path) -> None:
    kept = opened(tmp_path / "here", store)
    write_checkpoint(kept.folder, 5, best=5)
    kept.keep()
    shutil.rmtree(kept.folder)
    (store / "checkpoint-5" / "model.safetensors").write_bytes(b"123")
    with pytest.raises(RuntimeError, match=r"model\.safetensors has 3 bytes, 5 were stored; remove shelf://"):
        kept.fetch()
    assert not (kept.folder / "checkpoint-5").exists()


def test_a_copy_that_fails_is_told_and_made_with_the_next_checkpoint(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = opened(tmp_path / "here", store)
    write_checkpoint(kept.folder, 1, best=1)
    with failing_copies(monkeypatch, of="trainer_state.json"):
        kept.keep()
    assert capsys.readouterr().err == (
        f"warning: checkpoints could not be copied to shelf://{store}; the next one tries again: StoreError: no answer to ***\n"
    )
    assert names(store / "checkpoint-1") == ["model.safetensors"]
    write_checkpoint(kept.folder, 2, best=1)
    kept.keep()
    assert names(store / "checkpoint-1") == names(store / "checkpoint-2")
    assert capsys.readouterr().err == ""


def test_a_fetch_that_fails_ends_the_try_and_leaves_nothing_that_the_next_one_could_take(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.training.checkpoints import last_complete_checkpoint

    lost, found = opened(tmp_path / "lost", store), opened(tmp_path / "found", store)
    write_checkpoint(lost.folder, 1, best=1)
    lost.keep()
    for cut_off in ("trainer_state.json", "model.safetensors"):
        with (
            failing_copies(monkeypatch, of=cut_off),
            pytest.raises(
                RuntimeError, match=r"checkpoints in shelf://.* cannot be fetched: StoreError: no answer to \*\*\*"
            ),
        ):
            found.fetch()
        assert last_complete_checkpoint(found.folder) is None
    found.fetch()
    assert names(found.folder) == ["checkpoint-1"]


def test_a_marker_whose_writing_was_cut_off_is_none(store: Path, tmp_path: Path) -> None:
    kept = opened(tmp_path / "here", store)
    write_checkpoint(kept.folder, 1, best=1)
    kept.keep()
    marker = store / "checkpoint-1" / "complete.json"
    whole = marker.read_text()
    marker.write_text(whole[:20])
    opened(tmp_path / "there", store).fetch()
    assert not (tmp_path / "there").exists()
    kept.keep()
    assert json.loads(marker.read_text())["files"] == json.loads(whole)["files"]


def test_a_store_that_is_a_folder_keeps_checkpoints_where_they_are(state_folder: Path) -> None:
    from agile_classifier.ops.runs.checkpoint_store import LocalCheckpoints, list_stored, open_checkpoints
    from agile_classifier.ops.state.home import checkpoints

    assert open_checkpoints("abc") == LocalCheckpoints(checkpoints() / "abc")
    assert list(list_stored()) == []


def test_trainings_in_a_remote_store_are_listed_with_their_age_and_size(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.runs import checkpoint_store as checkpoints

    monkeypatch.setattr(checkpoints, "_store", lambda: f"shelf://{store}")
    assert list(checkpoints.list_stored()) == []
    monkeypatch.setattr(checkpoints.state, "checkpoints", lambda: tmp_path / "here")
    kept = checkpoints.open_checkpoints("abc")
    write_checkpoint(kept.folder, 5, best=5)
    kept.keep()
    (store / "cut" / "checkpoint-1").mkdir(parents=True)
    known, cut = checkpoints.list_stored()
    assert (known.key, known.address) == ("abc", f"shelf://{store}/abc")
    assert known.n_bytes == 5 + (kept.folder / "checkpoint-5" / "trainer_state.json").stat().st_size
    assert known.written is not None
    assert (cut.key, cut.written, cut.n_bytes) == ("cut", None, 0)
    checkpoints.remove_stored(cut.address)
    assert [stored.key for stored in checkpoints.list_stored()] == ["abc"]


@pytest.mark.slow
@pytest.mark.parametrize("n_devices", [1, 2])
def test_a_training_killed_on_a_machine_that_is_lost_goes_on_from_the_store_to_the_tensors_of_an_unbroken_one(
    tiny_model: Path, labelled: pd.DataFrame, store: Path, tmp_path: Path, n_devices: int
) -> None:
    from tests.toys.toy_store import train

    data, lost = tmp_path / "labelled.parquet", tmp_path / "lost"
    labelled.to_parquet(data)
    command = ["-m", "tests.toys.toy_store", tiny_model, data, lost, f"shelf://{store}", n_devices]
    with subprocess.Popen(
        [sys.executable, *map(str, command)], cwd=root(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "third\n"
        process.send_signal(signal.SIGKILL)
        assert process.wait(LONGEST) == -signal.SIGKILL
    assert (lost / "checkpoints" / "checkpoint-30").is_dir()
    shutil.rmtree(lost)
    assert "checkpoint-20" in names(store)
    assert "checkpoint-30" not in names(store)
    told: list[float] = []
    broken = opened(tmp_path / "broken" / "checkpoints", store)
    unbroken = opened(tmp_path / "unbroken" / "checkpoints", tmp_path / "another store")
    adapters = [
        train(tiny_model, labelled, tmp_path / name, kept, n_devices=n_devices, on_epoch=lambda row: told.append(row["epoch"]))
        for name, kept in (("broken", broken), ("unbroken", unbroken))
    ]  # fmt: skip
    assert_equal(*adapters)
    assert told == [3, 4, 1, 2, 3, 4]
    assert not store.exists()


def test_checkpoints_and_finished_members_of_an_ensemble_are_kept_and_fetched_too(store: Path, tmp_path: Path) -> None:
    kept = opened(tmp_path / "here", store)
    write_checkpoint(kept.folder / "member-1", 4, best=4)
    kept.keep()
    assert [path.name for path in store.iterdir()] == ["member-1--checkpoint-4"]
    finished = kept.folder / "member-1" / FINISHED_FILE
    finished.parent.mkdir()
    finished.write_bytes(b"an adapter")
    shutil.rmtree(kept.folder / "member-1" / "checkpoint-4")
    write_checkpoint(kept.folder / "member-2", 2, best=2)
    kept.keep()
    assert sorted(path.name for path in store.iterdir()) == ["member-1--finished", "member-2--checkpoint-2"]
    opened(tmp_path / "there", store).fetch()
    assert (tmp_path / "there" / "member-1" / FINISHED_FILE).read_bytes() == b"an adapter"
    assert [path.name for path in complete_checkpoints(tmp_path / "there" / "member-2")] == ["checkpoint-2"]

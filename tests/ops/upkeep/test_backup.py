"""Backups: made while a run writes, refused where they are unsafe, whole in another folder; and folders of other versions."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sqlite3
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.errors import InputError
from agile_classifier.ops.project import root
from agile_classifier.ops.runs.failures import explain
from agile_classifier.ops.state import version as state_version
from agile_classifier.ops.state.databases import DATABASES, copy_database, list_unfinished_runs
from agile_classifier.ops.upkeep import backup as backups
from agile_classifier.ops.upkeep import restore as restoring
from tests.toys.toy_config import make_sections, write_config
from tests.toys.waiting import until

AGILE = """
from agile_classifier.ops.promotion import gate as promotion
promotion.FIRST_COMPARATORS = ("majority",)  # on a toy's few words TF-IDF is hard to beat
promotion._other_baselines = lambda evidence: {}
from agile_classifier.cli.app import main
main()
"""
BETWEEN_BACKUPS = 1.0
"""Seconds, so that not the whole run is copied without end."""
Members = dict[str, bytes]
pytestmark = pytest.mark.usefixtures("warm_module")


def environment(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "AGILE_HOME": str(home), "COLUMNS": "200", "ZENML_CUSTOM_SOURCE_ROOT": str(root())}


def agile(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", AGILE, *words], cwd=root(), env=environment(home), capture_output=True, text=True, check=False
    )  # fmt: skip


def packed(path: Path, members: Members, **fields: Any) -> Path:
    """An archive as a backup writes it, of these files; fields replace those of its manifest."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    manifest = {"home": "/old/home", "versions": state_version.present(), "files": digests, **fields}
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {
            **{f"state/{name}": content for name, content in members.items()},
            "manifest.json": json.dumps(manifest).encode(),
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGILE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def refusal(file: Path, *, force: bool = False) -> str:
    with pytest.raises(InputError) as refused:
        restoring.restore(file, force=force)
    return str(refused.value)


def test_a_folder_that_is_in_use_is_moved_aside_only_by_force(home: Path, tmp_path: Path) -> None:
    file = packed(tmp_path / "a.tar.gz", {"reports/a.html": b"new"})
    home.mkdir()
    (home / "mine").write_text("old")
    (home / "schedules").mkdir()
    (home / "schedules" / "applied.json").write_text("{}")
    assert "not empty; --force moves it aside" in refusal(file)
    restored = restoring.restore(file, force=True)
    assert (home / "reports" / "a.html").read_bytes() == b"new"
    assert not (home / "mine").exists()
    assert (home / "schedules" / "applied.json").exists(), "the machine's crontab still names them"
    assert restored.moved_aside is not None
    assert (restored.moved_aside / "mine").read_text() == "old"


@pytest.mark.parametrize("name", ["state/../../escaped", "/state/escaped", "elsewhere/file"])
def test_a_name_that_leads_elsewhere_is_refused(home: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "a.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert name in refusal(file)
    assert sorted(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_a_link_or_a_device_is_refused(home: Path, tmp_path: Path, kind: bytes) -> None:
    file, member = tmp_path / "a.tar.gz", tarfile.TarInfo("state/link")
    member.type, member.linkname = kind, "/etc/passwd"
    with tarfile.open(file, "w:gz") as archive:
        archive.addfile(member)
    assert "a backup holds plain files alone" in refusal(file)
    assert not home.exists()


def test_a_wrong_digest_a_missing_file_and_a_cut_archive_are_refused_and_nothing_is_moved(
    home: Path, tmp_path: Path
) -> None:
    home.mkdir()
    (home / "mine").write_text("old")
    files = {"a": b"1"}
    assert "a has another SHA-256" in refusal(packed(tmp_path / "1.tar.gz", files, files={"a": "0" * 64}), force=True)
    lacking = packed(tmp_path / "2.tar.gz", {}, files={"a": "0" * 64})
    assert "a is missing" in refusal(lacking, force=True)
    whole = packed(tmp_path / "3.tar.gz", {"a": os.urandom(100_000)}).read_bytes()
    (tmp_path / "4.tar.gz").write_bytes(whole[: len(whole) // 2])
    assert "not a whole archive" in refusal(tmp_path / "4.tar.gz", force=True)
    (tmp_path / "5.tar.gz").write_text("no archive")
    assert "not a whole archive" in refusal(tmp_path / "5.tar.gz", force=True)
    assert "no such file" in refusal(tmp_path / "6.tar.gz", force=True)
    assert (home / "mine").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(("home-", ".home"))] == []


@pytest.mark.parametrize(
    ("versions", "said"),
    [({"state": "99"}, "state version 99, this one knows"), ({"mlflow": "99.1"}, "pip install 'mlflow>=99.1'")],
)
def test_what_a_newer_project_wrote_is_refused(home: Path, tmp_path: Path, versions: dict[str, str], said: str) -> None:
    assert said in refusal(packed(tmp_path / "a.tar.gz", {}, versions=versions))
    home.mkdir()
    (home / "ready").write_text(json.dumps(versions))
    done = agile(home, "prune", "--dry-run")
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_paths_below_the_old_folder_are_moved_and_no_others(home: Path, tmp_path: Path) -> None:
    database = tmp_path / "made.db"
    texts = ["file:///old/home/a", "sqlite:////old/home/b", "/old/home", "/old/home-2/c", "/x/old/home/d", "/old/homes"]
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE t (place TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [(text,) for text in texts])
    restoring.restore(packed(tmp_path / "a.tar.gz", {"mlflow.db": database.read_bytes()}), force=False)
    with closing(sqlite3.connect(home / "mlflow.db")) as connection:
        found = [text for (text,) in connection.execute("SELECT place FROM t ORDER BY rowid")]
    assert found == [f"file://{home}/a", f"sqlite:///{home}/b", str(home), *texts[3:]]


def test_a_locked_database_is_one_line_that_names_it(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    database = home / "mlflow.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("CREATE TABLE t (a)")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InputError, match=f"locked: {database}"):
            copy_database(database, tmp_path / "copy.db", longest_wait=0.5)
        with closing(sqlite3.connect(database, timeout=0)) as other, pytest.raises(sqlite3.OperationalError) as locked:
            other.execute("INSERT INTO t VALUES (1)")
        failure = explain(locked.value)
    assert failure.exit_code == 2
    assert not failure.is_defect
    assert str(database) in failure.line
    assert "wait until its run ends" in failure.line


def test_a_copy_holds_whole_transactions_while_another_process_writes(tmp_path: Path) -> None:
    source = tmp_path / "a.db"
    with closing(sqlite3.connect(source)) as made:
        made.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (a); CREATE TABLE u (a);")
    writing = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for n in range(10**9):\n c.execute('BEGIN'); c.execute('INSERT INTO t VALUES (1)'); c.execute('INSERT INTO u VALUES (1)'); c.execute('COMMIT')"
    )
    writer = subprocess.Popen([sys.executable, "-c", writing, str(source)])
    try:
        counts = []
        while len(counts) < 5 or counts[0] == counts[-1]:
            copy_database(source, tmp_path / "copy.db")
            with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
                (t,), (u,) = (copy.execute(f"SELECT count(*) FROM {table}").fetchone() for table in "tu")
            assert t == u
            counts.append(t)
    finally:
        writer.kill()
        writer.wait()


@pytest.mark.parametrize(
    ("name", "said"),
    [("a.zip", "ends in .tar.gz"), ("none/a.tar.gz", "no folder"), ("home/a.tar.gz", "lies in the state folder")],
)
def test_a_target_that_cannot_hold_a_backup_is_refused(home: Path, tmp_path: Path, name: str, said: str) -> None:
    home.mkdir()
    with pytest.raises(InputError, match=said):
        backups.backup(tmp_path / name, with_checkpoints=False)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_examples: pd.DataFrame) -> Path:
    folder = tmp_path_factory.mktemp("config")
    tiny_examples.to_csv(folder / "examples.csv", index=False)
    return write_config(folder / "run.yaml", make_sections(folder / "examples.csv", tiny_model, name="kept"))


@pytest.fixture(scope="module")
def trained(
    new_home: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory, config: Path
) -> tuple[Path, list[Path]]:
    """A state folder that a run has written to, and the backups that were made meanwhile."""
    folder = tmp_path_factory.mktemp("trained")
    home = new_home(folder / "home")
    made: list[Path] = []
    run = subprocess.Popen(
        [sys.executable, "-c", AGILE, "train", str(config)],
        cwd=root(), env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    patch = pytest.MonkeyPatch()
    patch.setenv("AGILE_HOME", str(home))
    patch.setattr(backups, "_require_embedded", lambda _: None)  # asks ZenML of this process; it has a test below
    until(lambda: run.poll() is not None or (home / "alive").exists(), "the run does not begin")
    while run.poll() is None:
        made.append(folder / f"{len(made)}.tar.gz")
        backups.backup(made[-1], with_checkpoints=False)
        time.sleep(BETWEEN_BACKUPS)
    patch.undo()
    said = run.communicate()[0]
    assert run.returncode == 0, said
    return home, made


@pytest.mark.slow
def test_backups_made_while_a_run_writes_are_whole_and_hold_every_file_that_their_databases_name(
    trained: tuple[Path, list[Path]], home: Path
) -> None:
    _, made = trained
    n_artifacts = 0
    for file in made[-8:]:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        restoring.restore(file, force=True)
        for name in DATABASES:
            with closing(sqlite3.connect(home / name)) as database:
                assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        with closing(sqlite3.connect(home / DATABASES[1])) as database:
            for (uri,) in database.execute("SELECT uri FROM artifact_version"):
                assert uri.startswith(f"{home}/")
                assert Path(uri).is_dir()
                n_artifacts += 1
    assert n_artifacts, "no backup was made while the run had written any"


@pytest.mark.slow
def test_a_run_that_was_going_on_when_a_backup_was_made_is_restored_as_ended(
    trained: tuple[Path, list[Path]], home: Path
) -> None:
    _, made = trained
    for file in reversed(made):
        restoring.restore(file, force=True)
        if list_unfinished_runs(home):
            break
    assert list_unfinished_runs(home), "no backup was made while the run was going on"
    done = agile(home, "prune", "--days", "1")
    assert done.returncode == 0, done.stderr
    assert list_unfinished_runs(home) == []
    assert list((home / "alive").iterdir()) == []


@pytest.mark.slow
def test_the_champion_scores_the_same_from_a_restored_folder_elsewhere(
    trained: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    first, _ = trained
    before = agile(first, "score", "a lovely day", "the awful song")
    assert before.returncode == 0, before.stderr
    file, second, hidden = tmp_path / "last.tar.gz", tmp_path / "moved home", first.with_name("hidden")
    assert agile(first, "backup", str(file)).returncode == 0
    restored = agile(second, "restore", str(file))
    assert restored.returncode == 0, restored.stderr
    first.rename(hidden)
    try:
        after = agile(second, "score", "a lovely day", "the awful song")
        checked = agile(second, "prune", "--dry-run")
    finally:
        hidden.rename(first)
    assert after.returncode == 0, after.stderr
    assert after.stdout == before.stdout
    assert checked.returncode == 0, checked.stderr


@pytest.mark.slow
def test_a_folder_from_before_versions_were_written_is_brought_up_to_date(trained: tuple[Path, list[Path]]) -> None:
    home, _ = trained
    (home / "ready").write_text("")
    done = agile(home, "score", "a lovely day")
    assert done.returncode == 0, done.stderr
    assert "bringing the state folder" in done.stderr
    assert state_version.read_versions(home) == state_version.present()


@pytest.mark.slow
def test_with_a_teams_servers_a_backup_says_that_they_have_their_own(
    trained: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    home, _ = trained
    servers = {**environment(home), "MLFLOW_TRACKING_URI": "https://a:sentinel-word@mlflow.example"}
    done = subprocess.run(
        [sys.executable, "-m", "agile_classifier", "backup", str(tmp_path / "a.tar.gz")],
        cwd=root(), env=servers, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "by their own means" in done.stderr
    assert "sentinel-word" not in done.stderr
    assert list(tmp_path.iterdir()) == []

"""Damaged state folders: whichever command meets one says in one line which file is damaged and how to go on.

Real commands in this process; each is refused before a library is imported, and changes nothing.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.main import get_command

from agile_classifier.cli import app as cli
from agile_classifier.ops.project import configs
from agile_classifier.ops.state.databases import MLFLOW, ZENML

Damage = Callable[[Path], None]
BACKUP = "agile restore FILE"
STUDY = str(configs() / "studies" / "ethos.yaml")
COMMANDS = {
    "train": ["train", "run.yaml"],
    "tune": ["tune", "run.yaml"],
    "study": ["study", STUDY],
    "compile": ["compile", "run.yaml", "--output", "pipeline.yaml"],
    "stack": ["stack", "local"],
    "deploy": ["deploy", "--port", "0"],
    "data": ["data", "diff", "training-1", "training-2"],
    "queue": ["queue", "--pool", "pool.csv", "--output", "to_label.csv"],
    "promote": ["promote", "1"],
    "check": ["check", "checks/quickstart.yaml"],
    "rollback": ["rollback"],
    "history": ["history"],
    "approve": ["approve", "promotion-1"],
    "reject": ["reject", "promotion-1"],
    "shadow": ["shadow"],
    "monitor": ["monitor", "pool.csv"],
    "feedback": ["feedback", "verdicts.csv"],
    "score": ["score", "a text"],
    "explain": ["explain", "a text"],
    "serve": ["serve", "--port", "0"],
    "sign": ["sign", "--key", "signing.pem"],
    "export": ["export", "--output", "exported"],
    "schedule": ["schedule", "list"],
    "schedule apply": ["schedule", "apply"],
    "schedule remove": ["schedule", "remove", "nightly"],
    "schedule run": ["schedule", "run", "nightly"],
    "ui": ["ui"],
    "notify": ["notify", "a sentence"],
    "backup": ["backup", "agile.tar.gz"],
    "prune": ["prune", "--dry-run"],
    "doctor": ["doctor"],
}
WITHOUT_STATE = {"new", "init", "configs", "restore", "adopt", "bench", "label"}
"""Commands that use no state folder, mend one, or first ask for Label Studio's address."""
WITHOUT_DATABASES = {"tune", "compile", "schedule run"}
"""Commands that ask neither ZenML nor MLflow for anything."""


def header(name: str) -> Damage:
    return lambda home: (home / name).write_bytes(bytes(16) + (home / name).read_bytes()[16:])


def cut(name: str) -> Damage:
    return lambda home: (home / name).write_bytes((home / name).read_bytes()[: 3 * 4096 + 100])


def emptied(name: str) -> Damage:
    return lambda home: (home / name).write_bytes(b"")


def gone(name: str) -> Damage:
    return lambda home: (home / name).unlink()


def text(name: str) -> Damage:
    return lambda home: (home / name).write_text("no database at all\n" * 500)


def foreign(name: str) -> Damage:
    def put(home: Path) -> None:
        (home / name).unlink()
        with closing(sqlite3.connect(home / name)) as database, database:
            database.execute("CREATE TABLE alembic_version (version_num TEXT)")
            database.execute("CREATE TABLE songs (title TEXT)")

    return put


def swapped(home: Path) -> None:
    shutil.copy(home / ZENML, home / MLFLOW)


def settings(content: str) -> Damage:
    def write(home: Path) -> None:
        (home / "zenml" / "config.yaml").write_text(content)

    return write


def record(content: str) -> Damage:
    def write(home: Path) -> None:
        (home / "ready").write_text(content)

    return write


def moved(home: Path) -> None:
    (home / "ready").write_text(json.dumps({**json.loads((home / "ready").read_text()), "home": "/somewhere/else"}))


IN_DATABASES: dict[str, tuple[Damage, str, str]] = {
    f"{what} {name.rpartition('/')[2]}": (make(name), name, said)
    for name in (MLFLOW, ZENML)
    for what, make, said in (
        ("damaged header of", header, "damaged (file is not a database)"),
        ("cut off", cut, "damaged (database disk image is malformed)"),
        ("empty", emptied, "is empty"),
        ("gone", gone, "is gone"),
        ("text in place of", text, "damaged (file is not a database)"),
        ("another program's", foreign, "is another program's database"),
    )
} | {"ZenML's database as mlflow.db": (swapped, MLFLOW, "is another program's database, not MLflow's")}
IN_FOLDER: dict[str, tuple[Damage, str, str]] = {
    "moved": (moved, "", "was moved or copied from /somewhere/else"),
    "settings that are no YAML": (settings("store: [a\n"), "zenml/config.yaml", "damaged: "),
    "settings of another kind": (settings("- a\n"), "zenml/config.yaml", "damaged: "),
    "a record that is no JSON": (record('{"state": '), "", "the file `ready` is damaged"),
    "a record of another kind": (record("[1]"), "", "the file `ready` is damaged"),
    "a newer project": (record('{"state": "99"}'), "", "written by a newer agile-classifier"),
}
DAMAGES = {**IN_DATABASES, **IN_FOLDER}
EVERY_COMMAND_MEETS = ("cut off mlflow.db", "gone zenml.db", "moved", "settings that are no YAML")
EVERY_DAMAGE_IS_MET_BY = ("train", "score", "doctor")
PAIRS = [
    (command, damage)
    for command in COMMANDS
    for damage in DAMAGES
    if (command in EVERY_DAMAGE_IS_MET_BY or damage in EVERY_COMMAND_MEETS)
    and not (damage in IN_DATABASES and command in WITHOUT_DATABASES)
]
"""The whole table has 447 cells, and takes half a minute of a CPU."""


@pytest.fixture(scope="module")
def damaged(new_home: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A state folder with a damage, made once for all commands."""
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in made:
            made[name] = new_home(tmp_path_factory.mktemp("damaged") / "home")
            DAMAGES[name][0](made[name])
        return made[name]

    return make


def stamps(home: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of the last change of every file."""
    files = [path for path in home.rglob("*") if path.is_file() and path.name != "prepare.lock"]
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, tiny_examples: pd.DataFrame) -> Path:
    """A folder with a config and texts."""
    folder = tmp_path_factory.mktemp("desk")
    tiny_examples.to_csv(folder / "pool.csv", index=False)
    sections = {
        "data": {"source": str(folder / "pool.csv"), "columns": {"text": "text", "score": "score"}},
        "model": {"source": str(folder)},
        "registry": {"model_name": "mended"},
    }
    (folder / "run.yaml").write_text(yaml.safe_dump({"parameters": sections}))
    return folder


def test_every_command_is_in_the_table() -> None:
    commands = set(get_command(cli.app).commands)  # type: ignore[attr-defined]
    assert {name.partition(" ")[0] for name in COMMANDS} | WITHOUT_STATE == commands


@pytest.mark.parametrize(("command", "damage"), PAIRS)
def test_a_command_names_what_is_damaged_and_how_to_go_on(
    command: str,
    damage: str,
    damaged: Callable[[str], Path],
    desk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home, (_, file, said) = damaged(damage), DAMAGES[damage]
    for name in ("ZENML_CONFIG_PATH", "ZENML_STORE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AGILE_HOME", str(home))
    monkeypatch.chdir(desk)
    monkeypatch.setattr(sys, "argv", ["agile", *COMMANDS[command]])
    if command == "doctor":
        monkeypatch.setattr("agile_classifier.ops.upkeep.doctor.QUESTIONS", {})
    before = stamps(home)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    told = printed.out if command == "doctor" else printed.err
    assert ended.value.code == 2, told
    assert str(home / file) in told
    assert said in told
    assert any(way in told for way in (BACKUP, "agile adopt", "upgrade agile-classifier")), told
    if command != "doctor":
        assert told.startswith("agile: error: ")
        assert told.count("\n") == 1, told
    assert stamps(home) == before

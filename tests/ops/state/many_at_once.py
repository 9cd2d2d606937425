"""Many trainings at once on a fresh state folder, with a tick, a launcher, prunes and backups beside them.

    python -m tests.ops.state.many_at_once --trainings 8

trains a toy that often at the same time, each with another seed, as real commands, and prints how it went: whether all
ended well, how many versions there are, what sqlite finds in the databases, how much memory each took beyond torch.
Exit code 1: something did not hold.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agile_classifier.ops.project import root
from agile_classifier.ops.state.databases import DATABASES, MLFLOW
from tests.toys.toy_config import make_sections, write_config

NAME = "crowd"
MOST_BYTES = 1_000_000_000
"""Memory that a training may take beyond torch, in bytes."""
BESIDE = (["schedule", "tick"], ["prune", "--days", "1"], ["backup", "{backup}"])
"""Commands that are run beside the trainings, one after the other, again and again."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    words: Sequence[str]
    exit_code: int
    n_bytes: int
    """Largest resident memory of its process."""
    said: str


@dataclass
class Figures:
    """What came out of many trainings at once."""

    trainings: list[Done]
    beside: list[Done]
    n_versions: int
    checks: dict[str, str]
    """Database, of the state folder and of the last backup → what `PRAGMA integrity_check` says."""
    torch_bytes: int
    seconds: float
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.complaints += [
            f"{' '.join(done.words)}: exit code {done.exit_code}\n{done.said}"
            for done in (*self.trainings, *self.beside)
            if done.exit_code
        ]
        if self.n_versions != len(self.trainings):
            self.complaints.append(f"{self.n_versions} versions of {len(self.trainings)} trainings")
        self.complaints += [f"{name}: {said}" for name, said in self.checks.items() if said != "ok"]
        self.complaints += [
            f"{' '.join(done.words)}: {done.n_bytes / 1e6:,.0f} MB"
            for done in self.trainings
            if done.n_bytes - self.torch_bytes > MOST_BYTES
        ]

    def in_words(self) -> str:
        """The figures, a line each."""
        beyond = [(done.n_bytes - self.torch_bytes) / 1e6 for done in self.trainings]
        kinds = Counter(done.words[0] for done in self.beside)
        return "\n".join(
            [
                f"trainings: {sum(not done.exit_code for done in self.trainings)} of {len(self.trainings)} ended well"
                f" in {self.seconds:.0f} s; {self.n_versions} versions",
                f"memory beyond torch's {self.torch_bytes / 1e6:,.0f} MB: {min(beyond):,.0f} to {max(beyond):,.0f} MB each",
                f"beside them: {', '.join(f'agile {kind} {number} times' for kind, number in kinds.items())}",
                *(f"integrity_check of {name}: {said}" for name, said in self.checks.items()),
                *(f"WRONG: {complaint}" for complaint in self.complaints),
            ]
        )


def train_at_once(
    folder: Path, *, trainings: int, model: Path, examples: Path, python: str = sys.executable
) -> Figures:
    """Train a toy that often at the same time, in a state folder below `folder` that is not there yet.

    Parameters
    ----------
    model : Path
        Folder of a tiny base model.
    examples : Path
        CSV with the columns `id`, `text` and `score`.
    python : str
        What starts the commands; its import of torch is measured too.
    """
    desk = _Desk(folder, python)
    desk.write_config(model, examples)
    began = datetime.now(UTC)
    launcher = desk.start("deploy", "--port", "0")
    with ThreadPoolExecutor(trainings + 1) as threads:
        trained = [
            threads.submit(desk.run, "train", "run.yaml", "--set", f"fine_tune.seed={n}") for n in range(trainings)
        ]
        beside = threads.submit(_run_beside, desk, trained)
        done = [future.result() for future in trained]
        seconds = (datetime.now(UTC) - began).total_seconds()
        others = beside.result()
    is_up = launcher.poll() is None
    launcher.terminate()
    said = launcher.communicate()[0]
    others.append(Done(["deploy"], 0 if is_up else 1, 0, said))
    with closing(sqlite3.connect(desk.home / MLFLOW)) as database:
        (n_versions,) = database.execute("SELECT count(*) FROM model_versions WHERE name = ?", (NAME,)).fetchone()
    torch = desk.wait(subprocess.Popen([python, "-c", "import torch"], stdout=subprocess.PIPE, text=True), ["torch"])
    return Figures(done, others, n_versions, _check(desk), torch.n_bytes, seconds)


@dataclass(frozen=True)
class _Desk:
    """Where commands are run: a folder with a config, and the environment that names the state folder."""

    folder: Path
    python: str

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def backup(self) -> Path:
        return self.folder / "backup.tar.gz"

    def write_config(self, model: Path, examples: Path) -> None:
        write_config(self.folder / "run.yaml", make_sections(examples, model, name=NAME, epochs=2))

    def start(self, *words: str) -> subprocess.Popen[str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "AGILE_MIRROR") if name in os.environ}
        environment = {**kept, "AGILE_HOME": str(self.home), "AGILE_PROJECT": str(root()), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [self.python, "-m", "agile_classifier", *words],
            cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(self, *words: str) -> Done:
        return self.wait(self.start(*words), words)

    def wait(self, process: subprocess.Popen[str], words: Sequence[str]) -> Done:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return Done(words, process.returncode, used.ru_maxrss * 1024, said)


def _run_beside(desk: _Desk, trained: Sequence[Future[Done]]) -> list[Done]:
    """Run the other commands until all trainings are over, and each at least once."""
    done: list[Done] = []
    while len(done) < len(BESIDE) or not all(future.done() for future in trained):
        words = BESIDE[len(done) % len(BESIDE)]
        done.append(desk.run(*(word.format(backup=desk.backup) for word in words)))
    return done


def _check(desk: _Desk) -> dict[str, str]:
    unpacked = desk.folder / "unpacked"
    with tarfile.open(desk.backup) as archive:
        archive.extractall(unpacked, filter="data")
    places: dict[str, Path] = {name: desk.home / name for name in DATABASES}
    places |= {f"{name} in the last backup": unpacked / "state" / name for name in DATABASES}
    found: dict[str, str] = {}
    for name, path in places.items():
        with closing(sqlite3.connect(path)) as database:
            found[name] = "; ".join(said for (said,) in database.execute("PRAGMA integrity_check"))
    return found


def _make_toys(folder: Path) -> dict[str, Any]:
    """Write the toy model and examples of the tests, in a process whose memory is not measured."""
    code = (
        "import sys; from pathlib import Path; from tests import conftest\n"
        "class Folder:\n    def mktemp(self, name): return Path(sys.argv[1])\n"
        "conftest.tiny_model.__wrapped__(Folder())\n"
        "conftest.tiny_examples.__wrapped__().to_csv(Path(sys.argv[1]) / 'examples.csv', index=False)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, cwd=root())
    return {"model": folder, "examples": folder / "examples.csv"}


def main() -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trainings", type=int, default=8, help="number of trainings at once")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        toys, desk = Path(scratch) / "toys", Path(scratch) / "desk"
        toys.mkdir()
        desk.mkdir()
        figures = train_at_once(desk, trainings=wanted.trainings, **_make_toys(toys))
    print(figures.in_words())
    return int(bool(figures.complaints))


if __name__ == "__main__":
    sys.exit(main())

"""Project: where pipelines, steps and configs lie, and which code they are. The one module that knows.

The package `agile_classifier` is a library; `pipelines/`, `steps/` and `configs/` are a project, for ZenML finds a step
by its file. The package runs the project that the working directory lies in; where that is none, its own checkout, or
the copy that its wheel carries.

    python -m agile_classifier.ops.project

prints the digest of the code, which an image of the steps is labelled with.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

from agile_classifier.environment import PROJECT, project_folder
from agile_classifier.errors import InputError, nearest

PACKAGE = Path(__file__).resolve().parents[1]
"""Folder of the package `agile_classifier`."""
CARRIED = PACKAGE / "_project"
"""Copy of the project that a wheel carries; a checkout has none."""
FOLDERS = ("pipelines", "steps", "configs")
"""What makes a folder a project."""
LOCK = "constraints.txt"
"""File of the project that holds the versions of every package."""
COMMAND = (sys.executable, "-m", "agile_classifier")
"""How a process of its own runs a command of `agile`."""
README = """# A project of agile text classifiers

    agile train configs/quickstart.yaml       # train, evaluate, register, promote
    agile score "what a lovely day"

| folder | what it holds |
| --- | --- |
| `configs/` | runs, a YAML each; beside them stacks, schedules, studies and expectation suites |
| `steps/` | what a run does, a verb a file |
| `pipelines/` | in which order |

All of it is yours to change. `agile init FILE` writes a config for texts of your own, `agile --help` lists every
command. Commands work on this project in its folder and below; elsewhere set `AGILE_PROJECT` to it.
"""
"""README.md of a project that `agile new` makes."""


@dataclass(frozen=True)
class Project:
    """The project that this process works on."""

    root: Path
    where: str
    """How it was found, for a reader; empty where the user said it, by `AGILE_PROJECT` or the working directory."""


@cache
def find() -> Project:
    """The project of this process, found once.

    Raises
    ------
    InputError
        `AGILE_PROJECT` names no project, or there is none at all.
    """
    named = project_folder()
    if named is not None:
        if not is_project(named):
            raise InputError(f"{PROJECT} {named}: is no project, which holds the folders {', '.join(FOLDERS)}")
        return Project(named.resolve(), "")
    here = Path.cwd()
    above = next(filter(is_project, (here, *here.parents)), None)
    return Project(above, "") if above else Project(*_own())


def root() -> Path:
    """The project's folder, ZenML's source root."""
    return find().root


def configs() -> Path:
    """The project's folder of run configurations, stacks, schedules, studies and suites."""
    return root() / "configs"


def results_page() -> Path:
    """The page of the studies that come with the project, which a checkout has."""
    return root() / "docs" / "results.md"


def study_results() -> Path:
    """Folder of the finished cells of these studies, a Parquet file a study, which a checkout has."""
    return root() / "benchmarks" / "results"


def lock() -> Path:
    """The file that holds the versions of every package: the project's, else that which came with the package."""
    own = root() / LOCK
    return own if own.is_file() else _own()[0] / LOCK


def is_project(folder: Path) -> bool:
    """Whether a folder holds pipelines, steps and configs."""
    return all((folder / name).is_dir() for name in FOLDERS)


def holds(file: Path) -> bool:
    """Whether a file is code of the package or of the project."""
    try:
        folders = [PACKAGE, *(root() / name for name in FOLDERS)]
    except InputError:  # that is what is being told of
        folders = [PACKAGE]
    return any(map(file.is_relative_to, folders))


def load_pipeline(name: str) -> Any:
    """A pipeline of the project by its name, `training`: the call of `zenml pipeline run pipelines.training.training`.

    Outside a project a line on standard error says which one is run.
    """
    from zenml.utils import source_utils

    _say_where()
    source_utils.set_custom_source_root(str(root()))
    return source_utils.load(f"pipelines.{name}.{name}")


def is_shipped(study: Path) -> bool:
    """Whether a study's file is one of the checkout's own, whose results lie there too."""
    return study.resolve().parent == configs() / "studies" and study_results().is_dir()


def list_pipelines() -> set[str]:
    """Names of the project's pipelines."""
    return {path.stem for path in (root() / "pipelines").glob("[!_]*.py")}


def module_command(module: str, *, python: str | None = None) -> tuple[str, ...]:
    """How a process of its own, here or in a pod, runs a module of the package: by this Python, where none is named."""
    return (python or sys.executable, "-m", module)


def lay_down(folder: Path) -> Path:
    """Copy the project that came with the package into a new or empty folder; returns its absolute path.

    Raises
    ------
    InputError
        The folder is not empty, is no folder, or cannot be written.
    """
    target, (source, _) = folder.expanduser().absolute(), _own()
    try:
        if target.exists() and any(target.iterdir()):
            raise InputError(f"{folder}: is not empty; name a new folder, or an empty one")
        target.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=target, prefix=".unfinished-")
    except (NotADirectoryError, FileExistsError):
        raise InputError(f"{folder}: is a file; name a folder") from None
    except PermissionError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from None
    with scratch as draft:
        for name in FOLDERS:
            shutil.copytree(source / name, Path(draft, name), ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(source / LOCK, Path(draft, LOCK))
        Path(draft, "README.md").write_text(README, encoding="utf-8")
        for path in list(Path(draft).iterdir()):
            path.rename(target / path.name)
    return target


def run_benchmark(name: str, arguments: Sequence[str]) -> int:
    """Run a benchmark of the checkout in a process of its own; returns its exit code.

    Raises
    ------
    InputError
        The package lies in no checkout.
    """
    checkout = PACKAGE.parent
    if not (checkout / "benchmarks" / f"{name}.py").is_file():
        raise InputError(f"bench {name}: benchmarks are not installed; run it with the package of a checkout")
    path = os.pathsep.join([str(checkout), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False).returncode


def version() -> str:
    """Version of the installed package; `not installed` where it is run from a folder."""
    try:
        return importlib.metadata.version("agile-classifier")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def code_digest() -> str:
    """SHA-256 over names and contents of the code that an image of the steps holds, 16 hex digits."""
    digest = hashlib.sha256()
    for name, path in sorted(_code_files()):
        digest.update(f"{name.as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def git_commit() -> str:
    """The project's commit, with `-dirty` where files differ from it; `unknown` outside a git checkout."""
    if root() == CARRIED:  # the repository around an environment is another's
        return "unknown"
    command = ["git", "-C", str(root()), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # a container has no git
        return "unknown"
    return done.stdout.strip() or "unknown"


def list_configs() -> dict[Path, str]:
    """Every run configuration, by its shortest path from here, with the first sentence of its head comment."""
    return {shortened(path): read_purpose(path) for path in sorted(configs().glob("*.yaml"))}


def shortened(path: Path) -> Path:
    """A path as it can be typed in the working directory."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def require_config(path: Path) -> None:
    """Refuse a config file that is not there.

    Raises
    ------
    InputError
        Names the nearest of the project's configs and of the YAML files beside the path.
    """
    if not path.exists():
        _refuse(path, [*path.parent.glob("*.yaml"), *list_configs()], what="config file")


def require_study(path: Path) -> None:
    """Refuse a study file that is not there.

    Raises
    ------
    InputError
        Names the nearest of the project's studies and of the YAML files beside the path.
    """
    if not path.exists():
        shipped = map(shortened, (configs() / "studies").glob("*.yaml"))
        _refuse(path, [*path.parent.glob("*.yaml"), *shipped], what="study file")


def read_purpose(path: Path) -> str:
    """First sentence of the comment that a YAML opens with; empty where there is none."""
    head = takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines())
    comment = " ".join(line.lstrip("#").strip() for line in head)
    return re.split(r"(?<=[.!?])\s", comment, maxsplit=1)[0]


def _refuse(path: Path, known: list[Path], *, what: str) -> None:
    by_name = {file.name: file for file in reversed(known)}
    near = nearest(path.name, by_name)
    raise InputError(f"{path}: no such {what}{f'; did you mean {by_name[near]}?' if near else ''}")


def _own() -> tuple[Path, str]:
    """The project that came with the package, and what it is."""
    if is_project(CARRIED):
        return CARRIED, "the copy in the package; agile new FOLDER makes one of your own"
    if is_project(PACKAGE.parent):
        return PACKAGE.parent, "the checkout of the package"
    raise InputError(f"no project: set {PROJECT} to a folder that holds {', '.join(FOLDERS)}")


@cache
def _say_where() -> None:
    if find().where:
        print(f"project {root()}: {find().where}", file=sys.stderr, flush=True)


def _code_files() -> Iterator[tuple[Path, Path]]:
    """Name in the project's folder → file."""
    for folder in (PACKAGE, *(root() / name for name in FOLDERS)):
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix != ".pyc" and not (folder == PACKAGE and path.is_relative_to(CARRIED)):
                yield Path(folder.name) / path.relative_to(folder), path
    yield Path(LOCK), lock()


if __name__ == "__main__":
    print(code_digest())

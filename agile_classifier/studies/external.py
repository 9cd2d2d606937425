"""External contenders: a program of somebody else's kind, in an environment of its own, on the very rows of a cell.

A folder holds `run.py` and `requirements.txt`. `python run.py JOB ANSWER` reads a JSON file of the rows, and writes
another of what it says of them:

    JOB     {"base": FOLDER, "max_length": 256, "seed": 0, "train": {"text": […], "label": [0, 1, …]},
             "validation": {"text": […], "label": […]}, "test": {"text": […]}}
    ANSWER  {"validation": [0.2, …], "test": [0.9, …], "train_seconds": 12.5, "cpu_seconds": 24.1}

Answers are probabilities of class 1, a text each; seconds are those of training alone. `base` is the folder of the
config's base model. No label of test is told, and a config may keep no validation: its lists are empty then.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import pandas as pd
from filelock import FileLock
from pydantic import Field, ValidationError

from agile_classifier.children import run_child
from agile_classifier.config.section import Section
from agile_classifier.environment import cache
from agile_classifier.errors import LONGEST_WORDS, InputError, explain_validation, one_line
from agile_classifier.files import content_digest

RUN, REQUIREMENTS = "run.py", "requirements.txt"
READY = "ready"
"""File in an environment that says that all of it is there."""
QUIET = {"HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1", "PYTHONDONTWRITEBYTECODE": "1"}
"""Variables that an external program meets beside the caller's own."""
Probability = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]


class Answer(Section):
    """What an external program says."""

    validation: list[Probability]
    test: list[Probability]
    train_seconds: Seconds
    cpu_seconds: Seconds


def require_external(folder: Path) -> Path:
    """The folder of an external contender, whole; raises InputError where a file of it is missing."""
    missing = [name for name in (RUN, REQUIREMENTS) if not (folder / name).is_file()]
    if missing:
        raise InputError(f"external {folder}: no {missing[0]} in it; needed are {RUN} and {REQUIREMENTS}")
    return folder


def prepare_environment(folder: Path) -> Path:
    """The Python of an external contender's environment, which is made by venv and pip where it is not there yet.

    It lies in the cache under the digest of its requirements; two that want the same share it.

    Raises
    ------
    InputError
        Its requirements cannot be installed.
    """
    requirements = require_external(folder) / REQUIREMENTS
    place = cache() / "environments" / content_digest(requirements)[:16]
    python = place / "bin" / "python"
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_suffix(".lock")):
        if (place / READY).exists():
            return python
        print(f"installing {requirements} into an environment of its own", file=sys.stderr, flush=True)
        shutil.rmtree(place, ignore_errors=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)]
        for command in ([sys.executable, "-m", "venv", str(place)], pip):
            done = run_child(command, env=_environment())
            if done.returncode:
                raise InputError(f"{requirements}: cannot be installed: {_last_line(done)}")
        (place / READY).touch()
    return python


def ask_external(folder: Path, parts: Mapping[str, pd.DataFrame], *, base: Path, max_length: int, seed: int) -> Answer:
    """Let an external contender learn from train and choose on validation, and answer validation and test.

    Raises
    ------
    InputError
        It fails, or its answer is not what is asked for.
    """
    python = prepare_environment(folder)
    told = {"train": ["text", "label"], "validation": ["text", "label"], "test": ["text"]}
    rows = {part: {name: parts[part][name].tolist() for name in names} for part, names in told.items()}
    with tempfile.TemporaryDirectory() as scratch:
        job, answer = Path(scratch) / "job.json", Path(scratch) / "answer.json"
        job.write_text(json.dumps({"base": str(base), "max_length": max_length, "seed": seed, **rows}))
        command = [str(python), str(folder / RUN), str(job), str(answer)]
        done = run_child(command, cwd=scratch, env=_environment())
        if done.returncode:
            raise InputError(f"external {folder / RUN}: exit status {done.returncode}: {_last_line(done)}")
        if not answer.is_file():
            raise InputError(f"external {folder / RUN}: has written no answer to its second argument")
        try:
            said = Answer.model_validate_json(answer.read_bytes())
        except ValidationError as error:
            raise InputError(f"external {folder / RUN}: its answer: {explain_validation(error, Answer)}") from None
    for part in ("validation", "test"):
        if len(getattr(said, part)) != len(parts[part]):
            n_said, n_rows = len(getattr(said, part)), len(parts[part])
            raise InputError(f"external {folder / RUN}: {n_said} answers to the {n_rows} texts of {part}")
    return said


def _environment() -> dict[str, str]:
    """The caller's variables, but for those that would lend it this project's packages."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | QUIET


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    return one_line((done.stderr.strip().splitlines() or ["nothing was said"])[-1], longest=LONGEST_WORDS)

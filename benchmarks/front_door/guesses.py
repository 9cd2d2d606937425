"""What `agile init` makes of a file, held against what is right (`guesses.yaml`)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from agile_classifier.config.files import load_config

HERE = Path(__file__).parent
FILES = HERE / "files"
COMMAND = (sys.executable, "-m", "agile_classifier")


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    exit_code: int
    printed: str


Run = Callable[[Sequence[str]], Ended]
"""Words behind `agile` → how the command ended."""


class Answer(BaseModel):
    """A right answer of `agile init`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exit: int = 0
    config: dict[str, Any] = {}
    """Dotted field → its value in the config that is written."""
    says: tuple[str, ...] = ()
    """Words that are printed, the config's comments among them."""


class Guess(Answer):
    """A file with its right answers."""

    file: str
    """Below `files/`."""
    other: Answer | None = None


def read_guesses() -> list[Guess]:
    """Every file with what is right, as `guesses.yaml` says."""
    return [Guess.model_validate(each) for each in yaml.safe_load((HERE / "guesses.yaml").read_text(encoding="utf-8"))]


def examine(guess: Guess, folder: Path, run: Run) -> str:
    """What is wrong with the answer of `agile init` to a copy of the file in `folder`; empty where all is right."""
    source = folder / Path(guess.file).name
    shutil.copyfile(FILES / guess.file, source)
    written = folder / "guessed.yaml"
    ended = run(["init", str(source), "--output", str(written)])
    wrong = _differences(guess, ended, written)
    return "" if guess.other and not _differences(guess.other, ended, written) else wrong


def run_command(words: Sequence[str], *, folder: Path | None = None) -> Ended:
    """Run `agile` in a process of its own, without a terminal."""
    ended = subprocess.run(
        [*COMMAND, *words], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return Ended(ended.returncode, ended.stdout + ended.stderr)


def _differences(answer: Answer, ended: Ended, written: Path) -> str:
    if ended.exit_code != answer.exit:
        return f"exit {ended.exit_code}, not {answer.exit}: {last_line(ended.printed)}"
    if "Traceback" in ended.printed:
        return f"a traceback: {last_line(ended.printed)}"
    unsaid = [word for word in answer.says if word not in _unwrapped(ended.printed)]
    if unsaid:
        return f"does not say {', '.join(map(repr, unsaid))}: {last_line(ended.printed)}"
    if not answer.config:
        return ""
    config = load_config(written).model_dump(mode="json")
    values = {name: _value(config, name) for name in answer.config}
    differ = [
        f"{name} is {values[name]!r}, not {right!r}" for name, right in answer.config.items() if values[name] != right
    ]
    return "; ".join(differ)


def last_line(printed: str) -> str:
    """The last line that holds something, where an error stands."""
    return next((line for line in reversed(printed.splitlines()) if line.strip()), "nothing printed")


def _unwrapped(printed: str) -> str:
    """Comments of a config are wrapped; a sentence may not be looked for in pieces."""
    return " ".join(line.removeprefix("#").strip() for line in printed.splitlines())


def _value(config: Any, name: str) -> Any:
    for word in name.split("."):
        config = config[word]
    return config

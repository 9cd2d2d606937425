"""Workshop: a state folder at one place, put back as it was before each command, and commands that meet a fault there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agile_classifier.ops import project
from agile_classifier.studies.cells import read_cells
from tests.faults.points import place_of
from tests.faults.scenes import SCENES
from tests.faults.state import read_facts
from tests.toys.toy_receiver import SECRET, ToyReceiver

INJECTED = Path(__file__).parent / "injected"
IN_PYTHON = {
    "Popen": "__init__", "end_run": "__exit__", "store": "_store_output_artifacts", "end": "publish_successful_step_run",
}  # fmt: skip
"""Effects that the code does not call by their own name."""
RUN_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
LONGEST = 600
"""Longest command, in seconds."""


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    exit_code: int
    said: str


@dataclass
class Workshop:
    """A state folder and a person's files; states are kept under the names of scenes, and put back at the same place."""

    folder: Path
    python: str
    receiver: ToyReceiver
    _undisturbed: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        """What a command may change: the state folder, temporary files, and files of the person who gives the command."""
        return self.folder / "work"

    @property
    def home(self) -> Path:
        """The state folder."""
        return self.work / "home"

    def keep(self, name: str) -> None:
        """Keep the present state under a name."""
        shutil.copytree(self.work, self.folder / name, symlinks=True)

    def begin(self, name: str) -> None:
        """Make the state that a scene begins in the present one; it is made once."""
        scene = SCENES.get(name)
        if not (self.folder / name).exists() and scene is not None:
            self.begin(scene.begins_as)
            if scene.made_by:
                done = self.run(scene.made_by, struck=scene.struck, by=scene.by)
                assert bool(done.exit_code) == bool(scene.struck), done.said
            self.keep(name)
        shutil.rmtree(self.work)
        shutil.copytree(self.folder / name, self.work, symlinks=True)
        self.receiver.notices.clear()
        self.receiver.ids.clear()

    def undisturbed(self, name: str) -> dict[str, Any]:
        """Facts of the state after a scene's command that nothing befell."""
        if name not in self._undisturbed:
            self.begin(name)
            done = self.run(SCENES[name].command)
            assert done.exit_code == 0, done.said
            self._undisturbed[name] = self.facts()
        return self._undisturbed[name]

    def run(self, words: Sequence[str], *, struck: str = "", by: str = "") -> Done:
        """Run `python -m …`, struck at a point by a kind of fault, or not."""
        (self.work / "tmp").mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            mark = Path(folder) / "struck"
            fault = {"FAULT": json.dumps(_describe(struck, by, mark))} if struck else {}
            done = subprocess.run(
                [self.python, "-m", *(word.format(work=self.work) for word in words)],
                env={**self._environment(), **fault}, cwd=project.PACKAGE.parent, timeout=LONGEST, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
            )  # fmt: skip
            assert not struck or mark.exists(), f"{struck} was not reached:\n{done.stdout}"
        return Done(done.returncode, done.stdout)

    def facts(self) -> dict[str, Any]:
        """What the state folder holds, of how many changes somebody was told, what was left, and the person's files."""
        told = zip(self.receiver.ids, self.receiver.notices, strict=False)
        changes = {number for number, notice in told if notice["type"] == "champion.changed"}
        temporary = [path.name for path in (self.work / "tmp").iterdir()]
        return {
            **read_facts(self.home),
            "changes told": len(changes),
            "temporary": temporary,
            "files": self._read_files(),
        }

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "AGILE_HOME": str(self.home), "FAULT_GATE": "1",
            "TMPDIR": str(self.work / "tmp"), "AGILE_WEBHOOK_URL": self.receiver.url, "AGILE_WEBHOOK_SECRET": SECRET,
            "ZENML_CUSTOM_SOURCE_ROOT": str(project.root()), "PYTHONPATH": os.pathsep.join([str(INJECTED), str(project.PACKAGE.parent)]),
        }  # fmt: skip

    def _read_files(self) -> dict[str, Any]:
        """Names of the person's files, the rows of scored ones but for ids of runs, and a study's cells."""
        cells = [cell for path in self.home.glob("studies/*.parquet") for cell in read_cells(path)]
        return {
            "names": sorted(path.name for path in self.work.iterdir()),
            "rows": {
                str(path.relative_to(self.work)): RUN_ID.sub("", path.read_text(encoding="utf-8"))
                for pattern in ("scored*.csv", "scored/**/*.csv", "scored/**/*.jsonl")
                for path in self.work.glob(pattern)
            },
            "parts": sorted(str(path.relative_to(self.work)) for path in self.work.glob("scored/**/*")),
            "half done": sorted(path.name for path in self.home.glob("parts/*")),
            "cells": [(cell.key, cell.metrics) for cell in cells],
            "loose cells": [path.name for path in self.home.glob("studies/cells/*")],
        }


def _describe(point: str, kind: str, mark: Path) -> dict[str, Any]:
    place, call = place_of(point)
    effect = IN_PYTHON.get(place.effect, place.effect)
    return {**asdict(place), "effect": effect, "call": call, "kind": kind, "struck": str(mark)}

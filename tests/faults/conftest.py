"""What the tests of faults share: a workshop, in which each scene's state is made once, and the table of what came of each fault."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from agile_classifier.files import content_digest
from tests.faults.scenes import KINDS
from tests.faults.workshop import Workshop
from tests.toys import toy_receiver
from tests.toys.toy_config import make_sections, write_config
from tests.toys.toy_study import write_study

TABLE = "FAULTS_TABLE"
"""Variable that names the file for the table."""


@pytest.fixture(scope="session")
def workshop(
    new_home: Callable[[Path], Path],
    tiny_model: Path,
    tiny_examples: pd.DataFrame,
    warm_python: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Workshop]:
    """A prepared state folder, a config on the tiny model, a file of texts and a study."""
    with toy_receiver.receiving() as receiver:
        workshop = Workshop(tmp_path_factory.mktemp("workshop"), warm_python, receiver)
        new_home(workshop.home)
        write_study(workshop.work, base=tiny_model, examples=tiny_examples)
        data = workshop.work / "examples.csv"
        sections = make_sections(data, tiny_model, name="faults", epochs=3)
        sections["data"]["sha256"] = content_digest(data)
        write_config(workshop.work / "run.yaml", sections)
        texts = tiny_examples[["text"]].to_csv(index=False)
        (workshop.work / "texts.csv").write_text(f'{texts}""\n', encoding="utf-8")  # one that cannot be scored
        write_parts(workshop.work / "parts", tiny_examples)
        workshop.keep("empty")
        yield workshop


def write_parts(folder: Path, examples: pd.DataFrame) -> None:
    """Three parts, one in a folder of its own and one with a row that cannot be scored."""
    (folder / "deep").mkdir(parents=True)
    for name, rows in {"a.csv": examples[:40], "b.csv": examples[40:50], "deep/c.csv": examples[50:80]}.items():
        rows[["id", "text"]].to_csv(folder / name, index=False)
    with (folder / "b.csv").open("a", encoding="utf-8") as file:
        file.write("nobody,\n")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what came of each fault at each point, and write it to the file that FAULTS_TABLE names."""
    reports = [report for name in ("passed", "failed") for report in terminalreporter.getreports(name)]
    outcomes = {
        dict(report.user_properties)["case"]: report.outcome
        for report in reports
        if "case" in dict(report.user_properties)
    }
    if not outcomes:
        return
    points = list(dict.fromkeys(case.rpartition(" | ")[0] for case in sorted(outcomes)))
    lines = [f"| point | {' | '.join(KINDS)} |", f"| --- |{' --- |' * len(KINDS)}"]
    for point in points:
        cells = [outcomes.get(f"{point} | {kind}", "-").replace("passed", "as undisturbed") for kind in KINDS]
        lines.append(f"| {point} | {' | '.join(cells)} |")
    terminalreporter.write_line("")
    for line in lines:
        terminalreporter.write_line(line)
    if file := os.environ.get(TABLE):
        Path(file).write_text("\n".join(lines) + "\n", encoding="utf-8")

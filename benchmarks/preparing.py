"""From rows to parts: what ingest, validation, labelling and splitting take, of one source and of three.

    python -m benchmarks.preparing [--rows N …] [--json FILE]

Rows of short texts with a score lie in one CSV file, or in thirds in a CSV file, a JSON lines file and a database
(SQLite). Each measurement is a process of its own, that reads a state folder of nobody; ZenML, which stores what steps
hand on, is left out. Seconds are those of a core, and told as ratios to the smallest number of rows of one source too,
since the machine is shared. Exit status 1 where ten times the rows take more than MOST_TIMES the seconds, or more than
MOST_MEGABYTES.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from agile_classifier.config.data import DataConfig, LabelsConfig, ValidationConfig
from agile_classifier.config.data_quality import DataQualityConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.examples import read_snapshot
from agile_classifier.data.expectations.examples import check_examples
from agile_classifier.data.label_and_split import label_and_split
from agile_classifier.data.leakage import examine_parts
from agile_classifier.data.snapshots.manifest import take_stock
from agile_classifier.ops.state.home import suite_path
from benchmarks.front_door.duplicates import FILES

ROWS = (100_000, 1_000_000)
MOST_TIMES, MOST_MEGABYTES = 12.0, 2_500.0
KINDS = ("one source", "three sources")


def main(arguments: list[str] | None = None) -> int:
    """Print a line a kind and number of rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs=2, metavar=("KIND", "FOLDER"), help="measure in this process what lies there")
    given = parser.parse_args(arguments)
    if given.only:
        print(json.dumps(measure(given.only[0], Path(given.only[1]))))
        return 0
    measured = [{"kind": kind, "rows": n, **_in_a_process(kind, n)} for n in given.rows for kind in KINDS]
    table = pd.DataFrame(measured)
    table.insert(2, "times", (table["seconds"] / table["seconds"].iloc[0]).round(1))
    print(table.to_string(index=False))
    if given.json:
        given.json.write_text(json.dumps(measured) + "\n", encoding="utf-8")
    grown = table.groupby("kind")["seconds"].agg(lambda seconds: seconds.iloc[-1] / seconds.iloc[0])
    more = max(given.rows) / min(given.rows)
    for kind in KINDS:
        print(f"{kind}: {grown[kind]:.1f} times the seconds for {more:g} times the rows")
    return int(bool((grown > MOST_TIMES * more / 10).any()) or table["megabytes"].max() > MOST_MEGABYTES)


def measure(kind: str, folder: Path) -> dict[str, Any]:
    """CPU-seconds of each stage and of all, and the largest memory of the process, in megabytes."""
    began, stages = time.process_time(), {}

    def stage(name: str) -> None:
        nonlocal began
        stages[name], began = round(time.process_time() - began, 1), time.process_time()

    labels, quality = LabelsConfig(), DataQualityConfig()
    read = read_snapshot(_config(kind, folder))
    take_stock(read, None, model_name="nobody", run="none")
    stage("ingest")
    limits = ValidationConfig(score_min=0, score_max=1)
    bounds = {**limits.model_dump(exclude={"suite"}), "max_words": 256}
    check_examples(read.examples, labels, suite=suite_path(limits.suite), bounds=bounds)
    stage("validate")
    labelled = label_and_split(read.examples, labels, SplitConfig(method="stable"), quality)
    examine_parts(labelled.parts, similarity=quality.similarity, limits=quality.limits)
    stage("label_and_split")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": round(sum(stages.values()), 1), "megabytes": round(peak), **stages}


def _in_a_process(kind: str, n_rows: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write(folder, n_rows)
        command = [sys.executable, "-m", "benchmarks.preparing", "--only", kind, scratch]
        environment = {**os.environ, "AGILE_SQL_THIRD": f"sqlite:///{folder / 'third.db'}"}
        said: dict[str, Any] = json.loads(
            subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
        )
        return said


def _write(folder: Path, n_rows: int) -> None:
    texts = FILES["chat"](n_rows)
    rows = pd.DataFrame({"id": range(len(texts)), "text": texts})
    rows["score"] = (rows["id"] * 37 % 101 / 100).round(2)
    rows.to_csv(folder / "all.csv", index=False)
    thirds = [rows.iloc[start::3] for start in range(3)]
    thirds[0].to_csv(folder / "first.csv", index=False)
    thirds[1].to_json(folder / "second.jsonl", orient="records", lines=True)
    with sqlite3.connect(folder / "third.db") as connection:
        thirds[2].to_sql("notes", connection, index=False)


def _config(kind: str, folder: Path) -> DataConfig:
    columns = {"id": "id", "text": "text", "score": "score"}
    sources: Mapping[str, Any] = {
        "one source": {"source": str(folder / "all.csv"), "columns": columns},
        "three sources": {
            "columns": columns,
            "sources": [
                {"name": "first", "source": str(folder / "first.csv")},
                {"name": "second", "source": str(folder / "second.jsonl")},
                {"name": "third", "source": "sql://third", "query": "SELECT id, text, score FROM notes ORDER BY id"},
            ],
        },
    }
    return DataConfig.model_validate(sources[kind])


if __name__ == "__main__":
    raise SystemExit(main())

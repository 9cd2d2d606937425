"""Parts: rows a second of a folder of files, one, two and four of them scored at the same time on this machine.

    python -m benchmarks.parts --model quickstart --texts comments.csv --rows 4000 --repeats 3

The version is a registered one of the state folder. Its texts are those of a file, over and over, with a number behind
each, so that no text is scored once for two rows. The same four files are scored by one process with every core, by two
with half of them each, and by four, in turns; what is compared is a ratio within one turn. Once with what a process
takes to start and to load the version, as a person waits for it, and once without, as a long job goes. Only the steps
of ZenML's run around it are left out. Seconds of a core are counted too: by them a job on other machines is reckoned.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from agile_classifier.config.reading import ReadingOptions
from agile_classifier.data.rows import open_rows
from agile_classifier.ops.state.home import prepare_state

if TYPE_CHECKING:
    from agile_classifier.ops.scoring.parts.job import Job

N_FILES = 4
ARMS = (1, 2, 4)
"""Files that are scored at the same time."""


@dataclass(frozen=True)
class Measured:
    """One scoring of all files."""

    whole: float
    """Rows a second from the start to the manifest."""
    loaded: float
    """Rows a second once every process has loaded the version."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="registered model; needed where several have a champion")
    parser.add_argument("--version", help="number or alias; by default the champion")
    parser.add_argument("--texts", type=Path, required=True, help="file whose column `text`, or --column, is scored")
    parser.add_argument("--column", default="text")
    parser.add_argument("--delimiter", default=None)
    parser.add_argument("--rows", type=int, default=4000, help="of all files together")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args(arguments)
    prepare_state()
    found: dict[int, list[Measured]] = {n: [] for n in ARMS}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        characters = write_files(folder / "in", given)
        print(count_cpu(folder, model_name=given.model, version=given.version))
        for turn in range(given.repeats):
            for n in ARMS if turn % 2 == 0 else ARMS[::-1]:
                found[n].append(score(folder, n, model_name=given.model, version=given.version))
    n_cores = len(os.sched_getaffinity(0))
    print(
        f"{given.rows:,} rows of {characters:.0f} characters in {N_FILES} files, {n_cores} cores, {given.repeats} turns"
    )
    print("| at the same time | rows/s, whole | rows/s, loaded | times one, whole | times one, loaded |")
    print("| --- | --- | --- | --- | --- |")
    for n, measured in found.items():
        print(f"| {n} | {' | '.join(_columns(measured, found[1]))} |")
    return 0


def write_files(folder: Path, given: argparse.Namespace) -> float:
    """Write the files to score; returns the characters of a row, on average."""
    from agile_classifier.config.addresses.dialect import Dialect

    folder.mkdir()
    rows = open_rows(given.texts, Dialect(delimiter=given.delimiter))
    texts = [text for row in rows if isinstance(text := row.cells.get(given.column), str) and text.strip()]
    numbered = [f"{text} {number}" for number, text in enumerate(islice(cycle(texts), given.rows))]
    for number in range(N_FILES):
        with (folder / f"{number}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["text"], *([text] for text in numbered[number::N_FILES])])
    return sum(map(len, numbered)) / len(numbered)


def score(folder: Path, n: int, *, model_name: str | None, version: str | None) -> Measured:
    """Score every file, `n` at the same time, as the steps of the pipeline do."""
    from agile_classifier.ops.scoring.parts.gather import gather
    from agile_classifier.ops.scoring.parts.job import Task
    from agile_classifier.ops.scoring.parts.plan import begin, plan_job
    from agile_classifier.ops.scoring.parts.work import score_apart

    begun = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder) as output:
        job = _job(folder, output, model_name=model_name, version=version)
        run_id, shards = begin(job, "bench"), plan_job(job).shards(n)
        tasks = [Task(job=job, run_id=run_id, begun=0, n_processes=n, parts=tuple(shard)) for shard in shards]
        with ThreadPoolExecutor(n) as threads:
            outcomes = [outcome for found in threads.map(score_apart, tasks) for outcome in found]
        n_rows = gather(job, outcomes, begun=0)["n_rows"]
        records = plan_job(job).records
    busiest = max(sum(records[part.name].seconds for part in shard) for shard in shards)
    return Measured(n_rows / (time.monotonic() - begun), n_rows / busiest)


def count_cpu(folder: Path, *, model_name: str | None, version: str | None) -> str:
    """Seconds of a core that loading takes, and a row of each file, in this process; neighbours change them little."""
    from agile_classifier.ops.scoring.batch import LoadedVersion
    from agile_classifier.ops.scoring.parts.plan import begin, plan_job
    from agile_classifier.ops.scoring.parts.score import score_part

    with tempfile.TemporaryDirectory(dir=folder) as output:
        job = _job(folder, output, model_name=model_name, version=version)
        run_id, by = begin(job, "bench"), LoadedVersion(job.model_name, job.model_version)
        by.load()
        loaded, rows = time.process_time(), list[float]()
        for part in plan_job(job).parts:
            begun = time.process_time()
            record = score_part(job, run_id, part, by)
            rows.append(1000 * (time.process_time() - begun) / record.n_rows)
    row = f"{statistics.median(rows):.1f} [{min(rows):.1f}, {max(rows):.1f}]"
    return f"of a core: {loaded:.1f} s for a process to start and load, {row} ms a row ({len(rows)} files)"


def _job(folder: Path, output: str, *, model_name: str | None, version: str | None) -> Job:
    from agile_classifier.ops.scoring.parts.run import make_job

    own = ReadingOptions(column="text", dialect={"column_names": []})
    return make_job(
        f"{folder / 'in'}/", f"{output}/", options=own, prefix=None, model_name=model_name, version=version,
        strict=False, suffix="",
    )  # fmt: skip


def _columns(measured: Sequence[Measured], one: Sequence[Measured]) -> list[str]:
    """Median rates, and median and range of the ratios within a turn."""
    cells = [f"{statistics.median(getattr(each, name) for each in measured):,.1f}" for name in ("whole", "loaded")]
    for name in ("whole", "loaded"):
        ratios = [getattr(each, name) / getattr(base, name) for each, base in zip(measured, one, strict=True)]
        cells.append(f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]")
    return cells


if __name__ == "__main__":
    raise SystemExit(main())

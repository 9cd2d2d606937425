"""Score: the parts of a shard, one after the other, each fetched, scored as a file of this machine, and put in place.

The bytes are those that `agile score` writes of the part alone. What decides that a part is done, its record, is put
last; until then it is scored again, and on the same machine from where it stood.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from agile_classifier.config.section import Section
from agile_classifier.data.fetch.fetched import Fetched, called_by_address
from agile_classifier.data.row_parts import REJECTED as REJECTED_SUFFIX
from agile_classifier.errors import InputError
from agile_classifier.files import content_digest
from agile_classifier.ops.scoring import batch
from agile_classifier.ops.scoring.parts.job import BEGUN, Begun, Job, Part, Record, Task
from agile_classifier.ops.scoring.parts.plan import read_kept


class Outcome(Section):
    """What came of a part: a record in the output, or why there is none."""

    name: str
    n_rows: int = 0
    error: str = ""


def score_shard(task: Task) -> list[Outcome]:
    """Score parts one after the other, and print a line for each; one that is refused is told of, the rest goes on."""
    by, outcomes = batch.LoadedVersion(task.job.model_name, task.job.model_version), list[Outcome]()
    if task.parts:
        by.load()
    for number, part in enumerate(task.parts, start=1):
        begun = time.monotonic()
        try:
            record = score_part(task.job, task.run_id, part, by)
        except InputError as error:
            outcomes.append(Outcome(name=part.name, error=str(error)))
            said = f"failed: {error}"
        else:
            outcomes.append(Outcome(name=part.name, n_rows=record.n_rows))
            took = time.monotonic() - begun
            said = f"{record.n_rows:,} rows, {record.n_rejected:,} rejected, in {took:.1f} s"
        print(f"{number}/{len(task.parts)} {part.name}: {said}", file=sys.stderr, flush=True)
    return outcomes


def score_part(job: Job, run_id: str, part: Part, by: batch.LoadedVersion) -> Record:
    """Score a part into the output, and record it there.

    Raises
    ------
    InputError
        The part cannot be scored, or was changed meanwhile, or another job has begun this output.
    """
    folder = job.work_folder / part.name
    source, target = job.source, job.target
    with called_by_address(_addresses(job, part, folder)):
        fetched = source.fetch(part.name, folder / "input" / PurePosixPath(part.name).name)
        output = folder / PurePosixPath(part.scored_name).name
        facts = _score(job, by, fetched, output, run_id, of=part.name)
        if source.look(part.name).stamp != part.stamp:
            raise InputError(f"{fetched}: was changed while it was scored; run again, and it is scored anew")
    _require_own(job, run_id)
    rejected = output.with_name(f"{output.stem}{REJECTED_SUFFIX}")
    stamp = target.put(output, part.scored_name).stamp
    if facts[batch.REJECTED]:
        target.put(rejected, part.rejected_name)
    else:
        target.remove(part.rejected_name)
    record = _record(job, part, facts, stamp=stamp, output=output, rejected=rejected)
    target.write(part.record_name, record.model_dump(mode="json"))
    shutil.rmtree(folder)
    return record


def _score(job: Job, by: batch.LoadedVersion, source: Path, output: Path, run_id: str, *, of: str) -> dict[str, Any]:
    manner = batch.Manner(job.options, job.prefix, job.strict)

    @contextmanager
    def show() -> Iterator[batch.OnProgress]:
        yield batch.Lines(of)

    return batch.score_by(by, source, output=output, manner=manner, run_id=run_id, say=_hear_nothing, show=show)


def _record(job: Job, part: Part, facts: dict[str, Any], *, stamp: str, output: Path, rejected: Path) -> Record:
    return Record(
        part=part,
        identity=job.identity,
        run_id=facts[batch.BEGUN_BY],
        input_sha256=facts["input_sha256"],
        sha256=content_digest(output),
        stamp=stamp,
        rejected_sha256=content_digest(rejected) if facts[batch.REJECTED] else "",
        columns=tuple(facts["written"]),
        n_rows=facts["n_rows"],
        n_scored=facts["n_scored"],
        n_rejected=facts[batch.REJECTED],
        n_labels=facts["n_labels"],
        seconds=facts["seconds"],
    )


def _require_own(job: Job, run_id: str) -> None:
    """Refuse to write where another job has begun meanwhile: its parts would stand beside ours."""
    begun = read_kept(job.target.read([BEGUN]).get(BEGUN), Begun)
    if begun is None or (begun.identity, begun.run_id) != (job.identity, run_id):
        raise InputError(f"--output {job.output}: another run writes it since; name another place, or wait for its end")


def _addresses(job: Job, part: Part, folder: Path) -> list[Fetched]:
    name, scored = PurePosixPath(part.name).name, PurePosixPath(part.scored_name).name
    return [
        Fetched(folder / "input" / name, job.source.address_of(part.name)),
        Fetched(folder / scored, job.target.address_of(part.scored_name)),
    ]


def _hear_nothing(_: str) -> None:
    """How the parts are read was said of the first, before any was scored."""

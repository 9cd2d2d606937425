"""Plan: which parts are scored already, by what, and who scores the rest.

A part is done where its record says that this very job scored it, and part and scored rows are what they were then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from agile_classifier.config.section import Section
from agile_classifier.data.fetch.places import Found
from agile_classifier.ops.scoring.parts.job import BEGUN, MANIFEST, Begun, Job, Part, Record
from agile_classifier.ops.scoring.parts.listing import list_parts

Kept = TypeVar("Kept", bound=Section)


@dataclass(frozen=True)
class Plan:
    """The parts of a job, and what is known of each."""

    parts: tuple[Part, ...]
    records: dict[str, Record]
    """Name of a part that is done → its record."""
    is_whole: bool
    """Whether a manifest says that nothing is missing."""
    n_left_over: int
    """Scored parts whose input is gone."""

    @property
    def missing(self) -> list[Part]:
        """Parts that are to be scored."""
        return [part for part in self.parts if part.name not in self.records]

    def shards(self, n: int | None) -> list[list[Part]]:
        """The missing parts in at most `n` shards of about equal size, or one each; an empty one if none is missing."""
        shards: list[list[Part]] = [[] for _ in range(max(1, min(n or len(self.missing), len(self.missing))))]
        sizes = [0] * len(shards)
        for part in sorted(self.missing, key=lambda part: (-part.size, part.name)):
            smallest = sizes.index(min(sizes))
            sizes[smallest] += max(part.size, 1)
            shards[smallest].append(part)
        return [sorted(shard, key=lambda part: part.name) for shard in shards]


def plan_job(job: Job) -> Plan:
    """Look at both places; raises InputError as `list_parts`."""
    target = job.target
    parts = list_parts(job.source, target, suffix=job.suffix)
    written = target.list_below("")
    recorded = [part for part in parts if part.record_name in written]
    contents = target.read([part.record_name for part in recorded])
    records = {part.name: read_kept(contents.get(part.record_name), Record) for part in recorded}
    done = {name: record for name, record in records.items() if record is not None and is_done(record, job, written)}
    done = {part.name: done[part.name] for part in parts if part.name in done and done[part.name].part == part}
    names = {part.record_name for part in parts} | {BEGUN}
    n_left_over = sum(name.startswith(f"{BEGUN.rpartition('/')[0]}/") and name not in names for name in written)
    return Plan(tuple(parts), done, MANIFEST in written and BEGUN not in written, n_left_over)


def is_done(record: Record, job: Job, written: dict[str, Found]) -> bool:
    """Whether a record is of this job, and the rows that it tells of are there as they were written."""
    place = written.get(record.part.scored_name)
    return record.identity == job.identity and place is not None and place.stamp == record.stamp


def begin(job: Job, run_id: str) -> str:
    """Note which run scores what is missing; returns the run whose id stands in its rows.

    That is the run that began, as long as what it began is of the same job and not whole yet. No manifest is there
    until it is.
    """
    target = job.target
    begun = read_kept(target.read([BEGUN]).get(BEGUN), Begun)
    if begun is None or begun.identity != job.identity:
        begun = Begun(identity=job.identity, run_id=run_id)
        target.write(BEGUN, begun.model_dump())
    target.remove(MANIFEST)
    return begun.run_id


def read_kept(content: bytes | None, kind: type[Kept]) -> Kept | None:
    """What a small file holds; None where there is none, or one of an earlier project: then its part is scored anew."""
    try:
        return None if content is None else kind.model_validate_json(content)
    except ValidationError:
        return None

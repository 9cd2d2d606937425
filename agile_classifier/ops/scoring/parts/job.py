"""Job: what is scored into what, and what is kept about it beside the scored parts.

A part is a file of the input; its scored rows are a file of the output, of the same name below it. Whatever else lies
in the output begins with `_`, so that Spark, and whoever else reads every file below a prefix, passes it by:

| file | holds |
| --- | --- |
| `_parts/NAME.json` | the record of a part: what it was scored from, by what, and what came of it |
| `_parts/begun.json` | the run that began, while parts are missing |
| `_rejected/NAME.rejected.jsonl` | rows of a part that could not be scored |
| `_manifest.json` | every part with its rows and digests; it is there only while all of them are of one job |
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from agile_classifier.config.reading import ReadingOptions
from agile_classifier.config.section import Section
from agile_classifier.data.fetch.places import Found, Place
from agile_classifier.data.formats.packed import GZIP, ZIP
from agile_classifier.data.rows import FORMATS
from agile_classifier.environment import home

PARTS, REJECTED, MANIFEST = "_parts", "_rejected", "_manifest.json"
BEGUN = f"{PARTS}/begun.json"
FORMAT = 1
"""Number that is raised where records and manifests of an earlier project cannot be gone on with."""


class Job(Section):
    """Scoring of every part of a place, as it is handed from step to step."""

    input: str
    """Address of the parts."""
    output: str
    """Folder, or prefix that ends in a slash, for the scored parts."""
    model_name: str
    model_version: str
    options: ReadingOptions = ReadingOptions()
    prefix: str | None = None
    """What the name of each added column begins with."""
    strict: bool = False
    """Whether a part with a bad row is left unscored."""
    suffix: str = ""
    """Suffix of the scored parts; empty for that of each part."""

    @property
    def source(self) -> Place:
        """The place of the parts."""
        return Place(self.input)

    @property
    def target(self) -> Place:
        """The place of the scored parts."""
        return Place(self.output)

    @cached_property
    def identity(self) -> str:
        """Digest of what decides a scored part, beside the part itself."""
        decides = {"format": FORMAT, **self.model_dump(mode="json", exclude={"input", "output"})}
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()

    @cached_property
    def work_folder(self) -> Path:
        """Folder of this machine for parts that are being scored into this output."""
        return half_done() / hashlib.sha256(self.target.base.encode()).hexdigest()[:16]


class Part(Section):
    """A file of the input."""

    name: str
    """Path below the input's place."""
    size: int
    """In bytes."""
    stamp: str
    """What its store says of its content."""
    scored_name: str
    """Path of its scored rows below the output's place."""

    @classmethod
    def of(cls, found: Found, *, suffix: str) -> Part:
        """The part that a file is, scored into a file of a suffix, such as `.csv`."""
        return cls(name=found.name, size=found.size, stamp=found.stamp, scored_name=_renamed(found.name, suffix))

    @property
    def record_name(self) -> str:
        """Path of its record below the output's place."""
        return f"{PARTS}/{self.name}.json"

    @property
    def rejected_name(self) -> str:
        """Path, below the output's place, of its rows that could not be scored."""
        return f"{REJECTED}/{PurePosixPath(self.scored_name).with_suffix('.rejected.jsonl')}"


class Record(Section):
    """What came of a part."""

    part: Part
    identity: str
    """Digest of the job that scored it (`Job.identity`)."""
    run_id: str
    """ZenML run that began it, which stands in each row."""
    input_sha256: str
    sha256: str
    """SHA-256 of the file of scored rows."""
    stamp: str
    """What the output's store says of that file."""
    rejected_sha256: str = ""
    """SHA-256 of the file of rejected rows; empty where there is none."""
    columns: tuple[str, ...]
    """Columns of the scored rows."""
    n_rows: int
    n_scored: int
    n_rejected: int
    n_labels: dict[str, int]
    """Rows by label."""
    seconds: float
    """What scoring it took, without the model's loading."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the manifest says of the part."""
        kept = self.model_dump(
            include={"run_id", "input_sha256", "sha256", "rejected_sha256", "n_rows", "n_scored", "n_rejected"}
        )
        rejected = self.part.rejected_name if self.n_rejected else ""
        return {"input": self.part.name, "output": self.part.scored_name, "rejected": rejected, **kept}


class Task(Section):
    """A shard of parts to score, with all that it takes: it may be scored in another process, or in a pod."""

    job: Job
    run_id: str
    """Written into each row."""
    begun: float
    """When the run began to score, in seconds since 1970."""
    n_processes: int
    """Processes of this machine that score at the same time."""
    parts: tuple[Part, ...]


class Begun(Section):
    """The run that began the parts that are missing."""

    identity: str
    run_id: str


def half_done() -> Path:
    """Folder of this machine for parts that are being scored, one below it for each output."""
    return home() / "parts"


def _renamed(name: str, suffix: str) -> str:
    """A part's name with another suffix, and without that of its packing.

    >>> _renamed("week1/a.b.csv.gz", ".parquet")
    'week1/a.b.parquet'
    """
    path = PurePosixPath(name)
    for known in ((GZIP, ZIP), FORMATS):
        if path.suffix.lower() in known:
            path = path.with_suffix("")
    return f"{path}{suffix}"

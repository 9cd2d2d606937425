"""Manifest: what a run has read of each source, and what came, changed or went since the run before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from agile_classifier.data.snapshots.differences import KNOWN, Differences, compare
from agile_classifier.data.snapshots.identity import Identities, KnownBy, identify, source_names
from agile_classifier.data.tables import examples_digest


class SourceFacts(BaseModel):
    """What a manifest states of one source."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    name: str
    addresses: tuple[str, ...]
    """Addresses as the config names them, without passwords; empty for a source that is gone."""
    known_by: KnownBy
    """What an example of the source is known by from run to run: its id or its text."""
    digest: str
    """SHA-256 over what its examples say, in their order, 64 hex digits."""
    n_files: int
    """Files that its addresses named."""
    n_rows: int
    """Examples of it in the snapshot."""
    n_added: int
    """Examples that the run before did not have; all of them in the first."""
    n_changed: int
    """Examples that said something else in the run before."""
    n_withdrawn: int
    """Examples of the run before that it holds no more; they have left the snapshot."""
    n_replaced: int
    """Rows of it that count no more, since a later label of the same example does."""

    @property
    def sentence(self) -> str:
        """For a terminal."""
        facts = {"added": self.n_added, "changed": self.n_changed, "withdrawn": self.n_withdrawn}
        replaced = f", {self.n_replaced:,} earlier labels replaced" if self.n_replaced else ""
        changes = ", ".join(f"{n:,} {what}" for what, n in facts.items())
        return f"{self.name}: {self.n_rows:,} rows; {changes}{replaced}"


class Manifest(BaseModel):
    """What a run has read."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    model_name: str
    """Registered model that the run is for."""
    run: str
    """ZenML run that read it."""
    previous: str | None
    """ZenML run that it is compared with: the last one of this model that came to its end; None in the first."""
    digest: str
    """SHA-256 of the examples (`agile_classifier.data.tables.examples_digest`), 64 hex digits."""
    n_rows: int
    sources: tuple[SourceFacts, ...]
    """Each source, and each of the run before that is gone."""

    @property
    def known_by(self) -> dict[str, KnownBy]:
        """Source → by what its examples are known."""
        return {source.name: source.known_by for source in self.sources}

    @property
    def has_news(self) -> bool:
        """Whether an example came, changed or went since the run before."""
        return any(source.n_added or source.n_changed or source.n_withdrawn for source in self.sources)


@dataclass(frozen=True)
class ReadSource:
    """One source as it was read."""

    name: str
    addresses: tuple[str, ...]
    known_by: KnownBy
    n_files: int


@dataclass(frozen=True)
class Snapshot:
    """The examples of a run, and those that count no more."""

    examples: pd.DataFrame
    """What is learnt from and judged by."""
    earlier: pd.DataFrame
    """Rows of the same columns whose example has a later label; `run` names the run that read them first."""
    sources: tuple[ReadSource, ...]

    @property
    def ways(self) -> dict[str, KnownBy]:
        """Source → by what its examples are known."""
        return {source.name: source.known_by for source in self.sources}


@dataclass(frozen=True)
class Previous:
    """The snapshot that another is compared with."""

    examples: pd.DataFrame
    earlier: pd.DataFrame
    manifest: Manifest


def take_stock(
    snapshot: Snapshot, previous: Previous | None, *, model_name: str, run: str
) -> tuple[Manifest, pd.DataFrame]:
    """State what a run has read, what has come, changed or gone since the run before, and which labels count no more.

    Returns
    -------
    Manifest, DataFrame of shape (n, n_columns + 1)
        The table holds every label that was replaced, in this run or before, of the examples that are still there: as
        the examples, and `run`, which read the label first as one that counts no more, or last as one that did. Of what
        was withdrawn nothing stays.
    """
    differences = None if previous is None else find_differences(snapshot, previous)
    after = snapshot.examples
    found = identify(after, snapshot.ways, columns=[name for name in after.columns if name not in KNOWN])
    counts = _count(snapshot, previous, differences, found.source)
    gone = (
        () if previous is None else tuple(each for each in previous.manifest.sources if each.name not in snapshot.ways)
    )
    of_gone = [ReadSource(each.name, (), each.known_by, 0) for each in gone if each.name in counts["withdrawn"]]
    manifest = Manifest(
        model_name=model_name,
        run=run,
        previous=previous and previous.manifest.run,
        digest=examples_digest(after),
        n_rows=len(after),
        sources=tuple(_facts(source, found, counts) for source in (*snapshot.sources, *of_gone)),
    )
    return manifest, _keep_earlier(snapshot, previous, differences, run=run)


def find_differences(snapshot: Snapshot, previous: Previous) -> Differences:
    """Which examples came, changed or went since another snapshot."""
    return compare(
        previous.examples, snapshot.examples, ways_before=previous.manifest.known_by, ways_after=snapshot.ways
    )


def _keep_earlier(
    snapshot: Snapshot, previous: Previous | None, differences: Differences | None, *, run: str
) -> pd.DataFrame:
    rows = [snapshot.earlier.assign(run=run)]
    if previous is not None and differences is not None:
        changed = previous.examples.iloc[differences.changed_from].assign(run=previous.manifest.run)
        rows = [previous.earlier, changed, *rows]
    found = [each for each in rows if len(each)] or rows[-1:]
    earlier = pd.concat(found, ignore_index=True)
    if earlier.empty:
        return earlier
    return _without_repeats(_still_there(earlier, snapshot), snapshot.ways)


def _count(
    snapshot: Snapshot, previous: Previous | None, differences: Differences | None, source: pd.Series[Any]
) -> Mapping[str, Mapping[str, int]]:
    """What is counted → source → number of examples."""
    replaced = _by_source(source_names(snapshot.earlier))
    if previous is None or differences is None:
        return {"added": _by_source(source), "changed": {}, "withdrawn": {}, "replaced": replaced}
    before = source_names(previous.examples)
    return {
        "added": _by_source(source.iloc[differences.added]),
        "changed": _by_source(source.iloc[differences.changed_to]),
        "withdrawn": _by_source(before.iloc[differences.withdrawn]),
        "replaced": replaced,
    }


def _by_source(names: pd.Series[Any]) -> dict[str, int]:
    return {str(name): int(n) for name, n in names.value_counts().items()}


def _facts(source: ReadSource, found: Identities, counts: Mapping[str, Mapping[str, int]]) -> SourceFacts:
    own = (found.source == source.name).to_numpy()
    said = np.stack([found.key[own], found.content[own]]).astype("<u8")
    return SourceFacts(
        name=source.name,
        addresses=source.addresses,
        known_by=source.known_by,
        digest=hashlib.sha256(said.tobytes()).hexdigest(),
        n_files=source.n_files,
        n_rows=int(own.sum()),
        **{f"n_{what}": of_source.get(source.name, 0) for what, of_source in counts.items()},
    )


def _still_there(earlier: pd.DataFrame, snapshot: Snapshot) -> pd.DataFrame:
    keys = identify(snapshot.examples, snapshot.ways, columns=[]).key
    return earlier[np.isin(identify(earlier, snapshot.ways, columns=[]).key, keys)]


def _without_repeats(earlier: pd.DataFrame, ways: Mapping[str, KnownBy]) -> pd.DataFrame:
    """A row that is read again each night is recorded once, under the run that read it first."""
    columns = [name for name in earlier.columns if name not in (*KNOWN, "run")]
    found = identify(earlier, ways, columns=columns)
    twice = pd.DataFrame({"key": found.key, "content": found.content}).duplicated()
    return earlier[~twice.to_numpy()].reset_index(drop=True)

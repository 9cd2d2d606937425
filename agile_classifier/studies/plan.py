"""Plan of a study: its cells, which of them are finished, and how long the missing ones will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

from agile_classifier.errors import InputError, did_you_mean
from agile_classifier.studies.cells import CellStore, FinishedCell
from agile_classifier.studies.file import Study, load_study
from agile_classifier.studies.grid import Cell, list_cells

UNKNOWN_SECONDS = {True: 10.0, False: 300.0}
"""Assumed seconds of a baseline (True) and a training (False) if none like it has run here."""
START_SECONDS = 8.0
"""Seconds that a cell's process takes to start, which its own `seconds` leave out."""


@dataclass(frozen=True)
class Plan:
    """Cells of a study, and which of them are missing."""

    file: Path
    """File that describes the study."""
    study: Study
    cells: tuple[Cell, ...]
    done: dict[str, FinishedCell]
    """Key of a cell → what came of it."""
    store: CellStore
    """Store of the finished cells."""

    @property
    def missing(self) -> list[Cell]:
        """Cells that were never run, one of each key."""
        return list({cell.key: cell for cell in self.cells if cell.key not in self.done}.values())

    def shards(self, jobs: int) -> list[list[Cell]]:
        """Missing cells in at most `jobs` shards of about equal time, each in the order of the study."""
        missing = self.missing
        seconds = list(map(self.seconds_of, missing))
        shards: list[list[int]] = [[] for _ in range(min(jobs, len(missing)))]
        loads = [0.0] * len(shards)
        for place in sorted(range(len(missing)), key=lambda place: -seconds[place]):
            lightest = loads.index(min(loads))
            loads[lightest] += seconds[place]
            shards[lightest].append(place)
        return [[missing[place] for place in sorted(shard)] for shard in shards]

    def seconds(self, *, jobs: int) -> float:
        """Estimated time of the missing cells, in seconds: that of the longest shard."""
        return max((sum(map(self.seconds_of, shard)) for shard in self.shards(jobs)), default=0.0)

    @cached_property
    def took(self) -> dict[str, list[tuple[int | None, float]]]:
        """Contender → size and seconds of each of its finished cells."""
        found: dict[str, list[tuple[int | None, float]]] = {}
        for cell in self.cells:
            if cell.key in self.done:
                found.setdefault(cell.place.contender, []).append((cell.place.size, self.done[cell.key].seconds))
        return found

    def seconds_of(self, cell: Cell) -> float:
        """Estimated time of a cell, in seconds, its start included.

        The median of its contender's cells at its size, else of those at other sizes, in proportion; else a guess.
        """
        seen = self.took.get(cell.place.contender)
        if seen is None:
            return UNKNOWN_SECONDS[cell.baseline is not None]
        alike = [seconds for size, seconds in seen if size == cell.place.size]
        other_sizes = [seconds * (cell.place.size or 1) / (size or 1) for size, seconds in seen]
        return START_SECONDS + float(median(alike or other_sizes))


def plan(file: Path, *, only: Sequence[str] = (), store: CellStore) -> Plan:
    """Plan a study: its cells, and which of them are finished.

    Raises
    ------
    InputError
        The study does not load, `only` names no contender, or a contender's config does not load.
    """
    study = load_study(file)
    unknown = [name for name in only if name not in study.trained]
    if unknown:
        listed = f"{', '.join(study.trained)}{did_you_mean(unknown[0], study.trained)}"
        raise InputError(f"--only {unknown[0]}: no such contender; there are {listed}")
    cells = list_cells(study, folder=file.resolve().parent)
    chosen = tuple(cell for cell in cells if not only or cell.place.contender in only)
    return Plan(file.resolve(), study, chosen, store.read({cell.key for cell in chosen}), store)


def estimate(planned: Plan, *, jobs: int) -> str:
    """Say in one line how many cells there are, how many are missing, and how long they would take."""
    n_missing = len(planned.missing)
    counts = f"{len(planned.cells)} cells, {n_missing} to run"
    if not n_missing:
        return counts
    guessed = sum(cell.place.contender not in planned.took for cell in planned.missing)
    doubt = f" ({guessed} of them guessed: none of their contender has run yet)" if guessed else ""
    return f"{counts}, about {in_minutes(planned.seconds(jobs=jobs))}{doubt}"


def require_budget(planned: Plan, *, jobs: int, minutes: float | None) -> None:
    """Raise InputError where the missing cells would take longer than was given."""
    if minutes is not None and planned.seconds(jobs=jobs) > minutes * 60:
        raise InputError(
            f"--budget {minutes:g}: {estimate(planned, jobs=jobs)};"
            " give more minutes, more --jobs, or fewer cells by --only"
        )


def in_minutes(seconds: float) -> str:
    """Format a duration in minutes, or seconds if it is short."""
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"

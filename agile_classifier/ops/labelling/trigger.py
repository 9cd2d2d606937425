"""Trigger: trainings that follow from labels, one at a time and one for a burst.

Label Studio sends an event for each annotation. Events of a project that come while it is looked at, or while its
training runs, are one event. How many labels are new is counted in the project itself, since the moment up to which the
last training has learnt, so that an event that was missed, sent twice or made up starts nothing by itself.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel

from agile_classifier.config.files import load_config
from agile_classifier.data.label_studio.connection import connect
from agile_classifier.data.label_studio.labels import NewLabels, count_new_labels
from agile_classifier.data.label_studio.projects import find_project
from agile_classifier.errors import one_line, redact
from agile_classifier.files import parse_own, write_whole
from agile_classifier.ops import project
from agile_classifier.ops.labelling.learnt import learnt_until
from agile_classifier.ops.labelling.links import Link, list_links, place

RETRY_SECONDS = 5.0
"""Pause between two looks at a project whose training still runs."""


@dataclass(frozen=True)
class Trainings:
    """How trainings are started here, and whether one still runs."""

    start: Callable[[Path], str | None]
    """Start the training of a config; returns its id, or None while another one keeps the machine."""
    is_going: Callable[[str], bool]


class Look(Enum):
    """What became of a look at a project."""

    STARTED = auto()
    NOTHING = auto()
    """There is nothing to learn, or not enough."""
    OWN_RUNS = auto()
    """The training that its labels have started runs still."""
    OTHER_RUNS = auto()
    """Another training keeps the machine."""


class LastTraining(BaseModel, frozen=True):
    """The last training that a project's labels have started."""

    until: datetime | None
    """When the latest label that it counted was given; None if there was none."""
    launch: str
    started: datetime


@dataclass(frozen=True)
class _Waiting:
    link: Link
    is_asked: bool
    """Whether a person asked for a training, by the button."""
    is_late: bool = False
    """Whether that was while one ran: then it takes a new label for another."""

    def joined(self, other: _Waiting) -> _Waiting:
        asked = [one for one in (self, other) if one.is_asked]
        return _Waiting(self.link, bool(asked), all(one.is_late for one in asked or (self, other)))


class Trigger:
    """Looks at projects whose labels may be new, in a thread of its own, and starts their trainings."""

    def __init__(self, trainings: Trainings, *, say: Callable[[str], object] | None = None) -> None:
        self._trainings = trainings
        self._say = say or (lambda line: print(f"label studio: {line}", file=sys.stderr, flush=True))
        self._waiting = dict[int, _Waiting]()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def notice(self, link: Link, *, is_asked: bool) -> None:
        """Have a project looked at; returns at once."""
        last = _read_last(link)
        self._wait(_Waiting(link, is_asked, is_late=last is not None and self._trainings.is_going(last.launch)))

    def notice_all(self, address: str) -> None:
        """Have every project of a server looked at, for labels that were given while nobody listened."""
        for link in list_links(address):
            if link.config is not None:
                self.notice(link, is_asked=False)

    def look_at(self, link: Link, *, is_asked: bool, is_late: bool = False) -> Look:
        """Look at a project now, and start its training if it is time.

        Raises
        ------
        InputError
            Label Studio cannot be asked, or the config is not sound any more.
        """
        with FileLock(place(link.address, link.project, ".lock")):
            config = Path(str(link.config))
            least = load_config(config, here=project.root()).schedule.min_new_labels
            last = _read_last(link)
            if not is_asked and least is None:
                return Look.NOTHING
            if last is not None and self._trainings.is_going(last.launch):
                return Look.OWN_RUNS
            new = _count(link, last)
            if new.count < (least or 1) and (not is_asked or (is_late and not new.count)):
                return Look.NOTHING
            launch = self._trainings.start(config)
            if launch is None:
                return Look.OTHER_RUNS
            until = new.until or (last.until if last else None)
            _write_last(link, LastTraining(until=until, launch=launch, started=datetime.now(UTC)))
        self._say(f"project {link.project}: {new.count} new labels; training of {config.name} started as {launch}")
        return Look.STARTED

    def _wait(self, waiting: _Waiting) -> None:
        with self._changed:
            earlier = self._waiting.get(waiting.link.project)
            self._waiting[waiting.link.project] = earlier.joined(waiting) if earlier else waiting
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="label studio", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                taken, self._waiting = self._waiting, {}
            looks = {one: self._look(one) for one in taken.values()}
            later = {one: look for one, look in looks.items() if look in (Look.OWN_RUNS, Look.OTHER_RUNS)}
            for one, look in later.items():
                self._wait(replace(one, is_late=one.is_late or look is Look.OWN_RUNS))
            if later:
                time.sleep(RETRY_SECONDS)

    def _look(self, one: _Waiting) -> Look:
        try:
            return self.look_at(one.link, is_asked=one.is_asked, is_late=one.is_late)
        except Exception as error:  # whatever a server or config brings, other projects are still looked at
            self._say(f"project {one.link.project}: {redact(one_line(error, longest=500))}")
            return Look.NOTHING


def _count(link: Link, last: LastTraining | None) -> NewLabels:
    """Labels that neither the last training from here nor the model's newest version has learnt."""
    connection = connect()
    found = find_project(connection, str(link.project))
    learnt = [until for until in (last.until if last else None, learnt_until(link.model_name)) if until is not None]
    return count_new_labels(connection, found, since=max(learnt, default=None))


def _read_last(link: Link) -> LastTraining | None:
    file = _last_file(link)
    if not file.is_file():
        return None
    return parse_own(file, LastTraining.model_validate_json, way_on="remove it, and every label counts as new")


def _write_last(link: Link, last: LastTraining) -> None:
    write_whole(_last_file(link), last.model_dump_json())


def _last_file(link: Link) -> Path:
    return place(link.address, link.project, ".last-training")

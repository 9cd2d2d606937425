"""The trigger: enough new labels or a person's word start one training, and a burst of events never two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agile_classifier.data.label_studio.labels import NewLabels
from agile_classifier.ops.labelling import trigger as triggering
from agile_classifier.ops.labelling.links import Link, list_links, read_link, write_link
from agile_classifier.ops.labelling.trigger import Look, Trainings, Trigger
from tests.toys.waiting import until

BEGIN = datetime(2026, 11, 30, tzinfo=UTC)
SERVER = "http://127.0.0.1:8080"
LEAST = 3


class Workshop:
    """Labels by their time, and trainings that end when a test says so."""

    def __init__(self) -> None:
        self.labels: list[datetime] = []
        self.started: list[str] = []
        self.going: set[str] = set()
        self.is_busy = False
        self.n_looks = 0

    def label(self, n: int) -> None:
        self.labels += [BEGIN + timedelta(minutes=len(self.labels) + place) for place in range(1, n + 1)]

    def count(self, link: Link, last: triggering.LastTraining | None) -> NewLabels:
        since = last.until if last else None
        new = [time for time in self.labels if since is None or time > since]
        return NewLabels(len(new), max(new, default=None))

    def start(self, config: Path) -> str | None:
        if self.is_busy:
            return None
        self.started.append(f"launch-{len(self.started) + 1}")
        self.going.add(self.started[-1])
        return self.started[-1]

    def is_going(self, launch: str) -> bool:
        self.n_looks += 1
        return launch in self.going


@pytest.fixture
def workshop(monkeypatch: pytest.MonkeyPatch) -> Workshop:
    workshop = Workshop()
    monkeypatch.setattr(triggering, "_count", workshop.count)
    monkeypatch.setattr(triggering, "RETRY_SECONDS", 0.01)
    return workshop


@pytest.fixture
def link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Link:
    monkeypatch.setenv("AGILE_HOME", str(tmp_path / "home"))
    config = tmp_path / "run.yaml"
    config.write_text(
        "parameters:\n  data: {source: a.csv, columns: {score: score}}\n  model: {source: base}\n"
        f"  registry: {{model_name: mood}}\n  schedule: {{min_new_labels: {LEAST}}}\n"
    )
    link = Link(address=SERVER, project=7, title="to label", model_name="mood", config=str(config))
    write_link(link)
    return link


def make(workshop: Workshop) -> Trigger:
    return Trigger(Trainings(workshop.start, workshop.is_going), say=lambda line: None)


def test_a_link_is_found_by_server_and_project(link: Link) -> None:
    write_link(link.model_copy(update={"project": 12, "config": None}))
    write_link(link.model_copy(update={"address": "http://127.0.0.1:9090"}))
    assert read_link(SERVER, 7) == link
    assert read_link(SERVER, 8) is None
    assert [found.project for found in list_links(SERVER)] == [7, 12]


def test_too_few_labels_start_nothing_and_enough_start_one(workshop: Workshop, link: Link) -> None:
    trigger = make(workshop)
    workshop.label(LEAST - 1)
    assert trigger.look_at(link, is_asked=False) is Look.NOTHING
    workshop.label(1)
    assert trigger.look_at(link, is_asked=False) is Look.STARTED
    assert trigger.look_at(link, is_asked=False) is Look.OWN_RUNS
    workshop.going.clear()
    assert trigger.look_at(link, is_asked=False) is Look.NOTHING
    workshop.label(LEAST)
    assert make(workshop).look_at(link, is_asked=False) is Look.STARTED  # another process remembers as much


def test_a_person_needs_no_number_of_labels(workshop: Workshop, link: Link) -> None:
    assert make(workshop).look_at(link, is_asked=True) is Look.STARTED


def test_without_a_number_labels_alone_start_nothing(workshop: Workshop, link: Link) -> None:
    config = Path(str(link.config))
    config.write_text(config.read_text().replace(f"{{min_new_labels: {LEAST}}}", "{}"))
    workshop.label(100)
    assert make(workshop).look_at(link, is_asked=False) is Look.NOTHING
    assert make(workshop).look_at(link, is_asked=True) is Look.STARTED


def test_a_burst_of_events_and_clicks_starts_one_training(workshop: Workshop, link: Link) -> None:
    trigger = make(workshop)
    for _ in range(20):
        workshop.label(1)
        trigger.notice(link, is_asked=False)
        trigger.notice(link, is_asked=True)
    until(lambda: workshop.started, "a training")
    for _ in range(20):
        trigger.notice(link, is_asked=True)
    seen = workshop.n_looks
    until(lambda: workshop.n_looks > seen + 5, "looks at the training that goes on")
    n_learnt = (
        sum(time <= last.until for time in workshop.labels)
        if (last := triggering._read_last(link)) and last.until
        else 0
    )
    assert workshop.started == ["launch-1"]
    workshop.going.clear()
    if n_learnt < len(workshop.labels):  # what came while it ran is worth another
        until(lambda: len(workshop.started) == 2, "a second training")
        workshop.going.clear()
    until(lambda: not trigger._waiting, "an empty queue")
    assert len(workshop.started) <= 2


def test_a_click_while_a_training_runs_waits_for_its_end_and_for_a_new_label(workshop: Workshop, link: Link) -> None:
    trigger = make(workshop)
    workshop.label(1)
    trigger.notice(link, is_asked=True)
    until(lambda: workshop.started, "a training")
    trigger.notice(link, is_asked=True)
    workshop.label(1)
    workshop.going.clear()
    until(lambda: len(workshop.started) == 2, "a second training")


def test_a_click_waits_for_another_training_of_the_machine(workshop: Workshop, link: Link) -> None:
    workshop.is_busy = True
    trigger = make(workshop)
    trigger.notice(link, is_asked=True)
    until(lambda: trigger._waiting, "the click that waits")
    assert workshop.started == []
    workshop.is_busy = False
    until(lambda: workshop.started, "a training")


def test_labels_that_were_given_while_nobody_listened_are_found_at_the_start(workshop: Workshop, link: Link) -> None:
    workshop.label(LEAST)
    make(workshop).notice_all(SERVER)
    until(lambda: workshop.started, "a training")


def test_an_error_is_said_and_ends_nothing(workshop: Workshop, link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    trigger = Trigger(Trainings(workshop.start, workshop.is_going), say=said.append)
    trigger.notice(link.model_copy(update={"config": "gone.yaml"}), is_asked=True)
    until(lambda: said, "a line")
    assert said == ["project 7: gone.yaml: no such config file"]
    trigger.notice(link, is_asked=True)
    until(lambda: workshop.started, "a training")

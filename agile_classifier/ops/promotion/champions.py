"""Champions: who is in service, who was before, and how that changes; every change is an event of the model's history.

Aliases in MLflow: `candidate` (the newest version), `champion`, `previous` (what a rollback goes back to). The alias
that a person moves on MLflow's page wins: it is found, recorded, and built upon, by whatever looks next.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from mlflow import MlflowClient
from zenml.client import Client
from zenml.enums import ExecutionStatus

from agile_classifier.errors import InputError
from agile_classifier.ops.notifications import is_told
from agile_classifier.ops.promotion.lock import promotion_lock
from agile_classifier.ops.promotion.settled import PROMOTION as PROMOTION
from agile_classifier.ops.promotion.settled import find_asked
from agile_classifier.ops.registry import history, history_page
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.history import Change, Event

PREVIOUS = "previous"
REASON, PROMOTION_RUN = "promotion.reason", "promotion.run"
ROLLED_BACK_AT = "rolled_back"
REFUSED_BY, REFUSED_FOR = "promotion.refused_by", "promotion.refused_for"


def settle(model_name: str) -> list[Event]:
    """Record what was done elsewhere since the last event: an alias moved by hand, a promotion rejected.

    Returns
    -------
    list of Event
        The whole history, oldest first.

    Raises
    ------
    InputError
        No such model.
    """
    registry.only_model(model_name)
    with _deciding(model_name):
        return _settle(model_name)


def promote(event: Event, *, model_name: str, expected: str | None) -> bool:
    """Make the event's version the champion if `expected` still is it; returns whether it was done.

    A version that was rolled back and is promoted again no longer counts as rolled back.
    """
    with _deciding(model_name):
        events = _settle(model_name)
        if registry.read_champion(model_name) != expected:
            return False
        _change(model_name, event, events)
    return True


def note(event: Event, *, model_name: str) -> None:
    """Record an event that moves no alias, also as a tag of the version."""
    with _deciding(model_name):
        _change(model_name, event, _settle(model_name))


def roll_back(model_name: str, *, reason: str, expected: str | None = None) -> Event:
    """Make the previous champion the champion again; the one rolled back is never promoted again automatically.

    A rollback whose process was killed is carried to its end, and no other is begun.

    Parameters
    ----------
    expected : str, optional
        Version that must still be the champion, so that a rollback that is asked for twice goes back one step.

    Raises
    ------
    InputError
        No such model, no champion, another one than expected, or none before it.
    """
    registry.only_model(model_name)
    with _deciding(model_name):
        begun = [change.event for change in history.read_changes(model_name)]
        events = _settle(model_name)
        if begun and begun[-1].kind == history.ROLLED_BACK and begun[-1] in events:
            return begun[-1]
        line = list_champions(model_name, events)
        so_far = f"champions so far: {', '.join(line) or 'none'} (agile history)"
        if expected is not None and line[-1:] != [expected]:
            raise InputError(f"model {model_name}: version {expected} is not the champion any more; {so_far}")
        if len(line) < 2:
            raise InputError(f"model {model_name}: nothing to go back to; {so_far}")
        left, back = line[-1], line[-2]
        return _change(model_name, Event(history.ROLLED_BACK, left, back, by=person(), reason=reason), events)


def list_champions(model_name: str, events: Sequence[Event]) -> list[str]:
    """List the champions that a rollback goes back along and that are still there, the one in service last."""
    return _existing(model_name, history.line_of_champions(events))


def person() -> str:
    """Name of the person at this terminal: ZenML's user on a team's server, else the machine's user."""
    user = Client().active_user.name
    return getpass.getuser() if user == "default" else user


@contextmanager
def _deciding(model_name: str) -> Iterator[None]:
    """Hold a model's promotion lock, and bring its history on MLflow's page up to date at the end."""
    with promotion_lock(model_name):
        yield
        history_page.publish(model_name)


def _change(model_name: str, event: Event, events: Sequence[Event]) -> Event:
    """Carry out a change of who is champion, or of what is known of a version; returns its event as recorded."""
    stated = replace(event, untold=is_told(event))
    return _finish(model_name, history.begin(model_name, stated, before=registry.read_champion(model_name)), events)


def _finish(model_name: str, change: Change, events: Sequence[Event]) -> Event:
    """Carry a change to its end; what was done of it already is done again, which changes nothing."""
    event = change.event
    _tag(model_name, event)
    if event.champion is not None and event.champion != change.before:
        MlflowClient().set_registered_model_alias(model_name, registry.CHAMPION, event.champion)
        _set_previous(model_name, [*events, event])
    history.conclude(model_name, change)
    return event


def _tag(model_name: str, event: Event) -> None:
    """Tag the version that an event is about with what became of it."""
    version = str(event.version)
    if event.kind == history.ROLLED_BACK:
        return registry.tag_version(model_name, version, {ROLLED_BACK_AT: f"by {event.by}: {event.reason}"})
    if event.kind == history.PROMOTED and ROLLED_BACK_AT in registry.read_tags(model_name, version):
        MlflowClient().delete_model_version_tag(model_name, version, ROLLED_BACK_AT)
    facts = {PROMOTION: event.kind, REASON: event.reason, **({PROMOTION_RUN: event.run} if event.run else {})}
    return registry.tag_version(model_name, version, facts)


def _settle(model_name: str) -> list[Event]:
    events = _finish_begun(model_name)
    moves = _moves(model_name, events)
    for refused in _refusals(model_name):
        events.append(_change(model_name, refused, events))
    for seen in moves:
        events.append(history.record(model_name, replace(seen, untold=is_told(seen))))
        if seen.champion is not None:
            _set_previous(model_name, events)
    return events


def _finish_begun(model_name: str) -> list[Event]:
    """Carry changes to their end whose process was killed, unless somebody has moved the champion or deleted it since.

    Returns the whole history.
    """
    for change in history.read_changes(model_name):
        is_there = bool(_existing(model_name, [str(change.event.version)]))
        if is_there and registry.read_champion(model_name) in (change.before, change.event.champion):
            _finish(model_name, change, history.read_events(model_name))
        else:
            history.withdraw(model_name, change)
    return history.read_events(model_name)


def _moves(model_name: str, events: Sequence[Event]) -> list[Event]:
    champion, known = registry.read_champion(model_name), history.last_champion(events)
    if champion == known:
        return []
    if champion is None:
        return [Event(history.REMOVED, known, None, history.BY_HAND, f"The alias was taken from version {known}.")]
    before = "No champion was recorded before." if known is None else f"The alias was taken from version {known}."
    return [Event(history.MOVED, champion, champion, history.BY_HAND, before)]


def _refusals(model_name: str) -> list[Event]:
    """List the promotions that were rejected on ZenML's dashboard, where this project does not run."""
    return [event for version in find_asked(model_name) if (event := _refusal(model_name, version)) is not None]


def _refusal(model_name: str, version: Any) -> Event | None:
    run_name = version.tags.get(PROMOTION_RUN, "")
    try:
        run = Client().get_pipeline_run(run_name, allow_name_prefix_match=False)
    except KeyError:
        return None
    if run.status != ExecutionStatus.STOPPED:
        return None
    number = str(version.version)
    by = version.tags.get(REFUSED_BY, "somebody on the dashboard")
    reason = version.tags.get(REFUSED_FOR) or f"The question of run {run_name} was answered with no."
    return Event(history.REJECTED, number, registry.read_champion(model_name), by, reason, run=run_name)


def _set_previous(model_name: str, events: Sequence[Event]) -> None:
    line = list_champions(model_name, events)
    client = MlflowClient()
    if len(line) > 1:
        client.set_registered_model_alias(model_name, PREVIOUS, line[-2])
    elif PREVIOUS in client.get_registered_model(model_name).aliases:
        client.delete_registered_model_alias(model_name, PREVIOUS)


def _existing(model_name: str, line: Sequence[str]) -> list[str]:
    """Filter a line of versions: drop deleted ones, and repetitions in a row."""
    there = {str(found.version) for found in MlflowClient().search_model_versions(f"name = '{model_name}'")}
    kept = [version for version in line if version in there]
    return [version for number, version in enumerate(kept) if number == 0 or kept[number - 1] != version]

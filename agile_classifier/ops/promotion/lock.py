"""Promotion lock: one process at a time decides on a model's champion, on whichever machine.

In one state folder a file lock suffices, which the kernel frees whenever its holder ends. Where ZenML's store is a
team's, other machines decide too: there a tag is created as well, whose name the store's database keeps unique, and
whoever creates it holds the lock. A tag outlives a killed holder, so one that stands unchanged for `HELD_AT_MOST`
seconds while somebody waits is removed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from uuid import UUID

from zenml.client import Client
from zenml.exceptions import EntityExistsError
from zenml.models import TagFilter, TagRequest

from agile_classifier.ops.state import locks
from agile_classifier.ops.state.stores import is_zenml_embedded

HELD_AT_MOST = 60.0
"""Time after which the holder of a tag counts as killed, in seconds; work under the lock takes one or two."""
PAUSE = 0.2
"""Time between two looks at a tag that another holds, in seconds."""


@contextmanager
def promotion_lock(model_name: str) -> Iterator[None]:
    """Wait for a model's promotion lock, and hold it."""
    name = f"promotion of {model_name}"
    with locks.acquire(name, holder="a decision"), nullcontext() if is_zenml_embedded() else hold_tag(name):
        yield


@contextmanager
def hold_tag(name: str) -> Iterator[None]:
    """Wait until a tag of this name can be created, and remove it at the end."""
    store = Client().zen_store
    held = _create_tag(name)
    try:
        yield
    finally:
        with suppress(KeyError):  # held too long, and removed by another
            store.delete_tag(held)


def _create_tag(name: str) -> UUID:
    """Create the tag, once no other machine holds it; returns its id."""
    store, seen = Client().zen_store, _Seen()
    while True:
        try:
            return store.create_tag(TagRequest(name=name)).id
        except EntityExistsError:
            items = store.list_tags(TagFilter(name=f"equals:{name}")).items  # none where it was removed meanwhile
        for tag in items:
            if seen.for_seconds(tag.id) > HELD_AT_MOST:
                print(
                    f"{name}: its lock stood for {HELD_AT_MOST:g} s, so its holder counts as killed; going on without",
                    file=sys.stderr,
                    flush=True,
                )
                with suppress(KeyError):  # removed meanwhile
                    store.delete_tag(tag.id)
        time.sleep(PAUSE)


class _Seen:
    """How long one and the same tag has been seen, by this machine's own clock; others' clocks may differ."""

    def __init__(self) -> None:
        self._id: UUID | None = None
        self._since = 0.0

    def for_seconds(self, tag: UUID) -> float:
        if tag != self._id:
            self._id, self._since = tag, time.monotonic()
        return time.monotonic() - self._since

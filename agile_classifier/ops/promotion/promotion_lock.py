"""Promotion lock: one process at a time decides on a model's champion, on whichever machine.

MLflow moves an alias without asking what it was. ZenML's tags have unique names in one database for everybody, so whoever makes the
tag holds the lock.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from zenml.client import Client
from zenml.exceptions import EntityExistsError

HELD_AT_MOST = 60.0
"""Seconds after which the holder counts as killed; what is done under the lock takes one or two."""
PAUSE = 0.2


@contextlib.contextmanager
def promotion_lock(model_name: str) -> Iterator[None]:
    """Wait for the lock of a model, and hold it."""
    name = f"promotion of {model_name}"
    client = Client()
    while True:
        try:
            tag = client.create_tag(name)
            break
        except EntityExistsError:
            _break_if_old(client, name)
            time.sleep(PAUSE)
    try:
        yield
    finally:
        with contextlib.suppress(KeyError):  # held too long, and broken by another
            client.delete_tag(tag.id)


def _break_if_old(client: Client, name: str) -> None:
    with contextlib.suppress(KeyError):  # let go meanwhile
        held = client.get_tag(name)
        since = held.created if held.created.tzinfo else held.created.replace(tzinfo=UTC)
        if (datetime.now(UTC) - since).total_seconds() > HELD_AT_MOST:
            client.delete_tag(held.id)

"""A server of ours in a thread, on a free port of loopback, and a client that sends bytes as they are."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from agile_classifier.ops.feedback.store import FeedbackStore
from agile_classifier.ops.feedback.verdicts import VerdictTaker
from agile_classifier.ops.serving import connections, guard
from agile_classifier.ops.serving.app import make_app
from agile_classifier.ops.serving.batches import Answer, Batches
from agile_classifier.ops.serving.connections import RequestLimits
from agile_classifier.ops.serving.guard import Guard
from agile_classifier.ops.serving.listening import LimitedServer, listen
from agile_classifier.ops.serving.metrics import ServingMetrics
from agile_classifier.ops.serving.several.fleet import AskedText
from agile_classifier.ops.serving.several.served import Served
from agile_classifier.ops.serving.texts import ServingLimits
from tests.toys.waiting import LONGEST

BRIEF = {"seconds_to_begin": 0.3, "seconds_to_head": 0.3, "seconds_to_read": 0.3, "seconds_to_fetch": 0.3}
"""Limits of a server whose clients are slow on purpose."""


@contextmanager
def impatient() -> Iterator[None]:
    """Servers that wait for refused clients as briefly as `BRIEF` for others."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in (
            (connections, "SECONDS_TO_CLOSE"),
            (connections, "SECONDS_TO_REFUSE"),
            (guard, "SECONDS_TO_DRAIN"),
        ):
            patch.setattr(module, name, 0.3)
        yield


@contextmanager
def running(app: Guard, limits: RequestLimits) -> Iterator[int]:
    """Port of the server, while it runs."""
    started = threading.Event()

    class Server(LimitedServer):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started.set()

    with listen("127.0.0.1", 0, token="t" * 16, variable="") as listener:
        port = listener.getsockname()[1]
        server = Server(app, limits, said="")
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert started.wait(LONGEST)
            yield port
        finally:
            server.should_exit = True
            thread.join(LONGEST)


@contextmanager
def scoring(*, token: str | None = None, **limits: Any) -> Iterator[tuple[Guard, ServingLimits]]:
    """The scoring server's application, with a model that answers every text with itself."""
    chosen = ServingLimits(**limits)
    with serving_toys(chosen) as served:
        yield make_app(served, take_no_verdicts(), metrics=ServingMetrics(), token=token), chosen


@dataclass(frozen=True)
class ToyService:
    """A model that answers every text with itself as the label, and probabilities 1/n, 2/n …, of its classes."""

    classes: tuple[str, ...] = ("no", "yes")
    version: str = "7"
    several: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return "label", *(f"probability_{name}" for name in self.classes)

    def answer(self, text: str) -> dict[str, Any]:
        scores = {f"probability_{name}": (number + 1) / 8 for number, name in enumerate(self.classes)}
        return {
            "label": json.dumps(text.split()) if self.several else text[:20],
            **scores,
            "model_version": self.version,
        }


@contextmanager
def serving_toys(limits: ServingLimits, **services: ToyService) -> Iterator[Served]:
    """Toy models by their names; without any, one that is called `toy`."""
    there = services or {"toy": ToyService()}

    def score(asked: Sequence[AskedText]) -> Answer:
        return [there[each.model].answer(each.text) for each in asked]

    batches = Batches(score, batch_rows=limits.batch_rows, max_waiting=limits.max_waiting)
    yield Served(there, batches, limits)
    batches.close()


def take_no_verdicts() -> VerdictTaker:
    """Of a store that is not there: it knows no prediction."""
    return VerdictTaker(FeedbackStore("sqlite:////nowhere/feedback.db"), keeps_texts=lambda *_: False)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=LONGEST)


def talk(port: int, sent: bytes) -> bytes:
    """Everything that is answered to some bytes, until the server closes."""
    with connect(port) as client:
        client.sendall(sent)
        return read_all(client)


def read_all(client: socket.socket) -> bytes:
    answer = b""
    try:
        while part := client.recv(65_536):
            answer += part
    except ConnectionResetError:
        pass
    return answer


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def require_sound(port: int, requests: Sequence[bytes], caplog: pytest.LogCaptureFixture) -> None:
    """No request is answered by a 5xx, or leaves an error in the server's log."""
    caplog.clear()
    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(16) as clients:
        answers = dict(zip(requests, clients.map(talk, [port] * len(requests), requests), strict=True))
    assert {
        sent[:500]: found for sent, answer in answers.items() if max(found := statuses(answer), default=0) >= 500
    } == {}
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]

"""Clients of a server on loopback, which keep their connections, and what they saw of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np


@dataclass
class Measured:
    """What clients saw of one server."""

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Requests answered."""
        return self.statuses[200] / self.seconds

    def percentile(self, share: float) -> float:
        """Percentile of the time of a request, in milliseconds."""
        return float(np.percentile(self.milliseconds, share))


async def ask(port: int, texts: Sequence[str], *, clients: int, seconds: float, models: Sequence[str] = ()) -> Measured:
    """Each text once, by so many clients, for so long at most; with models, each text asks the next of them."""
    measured, waiting = Measured(), zip(texts, cycle(models or [None]))
    started = time.perf_counter()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for text, model in waiting:
            if time.perf_counter() - started > seconds:
                break
            sent = time.perf_counter()
            writer.write(_request(text, model))
            status = await _read_status(reader)
            measured.statuses[status] += 1
            if status == 200:
                measured.milliseconds.append(1000 * (time.perf_counter() - sent))
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client() for _ in range(clients)))
    measured.seconds = time.perf_counter() - started
    return measured


def _request(text: str, model: str | None) -> bytes:
    named = {} if model is None else {"params": {"model": model}}
    body = json.dumps({"dataframe_split": {"columns": ["text"], "data": [[text]]}, **named}).encode()
    head = (
        "POST /invocations HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: "
        f"{len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _read_status(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
    return int(head.split(" ", 2)[1])

"""Held connections: how many of an honest client's requests are answered while hundreds of connections are held open.

    python -m benchmarks.abuse.held [--held N] [--clients N] [--seconds S]

Holds connections to `agile serve` and to `agile deploy` in each of the ways below, and opens each anew a second after
the server has ended it; meanwhile clients ask, each for a connection of its own every other time. The version is the
champion of the state folder, else a short run makes one. Exit code 1 where less than 99 % are answered by 200.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from benchmarks.abuse.servers import started
from benchmarks.served.versions import version_to_serve

HOST = "127.0.0.1"
POST = b"POST /invocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
HOLD: dict[str, bytes] = {
    "nobody holds": b"",
    "silent": b"",
    "half a head": POST,
    "half a body": POST + b"content-length: 1000\r\n\r\n{",
    "an answer unread": b"GET /docs-files/swagger-ui-bundle.js HTTP/1.1\r\nhost: localhost\r\n\r\n" * 4,
}
"""Way to hold a connection → what is sent on it."""
BODY = json.dumps({"inputs": ["what a lovely day"]}).encode()
ASKED: dict[str, bytes] = {
    "serve": POST + b"content-length: %d\r\n\r\n" % len(BODY) + BODY,
    "deploy": b"GET /launches HTTP/1.1\r\nhost: localhost\r\n\r\n",
}
TARGET = 0.99
PATIENCE = 30.0
"""Longest wait for an answer, in seconds; longer is none."""


@dataclass
class Seen:
    """What honest clients saw."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Share of requests that were answered by 200."""
        return self.statuses["200"] / max(1, self.statuses.total())


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each server and way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held", type=int, default=700)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each line")
    asked = parser.parse_args(arguments)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    shares = []
    with version_to_serve(None) as version:
        for command, options in (("serve", ("--model", version.name, "--version", version.number)), ("deploy", ())):
            with started(command, *options, environment=version.environment) as server:
                for way, sent in HOLD.items():
                    n_held = asked.held if way != "nobody holds" else 0
                    seen = asyncio.run(
                        _measure(server.port, ASKED[command], sent, n_held, asked.clients, asked.seconds)
                    )
                    shares.append(seen.share)
                    longest = f"longest {max(seen.seconds, default=0):.2f} s"
                    print(
                        f"{command:6}  {n_held:4} {way:16} {seen.share:7.2%}  {dict(seen.statuses)}  {longest}",
                        flush=True,
                    )
    return int(min(shares) < TARGET)


async def _measure(port: int, asked: bytes, held: bytes, n_held: int, n_clients: int, seconds: float) -> Seen:
    seen, until = Seen(), time.monotonic() + seconds
    async with _holding(port, held, n_held):
        await asyncio.gather(*(_ask(port, asked, until, seen) for _ in range(n_clients)))
    return seen


@asynccontextmanager
async def _holding(port: int, sent: bytes, n_held: int) -> AsyncIterator[None]:
    holders = [asyncio.create_task(_hold(port, sent)) for _ in range(n_held)]
    await asyncio.sleep(2)
    try:
        yield
    finally:
        for holder in holders:
            holder.cancel()
        await asyncio.gather(*holders, return_exceptions=True)


async def _hold(port: int, sent: bytes) -> None:
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(HOST, port, limit=1)
            try:
                writer.write(sent)
                while sent.startswith(b"GET") and not reader.at_eof():
                    await asyncio.sleep(1)
                await reader.read()
            finally:
                writer.close()
        await asyncio.sleep(1)


async def _ask(port: int, asked: bytes, until: float, seen: Seen) -> None:
    """Ask on a connection that is kept and on a new one, in turns."""
    kept: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while time.monotonic() < until:
        begun = time.monotonic()
        try:
            kept = kept or await asyncio.open_connection(HOST, port)
            seen.statuses[await asyncio.wait_for(_answer(*kept, asked), PATIENCE)] += 1
            fresh = await asyncio.open_connection(HOST, port)
            seen.statuses[await asyncio.wait_for(_answer(*fresh, asked), PATIENCE)] += 1
            fresh[1].close()
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            seen.statuses[type(error).__name__] += 1
            kept = None
        seen.seconds.append(time.monotonic() - begun)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: bytes) -> str:
    writer.write(asked)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
    return head.split(" ", 2)[1]


if __name__ == "__main__":
    raise SystemExit(main())

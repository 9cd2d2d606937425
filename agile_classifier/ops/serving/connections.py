"""Connections of our servers: how many a client may hold, and how long it may take over each part of a request.

Uvicorn waits for the rest of a request's head for ever, bounds neither its size nor anybody's connections, and keeps an
answer that nobody fetches. Here a client has so long for each of its turns; and where no more connections fit, the one
that has waited longest for its client makes room, so that many that are held open shut nobody else out.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from agile_classifier.ops.serving.refusals import BAD_REQUEST, Refusal, busy, head_too_large, write_raw

SECONDS_TO_CLOSE = 2.0
"""Time between a refusal and the end of its connection, in which its client may read it."""
SECONDS_TO_REFUSE = 5.0
"""Time beyond `seconds_to_read` after which a body that is not whole ends its connection, in whatever way it came."""
SECONDS_OF_GRACE = 1.0
"""Wait after which a connection on which nothing was ever answered makes room before all others."""
SECONDS_BETWEEN_LINES = 10.0
"""Shortest time between two lines of the log about connections that made room."""
BYTES_ON_THE_WIRE = 8
"""Most bytes of a body as it is sent, in chunks of whatever size, for one of it as it is read."""


@dataclass(frozen=True)
class RequestLimits:
    """Requests and connections that a server takes on; what is more is refused."""

    max_bytes: int = 4_000_000
    """Largest request body, in bytes."""
    max_requests: int = 128
    """Most requests with a body that are under way at a time."""
    max_head_bytes: int = 32_768
    """Largest head of a request (its address and headers), in bytes."""
    seconds_to_begin: float = 5.0
    """Longest time between an answer and the next request on a connection."""
    seconds_to_head: float = 10.0
    """Longest time that a client may take to send the head of a request."""
    seconds_to_read: float = 30.0
    """Longest time that a client may take to send the body of a request."""
    seconds_to_fetch: float = 30.0
    """Longest time for which a client may leave its answer unread."""

    max_per_address: int = 1_024
    """Most connections of one address."""

    @property
    def max_connections(self) -> int:
        """Most connections."""
        return 2 * self.max_per_address

    @property
    def max_unread_bytes(self) -> int:
        """Most bytes of all bodies together that are not yet whole."""
        return 16 * self.max_bytes


class Turn(Enum):
    """What a connection waits for its client to do."""

    BEGIN = auto()
    """Begin the next request."""
    HEAD = auto()
    """End the head of a request."""
    BODY = auto()
    """End the body of a request."""
    FETCH = auto()
    """Read its answer."""
    CLOSE = auto()
    """Read why it was refused, and close."""


class Connections(ServerState):
    """Connections of a server; those that wait for their client stand in the order in which they began to wait."""

    def __init__(self, limits: RequestLimits, *, max_connections: int) -> None:
        super().__init__()
        self.limits, self._max_connections = limits, max_connections
        self._held: dict[Connection, str] = {}
        self._waiting: dict[Connection, tuple[Turn, float]] = {}
        self._made_room, self._next_line = 0, 0.0
        self._seconds = {
            Turn.BEGIN: limits.seconds_to_begin,
            Turn.HEAD: limits.seconds_to_head,
            Turn.BODY: limits.seconds_to_read + SECONDS_TO_REFUSE,
            Turn.FETCH: limits.seconds_to_fetch,
            Turn.CLOSE: SECONDS_TO_CLOSE,
        }

    def admit(self, connection: Connection) -> bool:
        """Take on a connection, in place of the longest waiting one where there are too many; False if none waits."""
        held = Counter(self._held.values())
        self._held[connection] = connection.address
        if held[connection.address] >= self.limits.max_per_address:
            crowd = connection.address
        elif held.total() >= self._max_connections:
            crowd = held.most_common(1)[0][0]
        else:
            return True
        waiting = [other for other in self._waiting if self._held.get(other) == crowd]
        late = time.monotonic() - SECONDS_OF_GRACE
        idle = (other for other in waiting if not other.was_answered and self._waiting[other][1] < late)
        longest = next(idle, waiting[0] if waiting else None)
        if longest is None:
            return False
        del self._held[longest]
        self._made_room += 1
        longest.make_room()
        return True

    def wait_for(self, connection: Connection, turn: Turn | None) -> None:
        """Note whose turn it is, from now on; None: the server's."""
        self._waiting.pop(connection, None)
        if turn is not None:
            self._waiting[connection] = (turn, time.monotonic())

    def forget(self, connection: Connection) -> None:
        """Note that a connection has ended."""
        self._held.pop(connection, None)
        self._waiting.pop(connection, None)

    def end_late(self) -> None:
        """End the connections whose client took too long; called every so often."""
        now = time.monotonic()
        for connection, (turn, since) in list(self._waiting.items()):
            if now - since > self._seconds[turn]:
                connection.end_turn()
        if self._made_room and now >= self._next_line:
            logging.getLogger(__name__).warning(
                "%d connections that waited for their clients were closed, for want of room", self._made_room
            )
            self._made_room, self._next_line = 0, now + SECONDS_BETWEEN_LINES


class Connection(HttpToolsProtocol):
    """A client's connection: each of its turns ends, and what is no request is refused in MLflow's form."""

    server_state: Connections
    address = ""
    """What counts as one address."""
    was_answered = False
    """Whether a request that came on it was answered."""
    _turn: Turn | None = None
    _part = Turn.HEAD
    """Part of a request that comes next."""
    _n_bytes = 0
    """Bytes of that part so far, and of what came in with it."""
    _is_full = _is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Take on the connection; where none fits any more, refuse it."""
        super().connection_made(transport)
        self.address = _address(self.client)
        if self.server_state.admit(self):
            self._look()
        else:
            self._refuse(busy("too many connections"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self.server_state.forget(self)

    def data_received(self, data: bytes) -> None:
        """Read on, up to the largest head and body."""
        if self._is_refused:
            return
        super().data_received(data)
        if self._is_refused:
            return
        limits = self.server_state.limits
        self._n_bytes += len(data)
        if self._part is Turn.HEAD and self._n_bytes > limits.max_head_bytes:
            self._refuse(head_too_large(limits.max_head_bytes))
        elif self._part is Turn.BODY and self._n_bytes > BYTES_ON_THE_WIRE * limits.max_bytes:
            self._abort()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._part, self._n_bytes = Turn.HEAD, 0
        self._look()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; what follows a body that is sent in chunks is none."""
        if self._part is Turn.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head of a request is whole."""
        super().on_headers_complete()
        if self.parser.should_upgrade():  # httptools reads nothing after such a request
            self.cycle.keep_alive = False
        self._part = Turn.BODY
        self._look()

    def on_message_complete(self) -> None:
        """A request is whole."""
        super().on_message_complete()
        self._part = Turn.BEGIN
        self._look()

    def on_response_complete(self) -> None:
        """A request is answered."""
        super().on_response_complete()
        self.was_answered = True
        self._look()

    def pause_writing(self) -> None:
        """The client leaves its answer unread."""
        super().pause_writing()
        self._is_full = True
        self._look()

    def resume_writing(self) -> None:
        """The client reads on."""
        super().resume_writing()
        self._is_full = False
        self._look()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(Refusal(HTTPStatus.BAD_REQUEST, msg, code=BAD_REQUEST))

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing of an upgrade that was asked for: the request is answered, as HTTP wants."""

    def make_room(self) -> None:
        """End for want of room."""
        if self._turn in (Turn.BODY, Turn.FETCH):
            self._abort()
            return
        if self._turn is Turn.HEAD and self._n_bytes:
            self.transport.write(write_raw(busy("too many connections, and this one sent no whole request")))
        self._is_refused = True
        self.transport.close()
        self._look()

    def end_turn(self) -> None:
        """End what the client took too long over."""
        if self._turn is Turn.HEAD and self._n_bytes:
            line = f"the head of the request was not sent within {self.server_state.limits.seconds_to_head:g} s"
            self._refuse(Refusal(HTTPStatus.REQUEST_TIMEOUT, line))
        elif self._turn in (Turn.BEGIN, Turn.HEAD):
            self.transport.close()
            self._look()
        else:
            self._abort()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what will be no request of the application, and read no more; one under way is given up."""
        self._is_refused = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(write_raw(refusal))
            self.transport.write_eof()
        self._look()

    def _abort(self) -> None:
        """End at once; what is being answered is told, for nothing can be written any more."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.abort()

    def _look(self) -> None:
        """See whose turn it is."""
        if (turn := self._whose_turn()) is not self._turn:
            self._turn = turn
            self.server_state.wait_for(self, turn)

    def _whose_turn(self) -> Turn | None:
        if self._is_refused:
            return Turn.CLOSE
        if self._is_full or self.transport.is_closing():
            return Turn.FETCH
        is_answering = self.cycle is not None and not self.cycle.response_complete
        return None if is_answering and self._part is not Turn.BODY else self._part


def _address(client: tuple[str, int] | None) -> str:
    """What counts as one address: an IPv4 address, or the network of an IPv6 address, in which a client has many."""
    try:
        address = ipaddress.ip_address(client[0] if client else "")
    except ValueError:  # it is gone already, or is no address
        return ""
    return str((address.ipv4_mapped or address.packed[:8].hex()) if address.version == 6 else address)

"""Listening: a server's socket, the token without which it binds to loopback alone, its rules, and its life."""

from __future__ import annotations

import asyncio
import base64
import errno
import ipaddress
import os
import resource
import signal
import socket
from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvicorn

from agile_classifier.errors import InputError
from agile_classifier.ops.serving.connections import Connection, Connections, RequestLimits
from agile_classifier.ops.serving.docs import DOCS_PATHS
from agile_classifier.ops.serving.refusals import ErrorShape

SHUTDOWN_SECONDS = 30
"""Longest wait for requests under way, once a server is told to stop."""
OWN_FILES = 256
"""Open files of a server that are no connections: libraries, databases, what it loads."""
KEY = "key"
"""Query parameter in which clients of Google's interfaces send their key."""
SHORTEST_TOKEN = 16
"""Shortest allowed token, in characters; a shorter one can be guessed."""


@dataclass(frozen=True)
class BodyRules:
    """What the body of a POST may be."""

    media_types: Collection[str]
    """Content types."""
    max_bytes: int
    """Largest size, in bytes."""


@dataclass(frozen=True)
class Rules:
    """Rules of a server: token, hosts, origins, and limits of a request."""

    token: str | None
    """Wanted as bearer, or as password of a browser's login; None: only names of this machine are answered."""
    media_types: Collection[str]
    """Content types of a POST."""
    limits: RequestLimits = field(default_factory=RequestLimits)
    open_paths: Collection[str] = ()
    """Paths that are answered without the token."""
    login_paths: tuple[str, ...] = DOCS_PATHS
    """Beginnings of paths at which a browser asks its user for the token."""
    key_paths: Collection[str] = ()
    """Paths at which the token may also be the query parameter `key`, or the header `X-Goog-Api-Key`."""
    error_shapes: Mapping[str, ErrorShape] = field(default_factory=dict)
    """Path → form of its errors, where it is not MLflow's."""
    bodies: Mapping[str, BodyRules] = field(default_factory=dict)
    """Beginning of a path → what is posted there, in place of `media_types` and the limits' size; the longest counts.
    The limits' size is still the largest of all."""

    def body_at(self, path: str) -> BodyRules:
        """What may be posted to a path."""
        begun = [beginning for beginning in self.bodies if path.startswith(beginning)]
        return self.bodies[max(begun, key=len)] if begun else BodyRules(self.media_types, self.limits.max_bytes)


def read_token(file: Path | None, *, variable: str) -> str | None:
    """Read the token from the file, else from the environment; None if neither gives one.

    Raises
    ------
    InputError
        The file cannot be read, or the token is too short or has spaces.
    """
    if file is None:
        given, where = os.environ.get(variable), variable
    else:
        where = f"--token-file {file}"
        try:
            given = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "is not text"
            raise InputError(f"{where}: cannot be read ({said})") from None
    if given is None:
        return None
    if len(given) < SHORTEST_TOKEN or not given.isascii() or not given.isprintable() or " " in given:
        raise InputError(f"{where}: a token has at least {SHORTEST_TOKEN} ASCII characters and no space")
    return given


def read_authorization(authorization: str) -> str:
    """Token of an `Authorization` header; empty if it has none."""
    kind, _, value = authorization.partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:  # neither base64 nor text
        return ""


def take_key(scope: MutableMapping[str, Any]) -> str:
    """Take the query parameter `key` out of a request, so that nothing behind sees or logs it; empty if it has none.

    Where there is no such parameter, the header `X-Goog-Api-Key` of Google's clients counts.
    """
    parts = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    scope["query_string"] = urlencode([part for part in parts if part[0] != KEY]).encode()
    in_query = [value for name, value in parts if name == KEY]
    in_header = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-goog-api-key"]
    return next(iter([*in_query, *in_header]), "")


def listen(host: str, port: int, *, token: str | None, variable: str) -> socket.socket:
    """Bind a socket to the address, so that no other server takes it meanwhile.

    Raises
    ------
    InputError
        The host is unknown or not this machine's, the port is taken or not allowed, or there is no token beyond
        loopback.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        raise InputError(f"--host {host}: no such address ({error.strerror})") from None
    if token is None and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
        raise InputError(
            f"--host {host}: beyond loopback a token is needed: set {variable}, or name a file with --token-file"
        )
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
    )  # else an answer's body waits 40 ms for its headers' receipt
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        where = "--port" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "--host"
        raise InputError(f"{where}: {host}:{port} cannot be taken ({error.strerror}); name another") from None
    return listener


def address(listener: socket.socket) -> str:
    """Address of a listening server for a browser."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def run(app: Any, listener: socket.socket, *, said: str, limits: RequestLimits) -> None:
    """Serve until SIGTERM or Ctrl-C; `said` is printed once it answers.

    Uvicorn raises the signal that stopped it once more: to be told to stop is no failure here.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    server = LimitedServer(app, limits, said=said)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[listener]))


class LimitedServer(uvicorn.Server):
    """Server that holds its clients to limits, and says where it serves once it does."""

    server_state: Connections

    def __init__(self, app: Any, limits: RequestLimits, *, said: str) -> None:
        config = uvicorn.Config(
            app, http=Connection, log_level="warning", access_log=False, server_header=False, proxy_headers=False,
            lifespan="off", ws="none", timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )  # fmt: skip
        super().__init__(config)
        self.server_state = Connections(limits, max_connections=_allow_files(limits.max_connections))
        self._said = said

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        print(self._said, flush=True)

    async def on_tick(self, counter: int) -> bool:
        """Look after the connections, ten times a second."""
        self.server_state.end_late()
        return await super().on_tick(counter)


def _allow_files(connections: int) -> int:
    """Raise this process's limit on open files so that so many connections fit; returns how many do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + OWN_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return connections
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(1, allowed - OWN_FILES)

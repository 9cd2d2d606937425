"""A receiver of notices on loopback: it believes only what is signed, and answers what a test asks it to."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook

SECRET = f"whsec_{base64.b64encode(b'a secret of twenty-four b').decode()}"


class ToyReceiver(ThreadingHTTPServer):
    """Its notices, verified by the standard's own library."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/notices"
        self.answers: list[tuple[int, dict[str, str]]] = []
        """Status and headers of the next answers; 204 when they are used up."""
        self.notices: list[dict[str, Any]] = []
        self.ids: list[str] = []

    def kinds(self) -> list[str]:
        return [notice["type"] for notice in self.notices]


class _Handler(BaseHTTPRequestHandler):
    server: ToyReceiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        notice = Webhook(SECRET).verify(body, dict(self.headers.items()))
        self.server.ids.append(self.headers["webhook-id"])
        status, headers = self.server.answers.pop(0) if self.server.answers else (204, {})
        if status < 300:
            self.server.notices.append(notice)
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@contextmanager
def receiving() -> Iterator[ToyReceiver]:
    """A receiver that answers until the end."""
    with ToyReceiver() as receiver:
        threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield receiver
        receiver.shutdown()

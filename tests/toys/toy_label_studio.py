"""A stand-in for Label Studio that repeats what a real one has answered (`tests/label_studio/test_server.py` records it)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ANSWERS = Path(__file__).parents[1] / "data" / "label_studio" / "answers"
TOKEN = "sentinel-legacy-token"
PERSONAL = "sentinel.personal.token"
DENIED = {"status_code": 401, "version": "1.23.2", "detail": "Invalid token.", "exc_info": None}


def recorded(name: str) -> Any:
    return json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))


class ToyLabelStudio(ThreadingHTTPServer):
    """One project, as it was recorded; `answers` may be changed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.project = recorded("project")
        project = f"/api/projects/{self.project['id']}"
        self.answers: dict[str, Any] = {
            f"{project}/": self.project,
            f"{project}/export": recorded("export"),
            "/api/projects/": {"count": 1, "next": None, "previous": None, "results": [self.project]},
        }
        self.raw: dict[str, tuple[int, dict[str, str], bytes]] = {}
        """Path → status, headers and body, before any other answer."""
        self.sent: list[tuple[str, str, Any]] = []
        """Method, path and content of what was sent."""
        self.bought = 0
        """Short-lived tokens that were given for the personal one; the latest alone is good."""


class _Handler(BaseHTTPRequestHandler):
    server: ToyLabelStudio

    def do_GET(self) -> None:
        path, toy = urlsplit(self.path).path, self.server
        if path in toy.raw:
            self._send(*toy.raw[path])
        elif self.headers["Authorization"] not in (f"Token {TOKEN}", f"Bearer bought-{toy.bought}"):
            self._answer(401, DENIED)
        elif path in toy.answers:
            self._answer(200, toy.answers[path])
        else:
            self._answer(404, {"status_code": 404, "detail": "Not found."})

    def do_POST(self) -> None:
        body, path, toy = self._read(), urlsplit(self.path).path, self.server
        if path == "/api/projects/":
            toy.project = {**toy.project, **body, "id": 12}
            toy.answers |= {"/api/projects/12/": toy.project, "/api/tasks/": {"total": 0, "tasks": []}}
            self._answer(201, toy.project)
        elif path.endswith("/import"):
            held = toy.answers["/api/tasks/"]["tasks"] + body
            toy.answers["/api/tasks/"] = {"total": len(held), "tasks": held}
            self._answer(201, {"task_count": len(body)})
        elif path != "/api/token/refresh/":
            self._answer(201, {})
        elif body != {"refresh": PERSONAL}:
            self._answer(401, {"detail": "Token is invalid", "code": "token_not_valid"})
        else:
            self.server.bought += 1
            self._answer(200, {"access": f"bought-{self.server.bought}"})

    def do_PATCH(self) -> None:
        self._read()
        self._answer(200, {})

    def _read(self) -> Any:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.sent.append((self.command, urlsplit(self.path).path, body))
        return body

    def _answer(self, status: int, content: Any) -> None:
        self._send(status, {"Content-Type": "application/json"}, json.dumps(content).encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@contextmanager
def answering() -> Iterator[ToyLabelStudio]:
    """A stand-in that answers until the end."""
    with ToyLabelStudio() as toy:
        threading.Thread(target=toy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield toy
        toy.shutdown()

"""A real Label Studio on loopback, in an environment of its own (`make test-label-studio`), and people who use it.

Nothing is fetched: it looks for no newer version and sends no statistics. It is allowed to call this machine, as it is
not by default.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from filelock import FileLock

from tests.toys.waiting import LONGEST, until_answered

PROGRAM = "LABEL_STUDIO"
"""Variable that names the program `label-studio`."""
SETTINGS = {
    "COLLECT_ANALYTICS": "false", "LATEST_VERSION_CHECK": "false", "FEATURE_FLAGS_OFFLINE": "true",
    "ML_BLOCK_LOCAL_IP": "false", "SSRF_PROTECTION_ENABLED": "false",
}  # fmt: skip
FIRST = "first@example.org"
LEGACY_TOKEN = "sentinel-legacy-token-of-label-studio"
PASSWORD = "sentinel-password-1"


@dataclass
class Person:
    """An annotator who is logged in."""

    address: str
    email: str
    session: requests.Session = field(default_factory=requests.Session)

    def sign_up(self) -> Person:
        page = self.session.get(f"{self.address}/user/signup", timeout=LONGEST).text
        self._send("/user/signup/", page)
        return self

    def log_in(self) -> Person:
        page = self.session.get(f"{self.address}/user/login", timeout=LONGEST).text
        self._send("/user/login/", page)
        return self

    def ask(self, method: str, path: str, content: Any = None) -> Any:
        headers = {"X-CSRFToken": self.session.cookies["csrftoken"], "Referer": self.address}
        answer = self.session.request(method, f"{self.address}{path}", json=content, headers=headers, timeout=LONGEST)
        assert answer.ok, (answer.status_code, answer.text[:500])
        return answer.json() if answer.content else None

    def personal_token(self) -> str:
        return str(self.ask("POST", "/api/token/", {})["token"])

    def annotate(self, task: int, *choices: str, name: str, skips: bool = False) -> int:
        """Choose for a task, or skip it; returns the annotation's number."""
        result = [
            {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": list(choices)}}
        ]  # fmt: skip
        content = {"result": result if choices else [], "was_cancelled": skips, "lead_time": 3.5}
        return int(self.ask("POST", f"/api/tasks/{task}/annotations/", content)["id"])

    def _send(self, path: str, page: str) -> None:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found, page[:500]
        form = {"csrfmiddlewaretoken": found[1], "email": self.email, "password": PASSWORD, "persist_session": "on"}
        answer = self.session.post(
            f"{self.address}{path}", data=form, headers={"Referer": self.address}, timeout=LONGEST
        )
        assert answer.ok, answer.text[-500:]
        assert "sessionid" in self.session.cookies, answer.text[-500:]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(folder: Path, port: int | None = None) -> Iterator[str]:
    """Address of the server with an empty database, while it runs."""
    shutil.copytree(_prepared(), folder, dirs_exist_ok=True)
    with _started(folder, port or free_port()) as address:
        yield address


def _prepared() -> Path:
    """A data folder in which the first user alone is; making its database takes minutes, and is done once."""
    folder = _program().parents[1] / "prepared"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            fresh = folder.with_name("fresh")
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            with _started(fresh, free_port()):
                pass
            fresh.replace(folder)
    return folder


@contextmanager
def _started(folder: Path, port: int) -> Iterator[str]:
    address, log = f"http://127.0.0.1:{port}", folder / "said.txt"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [_program(), "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port),
             "--data-dir", str(folder), "--username", FIRST, "--password", PASSWORD, "--user-token", LEGACY_TOKEN,
             "--enable-legacy-api-token"],
            env={**os.environ, **SETTINGS}, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    try:
        until_answered(f"{address}/health", process, lambda: log.read_text(errors="replace"))
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(LONGEST)


def _program() -> Path:
    program = os.environ.get(PROGRAM)
    if not program:
        pytest.fail(f"{PROGRAM} names no program label-studio: make test-label-studio makes one")
    return Path(program)

"""Downloads, as sources use them: against a server on this machine that breaks off, is busy, or moved."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agile_classifier.data.fetch.sources import fetch_file
from agile_classifier.errors import InputError

BODY = bytes(range(256)) * 4000  # 1 MB: several network packets
COMMIT = "a" * 40


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `bodies`; breaks off after half of it `n_breaks` times; notes every request's path and Range."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.ranges = True
        self.n_breaks = 0
        self.n_busy = 0
        self.asked: list[tuple[str, str | None]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        if self.path in self.server.redirects:
            self.answer(302, Location=self.server.redirects[self.path])
            return
        if self.server.n_busy:
            self.server.n_busy -= 1
            self.answer(503)
            return
        body = self.server.bodies.get(self.path.partition("?")[0])
        if body is None:
            self.answer(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        if start >= len(body):
            self.answer(416)
            return
        part = body[start:]
        headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
        self.answer(206 if start else 200, length=len(part), **headers)
        if self.command == "HEAD":
            return
        if self.server.n_breaks and not self.path.startswith("/api/"):
            self.server.n_breaks -= 1
            part = part[: len(part) // 2]
        self.wfile.write(part)

    do_HEAD = do_GET  # noqa: N815

    def answer(self, status: int, length: int = 0, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), "ETag": '"1"', "X-Repo-Commit": COMMIT, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def leftovers(cache: Path) -> list[str]:
    return [path.name for path in cache.rglob("*") if path.name.endswith(".part") or path.name.startswith("tmp")]


def test_a_url_is_fetched_once_and_then_found_in_the_cache_by_its_sha256(server: Server, cache: Path) -> None:
    server.bodies["/a/data%20x.csv"] = BODY
    fetched = fetch_file(server.url("/a/data%20x.csv"), sha256=sha(BODY), cache=cache)
    assert (fetched.name, fetched.read_bytes()) == ("data x.csv", BODY)
    assert fetch_file(server.url("/a/data%20x.csv"), sha256=sha(BODY), cache=cache, offline=True) == fetched
    assert len(server.asked) == 1
    assert not leftovers(cache)


def test_a_url_without_sha256_is_fetched_again_because_it_may_have_changed(server: Server, cache: Path) -> None:
    server.bodies["/x.csv"] = b"old"
    fetch_file(server.url("/x.csv"), cache=cache)
    server.bodies["/x.csv"] = b"new"
    assert fetch_file(server.url("/x.csv"), cache=cache, offline=True).read_bytes() == b"old"
    assert fetch_file(server.url("/x.csv"), cache=cache).read_bytes() == b"new"


def test_a_download_that_breaks_off_goes_on_where_it_ended(server: Server, cache: Path) -> None:
    server.bodies["/x.csv"], server.n_breaks = BODY, 1
    assert fetch_file(server.url("/x.csv"), cache=cache).read_bytes() == BODY
    (_, first), (_, second) = server.asked
    assert first is None
    assert second is not None
    assert 0 < int(second[len("bytes=") : -1]) <= len(BODY) // 2


def test_a_download_starts_over_where_the_server_knows_no_ranges(server: Server, cache: Path) -> None:
    server.bodies["/x.csv"], server.n_breaks, server.ranges = BODY, 1, False
    assert fetch_file(server.url("/x.csv"), cache=cache).read_bytes() == BODY


@pytest.mark.parametrize("left", [BODY[:1000], b"other bytes", BODY + b"too long"])
def test_what_a_killed_run_left_is_gone_on_with_only_if_the_sha256_agrees_in_the_end(
    server: Server, cache: Path, left: bytes
) -> None:
    server.bodies["/x.csv"] = BODY
    entry = cache / f"x.csv-{sha(BODY)[:12]}"
    entry.mkdir(parents=True)
    (entry / "x.csv.part").write_bytes(left)
    assert fetch_file(server.url("/x.csv"), sha256=sha(BODY), cache=cache).read_bytes() == BODY
    assert server.asked[0][1] == f"bytes={len(left)}-"


def test_a_busy_server_is_tried_three_times_and_a_missing_file_once(server: Server, cache: Path) -> None:
    server.bodies["/x.csv"], server.n_busy = BODY, 1
    fetch_file(server.url("/x.csv"), cache=cache)
    server.asked.clear()
    with pytest.raises(InputError, match=r"/none\.csv: the server answered 404 Not Found$"):
        fetch_file(server.url("/none.csv?key=secret"), cache=cache)
    assert len(server.asked) == 1


def test_a_download_with_another_sha256_is_refused_with_both_and_not_kept(server: Server, cache: Path) -> None:
    server.bodies["/x.csv"] = BODY
    with pytest.raises(InputError, match=f"sha256 is {sha(BODY)}, data.sha256 asks for {'0' * 64}"):
        fetch_file(server.url("/x.csv"), sha256="0" * 64, cache=cache)
    assert not list(cache.rglob("x.csv"))
    assert not leftovers(cache)


def test_plain_http_is_for_this_machine_only_even_after_a_redirect(server: Server, cache: Path) -> None:
    with pytest.raises(InputError, match="allowed is https://"):
        fetch_file("http://user:secret@example.invalid/x.csv", cache=cache)
    server.redirects["/x.csv"] = server.url("/y.csv").replace("127.0.0.1", "127.0.0.2")
    with pytest.raises(InputError, match=r"http://127\.0\.0\.2:\d+/y\.csv: found http://, allowed is https://"):
        fetch_file(server.url("/x.csv"), cache=cache)


def test_processes_that_fetch_the_same_file_at_once_fetch_it_once(server: Server, cache: Path) -> None:
    server.bodies["/x.csv"] = BODY
    script = (
        "import sys, pathlib; from agile_classifier.data.fetch.sources import fetch_file;"
        "print(fetch_file(sys.argv[1], sha256=sys.argv[2], cache=pathlib.Path(sys.argv[3])))"
    )
    command = [sys.executable, "-c", script, server.url("/x.csv"), sha(BODY), str(cache)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = {process.communicate()[0].strip() for process in running}
    assert [Path(answer).read_bytes() == BODY for answer in answers] == [True]
    assert len(server.asked) == 1


def test_a_hub_model_is_fetched_without_its_pickles_and_a_broken_connection_is_one_line(
    server: Server, cache: Path
) -> None:
    files = ("config.json", "tokenizer.json", "model.safetensors", "pytorch_model.bin", "deep/rust.pt", "run.py")
    for name in ("owner/good", "owner/broken"):
        tree = [{"type": "file", "path": path, "size": 2, "oid": path} for path in files]
        server.bodies[f"/api/models/{name}/tree/{COMMIT}"] = json.dumps(tree).encode()
        server.bodies.update({f"/{name}/resolve/{COMMIT}/{path}": b"{}" for path in files})
    script = (
        "import sys, pathlib; from agile_classifier.data.fetch.sources import fetch_model\n"
        "print(fetch_model(sys.argv[1], revision=sys.argv[2], token='t', cache=pathlib.Path(sys.argv[3])))"
    )
    environment = {**os.environ, "HF_ENDPOINT": server.url("")}  # the hub client reads it once, when it is imported

    def fetch(name: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, name, COMMIT, str(cache)]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    folder = Path(fetch("owner/good").stdout.strip())
    assert sorted(path.name for path in folder.iterdir()) == sorted(files[:3])
    assert not [path for path, _ in server.asked if path.endswith((".bin", ".pt", ".py"))]
    server.n_breaks = 100
    error = fetch("owner/broken").stderr.splitlines()[-1]
    assert "InputError: owner/broken: revision aaaaaaaaaaaa is not to be had from the hub: " in error

"""A real server with a candidate in the shadow, under load: promotions and crashes of the candidate cost no answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import requests

from agile_classifier.ops.project import root
from tests.toys.toy_serving import CANDIDATE, Server, Start, Store, starting
from tests.toys.waiting import LONGEST, until


@pytest.fixture(scope="module")
def start(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    with starting(store, tmp_path_factory.mktemp) as run:
        yield run


def count(server: Server, *results: str) -> int:
    return int(
        sum(server.metric(f'agile_serving_shadow_texts_total{{model="toy",result="{name}"}}') for name in results)
    )


def test_under_load_no_answer_is_lost_by_promotions_and_crashes_of_the_candidate(
    store: Store, start: Start, tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path / 'feedback.db'}"
    server = start("--shadow", "candidate", AGILE_FEEDBACK_URL=database)
    seen: list[tuple[int, str]] = []
    done = threading.Event()

    def client(number: int) -> None:
        turn = 0
        with requests.Session() as session:
            while not done.is_set():
                texts = [f"client {number} {turn % 1_000}", "a text of some length, and more"]
                answer = session.post(f"{server.address}/invocations", json={"inputs": texts}, timeout=LONGEST)
                seen.append((answer.status_code, answer.headers.get("x-model-version", "")))
                turn += 1

    with ThreadPoolExecutor(4) as clients, ExitStack() as ending:
        ending.callback(done.set)
        asking = [clients.submit(client, number) for number in range(4)]
        until(lambda: count(server, "same", "flipped") >= 20, server.log.read_text)
        bad = {"inputs": ["bad for it"]}  # again and again, for it may find no place in the queue
        until(lambda: server.ask(bad).status_code == 200 and count(server, "failed"), server.log.read_text)
        worker(server).send_signal(signal.SIGKILL)
        before = count(server, "same", "flipped")
        until(lambda: count(server, "same", "flipped") > before + 20, server.log.read_text)
        store.promote("2")
        server.until_said("toy: version 2 has taken over from version 1")
        store.promote("3")  # the candidate itself
        server.until_said("version 3 is not compared with champion 3: it is the champion itself")
        store.make_version(scorer=CANDIDATE)
        server.until_said("version 4 stands in the shadow now")
        before = count(server, "same", "flipped")
        until(lambda: count(server, "same", "flipped") > before, server.log.read_text)
        done.set()
        for each in asking:
            each.result(LONGEST)
    child = worker(server)
    assert child.nice() > os.getpriority(os.PRIO_PROCESS, server.process.pid)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(LONGEST) == 0
    until(lambda: not child.is_running(), "the candidate's process lives on")
    assert {status for status, _ in seen} == {200}
    assert [version for _, version in seen if version == "3"]
    assert "Traceback" not in server.log.read_text()
    shown = agile(store, "shadow", "--model", "toy", AGILE_FEEDBACK_URL=database)
    assert shown.returncode == 0, shown.stderr
    pages = shown.stdout.split("toy version ")[1:]
    assert pages[0].startswith("3 in the shadow of champion 1\n")
    assert "→ no answer: 1" in pages[0]
    assert "texts would be of another class" in pages[-1]


def worker(server: Server) -> psutil.Process:
    """The candidate's process."""
    children = psutil.Process(server.process.pid).children()
    (found,) = [child for child in children if "worker" in " ".join(child.cmdline())]
    return found


def test_a_shadow_of_another_task_is_one_line_at_the_start(store: Store) -> None:
    number = store.make_version(classes=("short", "tall"))
    done = agile(store, "serve", "--version", "1", "--shadow", number, "--port", "0")
    assert done.returncode == 2
    (complaint,) = [line for line in done.stderr.splitlines() if line.startswith("agile: error: ")]
    assert complaint == (
        f"agile: error: --shadow {number}: version {number}: it tells short / tall apart, and the champion short / long"
    )


def agile(store: Store, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agile_classifier", *words], env=store.environment | environment, capture_output=True, text=True, cwd=root(),
    )  # fmt: skip

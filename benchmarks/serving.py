"""Serving: `agile serve` against plain `mlflow models serve` of the same version, on loopback, in turns.

    agile bench serving [--config FILE] [--texts N] [--repeats N] [--json FILE]
    python -m benchmarks.serving [… --seconds N]

Clients keep their connection and send one text a request, the next once the last is answered. Both servers stand all
the time, and one of them is asked at a time. The version is the champion of the state folder, where there is one and no
config is named; else a short run of the config makes one in a folder of its own. A last round asks more of ours than it
takes on: it may answer 200, 429 or 503 and nothing else. Ends by itself. Exit code 1 below a target.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import requests

from agile_classifier.config.files import load_config
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.studies.trial import read_parts
from benchmarks.compared.comparison import OURS
from benchmarks.quality import CONFIGS
from benchmarks.served.clients import Measured, ask
from benchmarks.served.versions import Version, version_to_serve

PLAIN = "mlflow models serve"
CLIENTS = (1, 8, 32)
TARGETS = {1: 1.0, 8: 1.5, 32: 1.5}
"""Clients → least ratio of our requests a second to plain MLflow's, on two cores."""
LARGEST_DIFFERENCE = 5e-2
"""Largest allowed difference of a probability, as texts scored together are rounded otherwise in bfloat16."""
OVERLOAD = {200, 429, 503}
OVERLOADING_CLIENTS, OVERLOADED_LIMIT = 64, 16
LONGEST_WAIT = 600
"""Seconds after which a server is given up that lives but does not answer or end."""


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a table, say which targets were missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, help="makes the version; by default the champion, or quickstart")
    parser.add_argument("--texts", type=int, default=400, help="most requests of one measurement")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="longest measurement")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    parts, _ = read_parts(load_config(given.config or CONFIGS / "quickstart.yaml"))
    texts = [text for text in parts["test"]["text"] if text.strip()][: given.texts]
    with version_to_serve(given.config) as version, servers(version) as ports:
        difference = largest_difference(ports, texts[:50])
        found = measure_all(ports, texts, repeats=given.repeats, seconds=given.seconds)
        overload = asyncio.run(ask(ports["limited"], texts, clients=OVERLOADING_CLIENTS, seconds=given.seconds))
    show(found)
    print(
        f"version {version.name} {version.number}, {len(texts)} texts; a probability differs by {difference:.2g} at "
        "most"
    )
    print(f"overload, {OVERLOADING_CLIENTS} clients where {OVERLOADED_LIMIT} are let in: {dict(overload.statuses)}")
    if given.json is not None:
        save(found, difference=difference, overload=overload, to=given.json)
    for failure in (failures := misses(found, difference=difference, overload=overload)):
        print(f"missed: {failure}")
    return int(bool(failures))


@contextmanager
def servers(version: Version) -> Iterator[dict[str, int]]:
    """Ours, MLflow's, and ours with a limit that is soon reached; their ports, once all answer."""
    serve_ours = [
        sys.executable,
        "-m",
        "agile_classifier",
        "serve",
        "--model",
        version.name,
        "--version",
        version.number,
        "--port",
    ]
    plain = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local", "--model-uri"]
    ports = dict(zip((OURS, PLAIN, "limited"), _free_ports(3), strict=True))
    commands = {
        OURS: [*serve_ours, str(ports[OURS])],
        PLAIN: [*plain, f"models:/{version.name}/{version.number}", "--host", "127.0.0.1", "--port", str(ports[PLAIN])],
        "limited": [*serve_ours, str(ports["limited"]), "--max-requests", str(OVERLOADED_LIMIT)],
    }
    environment = {name: value for name, value in version.environment.items() if name != "AGILE_SERVE_TOKEN"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"  # MLflow starts uvicorn by name
    with tempfile.NamedTemporaryFile() as log:
        started = [
            subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
            for command in commands.values()
        ]
        try:
            for port, process in zip(ports.values(), started, strict=True):
                _wait(port, process, Path(log.name))
            yield ports
        finally:
            _stop(started)


def measure_all(
    ports: Mapping[str, int], texts: Sequence[str], *, repeats: int, seconds: float
) -> dict[int, dict[str, Measured]]:
    """Measure by number of clients and server; the repeats are put together."""
    found = {clients: {name: Measured() for name in (OURS, PLAIN)} for clients in CLIENTS}
    for name in (OURS, PLAIN):
        asyncio.run(ask(ports[name], texts[:64], clients=max(CLIENTS), seconds=seconds))  # warm
    for repeat in range(repeats):
        for clients in CLIENTS:
            order = [OURS, PLAIN]
            random.Random(f"{repeat} {clients}").shuffle(order)  # noqa: S311  (an order, no secret)
            for name in order:
                run = asyncio.run(ask(ports[name], texts, clients=clients, seconds=seconds))
                print(
                    f"  {clients} clients, {name}: {run.per_second:.0f} requests/s ({repeat + 1} of {repeats})",
                    flush=True,
                )
                kept = found[clients][name]
                kept.milliseconds += run.milliseconds
                kept.statuses += run.statuses
                kept.seconds += run.seconds
    return found


def largest_difference(ports: Mapping[str, int], texts: Sequence[str]) -> float:
    """Between a probability of ours, asked for one text at a time, and MLflow's, asked for all at once."""
    ours = [row for text in texts for row in _predictions(ports[OURS], [text])]
    plain = _predictions(ports[PLAIN], texts)
    names = [name for name in plain[0] if name.startswith(PROBABILITY)]
    differences = (mine[name] - theirs[name] for mine, theirs in zip(ours, plain, strict=True) for name in names)
    return max(abs(float(each)) for each in differences)


def show(found: Mapping[int, Mapping[str, Measured]]) -> None:
    """Print the table."""
    print(f"{'clients':>7}  {'':22} requests/s  p50 ms  p95 ms  p99 ms  times plain")
    for clients, by_name in found.items():
        for name, run in by_name.items():
            times = run.per_second / by_name[PLAIN].per_second
            cells = "  ".join(f"{run.percentile(share):6.1f}" for share in (50, 95, 99))
            print(f"{clients:7}  {name:22} {run.per_second:10.1f}  {cells}  {times:11.2f}")


def save(found: Mapping[int, Mapping[str, Measured]], *, difference: float, overload: Measured, to: Path) -> None:
    """The table as JSON."""
    rows = [
        {
            "clients": clients, "name": name, "requests_per_second": run.per_second,
            **{f"p{share}_ms": run.percentile(share) for share in (50, 95, 99)},
            "statuses": dict(run.statuses),
        }
        for clients, by_name in found.items()
        for name, run in by_name.items()
    ]  # fmt: skip
    facts = {"largest_difference": difference, "overload": dict(overload.statuses), "rows": rows}
    to.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def misses(found: Mapping[int, Mapping[str, Measured]], *, difference: float, overload: Measured) -> list[str]:
    """A sentence for each target that was missed."""
    said = [
        f"{target:g} times the requests/s of {PLAIN} at {clients} clients: {ratio:.2f}"
        for clients, target in TARGETS.items()
        if (ratio := found[clients][OURS].per_second / found[clients][PLAIN].per_second) < target
    ]
    wrong = {status: count for status, count in overload.statuses.items() if status not in OVERLOAD}
    failed = {status for by_name in found.values() for status in by_name[OURS].statuses if status != 200}
    return [
        *said,
        *([f"under overload: {wrong}"] if wrong else []),
        *([f"statuses without overload: {failed}"] if failed else []),
        *([f"difference {difference:.2g}"] if difference > LARGEST_DIFFERENCE else []),
    ]


def _predictions(port: int, texts: Sequence[str]) -> list[dict[str, Any]]:
    asked = {"dataframe_split": {"columns": ["text"], "data": [[text] for text in texts]}}
    answer = requests.post(f"http://127.0.0.1:{port}/invocations", json=asked, timeout=LONGEST_WAIT)
    answer.raise_for_status()
    predictions: list[dict[str, Any]] = answer.json()["predictions"]
    return predictions


def _free_ports(n: int) -> list[int]:
    with ExitStack() as open_until_all_are_known:
        probes = [open_until_all_are_known.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [probe.getsockname()[1] for probe in probes]


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"http://127.0.0.1:{port}/ping", timeout=LONGEST_WAIT).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise RuntimeError(f"a server does not answer:\n{log.read_text(errors='replace')}")


def _stop(started: Sequence[subprocess.Popen[bytes]]) -> None:
    """With their children: MLflow's command has its server as one."""
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    for process in started:
        process.wait(LONGEST_WAIT)


if __name__ == "__main__":
    raise SystemExit(main())

"""Several: one process that serves ten adapters on one base model, beside one that serves one of them.

    python -m benchmarks.several [--config FILE] [--models N] [--texts N] [--repeats N] [--json FILE]

A short run of the config trains an adapter; ten models are copies of it with noise, each a registered model of its own.
Both servers stand all the time and are asked in turns, by clients that keep their connection and send one text a
request; of the ten, each text asks the next. Memory is that of the process alone (USS), once all was asked. Exit code 1
where ten take 1.2 times the memory of one or more, or keep less than 0.8 of its requests a second at 32 clients.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from agile_classifier.config.files import load_config
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.studies.trial import read_parts
from benchmarks.quality import CONFIGS
from benchmarks.served.clients import Measured, ask
from benchmarks.served.versions import trained_version

CLIENTS = (1, 8, 32)
MOST_MEMORY, LEAST_THROUGHPUT = 1.2, 0.8
LARGEST_DIFFERENCE = 5e-2
"""Largest allowed difference of a probability, as texts scored together are rounded otherwise in bfloat16."""
LONGEST_WAIT = 600
ONE, TEN = "one", "several"


@dataclass
class Served:
    """A server, the models that it is asked for, and what was measured."""

    process: subprocess.Popen[str]
    port: int
    models: Sequence[str]
    runs: dict[int, list[Measured]] = field(default_factory=dict)

    @property
    def megabytes(self) -> float:
        """Memory of the process alone, in MB."""
        return psutil.Process(self.process.pid).memory_full_info().uss / 1e6

    def per_second(self, clients: int) -> float:
        """Requests answered a second, over all repeats."""
        runs = self.runs[clients]
        return sum(run.statuses[200] for run in runs) / sum(run.seconds for run in runs)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a table, say which targets were missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=CONFIGS / "quickstart.yaml")
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--texts", type=int, default=600, help="most requests of one measurement")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="longest measurement")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    parts, _ = read_parts(load_config(given.config))
    texts = [text for text in parts["test"]["text"] if text.strip()][: given.texts]
    short = ("--limit", "1200", "--set", "fine_tune.epochs=1")
    with trained_version(given.config, *short, environment=dict(os.environ)) as version:
        os.environ.update(version.environment)
        from benchmarks.several.models import register_copies

        names = register_copies(version.name, version.number, n=given.models)
        with serving({ONE: names[:1], TEN: names}) as servers:
            difference = largest_difference(servers, names[0], texts[:50])
            for repeat in range(given.repeats):
                measure(servers, texts, seconds=given.seconds, repeat=repeat)
            found = summarise(servers, difference)
    print(json.dumps(found, indent=1))
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for missed in (failures := misses(found)):
        print(f"missed: {missed}")
    return int(bool(failures))


@contextmanager
def serving(models: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Served]]:
    """A server for each list of models, once it answers; ended afterwards."""
    started: dict[str, Served] = {}
    environment = {name: value for name, value in os.environ.items() if name != "AGILE_SERVE_TOKEN"}
    with tempfile.TemporaryFile("w") as log:
        try:
            for name, served in models.items():
                words = [word for model in served for word in ("--model", model)]
                process = subprocess.Popen(
                    [sys.executable, "-m", "agile_classifier", "serve", "--port", "0", *words],
                    env=environment, stdout=subprocess.PIPE, stderr=log, text=True,
                )  # fmt: skip
                said = process.stdout.readline() if process.stdout else ""
                if not said.startswith("serving "):
                    raise RuntimeError(f"the server of {name} does not start: {said}")
                started[name] = Served(process, int(said.strip().rpartition(":")[2]), served)
            yield started
        finally:
            for each in started.values():
                each.process.send_signal(signal.SIGTERM)
                each.process.wait(LONGEST_WAIT)


def measure(servers: Mapping[str, Served], texts: Sequence[str], *, seconds: float, repeat: int) -> None:
    """Ask both servers by every number of clients, in an order by chance."""
    for clients in CLIENTS:
        order = list(servers)
        random.Random(f"{repeat} {clients}").shuffle(order)  # noqa: S311  (an order, no secret)
        for name in order:
            served = servers[name]
            run = asyncio.run(ask(served.port, texts, clients=clients, seconds=seconds, models=served.models))
            served.runs.setdefault(clients, []).append(run)
            print(f"  {clients} clients, {name}: {run.per_second:.0f} requests/s ({repeat + 1})", flush=True)


def largest_difference(servers: Mapping[str, Served], model: str, texts: Sequence[str]) -> float:
    """Between probabilities of a model that is served alone, and among others whose texts are scored with its own."""
    alone = [row for text in texts for row in _predict(servers[ONE].port, model, [text])]
    others = asyncio.run(ask(servers[TEN].port, [*texts] * 4, clients=32, seconds=60, models=servers[TEN].models))
    if set(others.statuses) != {200}:
        raise RuntimeError(f"statuses {dict(others.statuses)}")
    among = [row for text in texts for row in _predict(servers[TEN].port, model, [text])]
    names = [name for name in alone[0] if name.startswith(PROBABILITY)]
    return max(abs(a[name] - b[name]) for a, b in zip(alone, among, strict=True) for name in names)


def summarise(servers: Mapping[str, Served], difference: float) -> dict[str, Any]:
    """Figures of both servers, and their ratios."""
    memory = {name: each.megabytes for name, each in servers.items()}
    runs = {name: [run for found in each.runs.values() for run in found] for name, each in servers.items()}
    throughput = {clients: {name: each.per_second(clients) for name, each in servers.items()} for clients in CLIENTS}
    return {
        "models": len(servers[TEN].models), "megabytes": memory, "memory_ratio": memory[TEN] / memory[ONE],
        "requests_per_second": throughput,
        "throughput_ratio": {clients: found[TEN] / found[ONE] for clients, found in throughput.items()},
        "n_requests": {name: sum(run.statuses[200] for run in found) for name, found in runs.items()},
        "statuses": sorted({status for found in runs.values() for run in found for status in run.statuses}),
        "largest_difference": difference,
    }  # fmt: skip


def misses(found: Mapping[str, Any]) -> list[str]:
    """A sentence for each target that was missed."""
    said = []
    if found["memory_ratio"] >= MOST_MEMORY:
        said.append(f"less than {MOST_MEMORY} times the memory of one: {found['memory_ratio']:.2f}")
    if (ratio := found["throughput_ratio"][max(CLIENTS)]) < LEAST_THROUGHPUT:
        said.append(f"{LEAST_THROUGHPUT} of the requests/s of one at {max(CLIENTS)} clients: {ratio:.2f}")
    if found["largest_difference"] > LARGEST_DIFFERENCE:
        said.append(f"difference {found['largest_difference']:.2g}")
    if found["statuses"] != [200]:
        said.append(f"statuses {found['statuses']}")
    return said


def _predict(port: int, model: str, texts: Sequence[str]) -> list[dict[str, float]]:
    body = {"inputs": list(texts), "params": {"model": model}}
    answer = requests.post(f"http://127.0.0.1:{port}/invocations", json=body, timeout=LONGEST_WAIT)
    answer.raise_for_status()
    found: list[dict[str, float]] = answer.json()["predictions"]
    return found


if __name__ == "__main__":
    raise SystemExit(main())

"""Memory of `agile serve` over many requests, hostile ones among them, and promotions.

    python -m benchmarks.abuse.memory [--requests N] [--promotions N] [--most MB]

A short run of the quickstart makes a version in a folder of its own, which is registered again for each promotion. What
is held is read after a promotion has taken over, its share of the requests is answered and free memory is given back;
the first reading, after a first share without a promotion, is what the others are measured against. Exit code 1 where
one is more than `--most` above it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator

import mlflow
import psutil
import requests
from mlflow import MlflowClient

from agile_classifier.ops.serving.several.fleet import TRIM_SECONDS
from benchmarks.abuse.servers import Started, started
from benchmarks.quality import CONFIGS
from benchmarks.served.clients import ask
from benchmarks.served.versions import Version, trained_version

SHORT = ("--limit", "1200", "--set", "fine_tune.epochs=1", "--set", "evaluation.n_resamples=100")
CLIENTS = 8
WORDS = ("a", "lovely", "day", "awful", "film", "the", "was", "is", "song", "ugly", "warm")
HOSTILE: tuple[bytes, ...] = (
    b"",
    b"[" * 100_000,
    b'{"inputs": [' + b'"a",' * 900_000,
    b'{"inputs": ["' + b"a" * 3_900_000 + b'"]}',
    b"x" * 4_100_000,
    b'{"inputs": [null]}',
)


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each share of the requests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--promotions", type=int, default=5)
    parser.add_argument("--most", type=float, default=50.0, help="megabytes above the first reading")
    asked = parser.parse_args(arguments)
    share = asked.requests // (asked.promotions + 1)
    with trained_version(CONFIGS / "quickstart.yaml", *SHORT, environment=os.environ) as version:
        mlflow.set_tracking_uri(version.environment["MLFLOW_TRACKING_URI"])
        client = MlflowClient()
        numbers = [version.number, *_more_versions(client, version, asked.promotions)]
        client.set_registered_model_alias(version.name, "champion", version.number)
        with started("serve", "--poll", "0.5", environment=version.environment) as server:
            read = []
            for number in numbers:
                client.set_registered_model_alias(version.name, "champion", number)
                _wait_for(server, number)
                statuses = _load(server, share, seed=int(number))
                _let_free_memory_go(server)
                read.append(_megabytes(server))
                print(
                    f"version {number}: {read[-1]:7.1f} MB  ({read[-1] - read[0]:+6.1f})  {dict(statuses)}", flush=True
                )
    growth = max(read) - read[0]
    n_requests = share * len(numbers)
    print(f"{n_requests} requests, {asked.promotions} promotions: {growth:+.1f} MB; at most {asked.most:g} are allowed")
    return int(growth > asked.most)


def _load(server: Started, n_requests: int, *, seed: int) -> Counter[int]:
    """Ask for texts of every length, by several clients; of a hundred requests one is hostile."""
    shuffled = random.Random(seed)  # noqa: S311  (no secret)
    texts = [" ".join(shuffled.choices(WORDS, k=shuffled.choice((1, 10, 100, 1000)))) for _ in range(n_requests)]
    statuses = asyncio.run(ask(server.port, texts, clients=CLIENTS, seconds=3600)).statuses
    for number in range(max(1, n_requests // 500)):
        statuses[_ask(server, HOSTILE[number % len(HOSTILE)])] += 1
        many = [" ".join(shuffled.choices(WORDS, k=200)) for _ in range(256)]
        statuses[_ask(server, json.dumps({"inputs": many}).encode())] += 1
    return statuses


def _ask(server: Started, body: bytes) -> int:
    address, headers = f"http://127.0.0.1:{server.port}/invocations", {"content-type": "application/json"}
    return requests.post(address, data=body, headers=headers, timeout=120).status_code


def _more_versions(client: MlflowClient, version: Version, n: int) -> Iterator[str]:
    """Register the version again, so often."""
    first = client.get_model_version(version.name, version.number)
    for _ in range(n):
        again = client.create_model_version(
            version.name, source=str(first.source), run_id=first.run_id, tags=first.tags, model_id=first.model_id
        )
        yield str(again.version)


def _wait_for(server: Started, number: str) -> None:
    deadline = time.monotonic() + 120
    while f'version="{number}"' not in requests.get(f"http://127.0.0.1:{server.port}/metrics", timeout=60).text:
        if time.monotonic() > deadline:
            raise RuntimeError(f"version {number} does not take over:\n{server.log.read_text(encoding='utf-8')}")
        time.sleep(0.2)


def _let_free_memory_go(server: Started) -> None:
    """Wait until the server gives free memory back, which it does between two batches."""
    time.sleep(TRIM_SECONDS + 1)
    _ask(server, json.dumps({"inputs": ["a lovely day"]}).encode())
    time.sleep(1)


def _megabytes(server: Started) -> float:
    """Resident memory of the server."""
    return float(psutil.Process(server.process.pid).memory_info().rss / 1e6)


if __name__ == "__main__":
    raise SystemExit(main())

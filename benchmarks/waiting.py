"""Waiting: CPU seconds of commands, and of the quickstart step by step, beside what starting the libraries alone takes.

    agile bench waiting [--config FILE] [--repeats N] [--json FILE]
    python -m benchmarks.waiting

A machine that is shared says nothing by its clock, and another machine nothing by its seconds: what is compared is the
CPU time of a command and of all that it starts, as a ratio to that of `python -c "import zenml, mlflow, torch"` in the
same run, the median of its repeats. The quickstart is run once, in a state folder of its own that is prepared
before and removed afterwards; what it fetches is fetched. Exit code 1 above a target.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from agile_classifier.ops.project import COMMAND
from benchmarks.quality import CONFIGS

START = (sys.executable, "-c", "import zenml, mlflow, torch")
"""What every ratio is of."""
TEXT = "what a lovely day"
QUICK = {
    "agile --help": (*COMMAND, "--help"),
    "agile history": (*COMMAND, "history"),
    "agile score TEXT": (*COMMAND, "score", TEXT),
}
"""Commands that a person waits for at a terminal."""
STORE = "mlflow, mlflow.store.tracking.sqlalchemy_store"
LIBRARIES = {
    "  libraries of history": f"import {STORE}",
    "  libraries of score": f"import {STORE}, torch, transformers.modeling_utils, peft.tuners.lora, bitsandbytes",
}
"""What such a command cannot do without, imported alone: no code of ours makes it faster than that."""
PREPARE = (sys.executable, "-c", "from agile_classifier.ops.state.home import prepare_state; prepare_state()")
TRAIN, ONCE = "agile train", "prepare the state folder"
TARGETS = {"agile --help": 0.06, "agile history": 0.45, "agile score TEXT": 1.1, TRAIN: 15.0}
"""Command → most of its ratio: 0.3, 2.5, 6 and 85 CPU seconds where starting the libraries takes 5.6."""
STEP = re.compile(r"Step `(?P<name>\w+)` has (?P<what>started|finished)")
OURS = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "ZENML_CONFIG_PATH", "ZENML_STORE_URL")
"""Variables that would lead a command away from the state folder of this run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, say which targets were missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=CONFIGS / "quickstart.yaml", help="what is trained")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="agile-bench-") as home:
        environment = {name: value for name, value in os.environ.items() if name not in OURS} | {"AGILE_HOME": home}
        once = spend(PREPARE, environment)
        steps = train(given.config, environment)
        found = measure(environment, repeats=given.repeats)
    seconds = {name: statistics.median(taken) for name, taken in found.items()}
    start = seconds.pop("start")
    seconds |= {ONCE: once, TRAIN: sum(steps.values())}
    show(seconds | {f"  {name}": taken for name, taken in steps.items()}, start=start)
    if given.json is not None:
        facts = {"start_seconds": start, "seconds": seconds, "steps": steps, "targets": TARGETS}
        given.json.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    missed = {name: ratio for name, most in TARGETS.items() if (ratio := seconds[name] / start) > most}
    for name, ratio in missed.items():
        print(f"missed: {name}: {ratio:.2f} times the start, {TARGETS[name]:g} is allowed")
    return int(bool(missed))


def train(config: Path, environment: Mapping[str, str]) -> dict[str, float]:
    """Train a config; CPU seconds of each step, and of what lies between and around them as `start and end`."""
    taken: dict[str, float] = {}
    began = _children()
    with subprocess.Popen(
        [*COMMAND, "train", str(config)], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        said, since, watched = [], 0.0, psutil.Process(process.pid)
        for line in process.stdout or ():
            said.append(line)
            if (step := STEP.search(line)) is not None:
                now = sum(watched.cpu_times()[:4])  # its own, and of its children that have ended
                if step["what"] == "finished":
                    taken[step["name"]] = now - since
                since = now
    if process.returncode:
        raise RuntimeError(f"agile train {config} failed:\n{''.join(said)}")
    return {"start and end": _children() - began - sum(taken.values()), **taken}


def measure(environment: Mapping[str, str], *, repeats: int) -> dict[str, list[float]]:
    """CPU seconds of each quick command, of `LIBRARIES` and of `start`, in an order that is shuffled anew."""
    commands = {"start": START, **QUICK, **{name: (sys.executable, "-c", code) for name, code in LIBRARIES.items()}}
    found: dict[str, list[float]] = {name: [] for name in commands}
    for repeat in range(repeats):
        order = list(commands)
        random.Random(repeat).shuffle(order)  # noqa: S311  (an order, no secret)
        for name in order:
            found[name].append(spend(commands[name], environment))
            print(f"  {name}: {found[name][-1]:.2f} CPU seconds ({repeat + 1} of {repeats})", flush=True)
    return found


def spend(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Run a command; CPU seconds of it and of all that it has started."""
    began = _children()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return _children() - began


def show(seconds: Mapping[str, float], *, start: float) -> None:
    """Print the table."""
    print(f"{'':24} CPU seconds  times start  at most")
    print(f"{'import the libraries':24} {start:11.2f} {1:12.2f}")
    for name, taken in seconds.items():
        most = f"{TARGETS[name]:8.2f}" if name in TARGETS else ""
        print(f"{name:24} {taken:11.2f} {taken / start:12.2f} {most}".rstrip())


def _children() -> float:
    """CPU seconds of the processes that this one has started and that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    raise SystemExit(main())

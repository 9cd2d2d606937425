"""Doctor: what a run finds on this machine, what is missing, and how to get it.

Everything that could crash or hang (a broken package, a server that does not answer) is asked in a process of its own.
Nothing shown holds a password.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from agile_classifier.environment import FEEDBACK_URL, cache, home, hub_token, mirror
from agile_classifier.errors import InputError, redact
from agile_classifier.ops import notifications
from agile_classifier.ops.project import LOCK, root
from agile_classifier.ops.runs import liveness
from agile_classifier.ops.state.databases import FEEDBACK, KEPT, find_damage
from agile_classifier.ops.state.home import LEAST_FREE_BYTES, prepare_state
from agile_classifier.ops.upkeep.doctor_schedules import examine_schedules
from agile_classifier.ops.upkeep.finding import Finding

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "zenml", "mlflow", "great-expectations")
INSTALL = f"install the project's environment: `make run`, or `python -m pip install --constraint {LOCK} --editable .`"
LONGEST_WAIT = 120
"""Longest wait for one check, in seconds; a slow disk takes half of it for the imports alone."""
QUESTIONS = {
    "hardware": """
import json
from agile_classifier.models.hardware import choose_compute_dtype, read_hardware
hardware = read_hardware()
print(json.dumps({**hardware.as_dict(), "compute_dtype": choose_compute_dtype("auto", hardware=hardware)}))""",
    "ZenML": """
from zenml.client import Client
client = Client()
print(f"{client.zen_store.url}, stack {client.active_stack_model.name}")""",
    "MLflow": """
import mlflow
mlflow.MlflowClient().search_experiments(max_results=1)
print(mlflow.get_tracking_uri())""",
    "feedback": """
from agile_classifier.ops.feedback import store as feedback
store = feedback.open_store()
n_verdicts, n_served = (store.count(table) for table in (feedback.VERDICTS, feedback.PREDICTIONS))
print(f"{store.shown}, {n_verdicts:,} verdicts, {n_served:,} served predictions")""",
    "dead runs": """
from agile_classifier.ops.runs.liveness import settle_dead_runs
settled = [f"{name} is marked {status}" for name, status in settle_dead_runs().items()]
print("; ".join(settled) or "none was left running")""",
}
REMEDIES = {
    "hardware": INSTALL,
    "ZenML": "check ZENML_STORE_URL and its credentials; without them a database in AGILE_HOME is used",
    "MLflow": "check MLFLOW_TRACKING_URI and its credentials; without them a database in AGILE_HOME is used",
    "feedback": "check AGILE_FEEDBACK_URL and its credentials; without it a database in AGILE_HOME is used",
    "dead runs": "runs were killed and cannot be marked as ended; see what ZenML and MLflow answer",
}
IMPATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "15"}


def examine() -> Iterator[Finding]:
    """Check everything that a run needs, quick checks first; yields a finding for each."""
    yield Finding("python", platform.python_version())
    yield from map(_package, PACKAGES)
    project = _project()
    yield project
    if project.remedy:  # all that follows reads its files
        return
    yield from _places()
    problem = _prepare()
    yield Finding("AGILE_HOME", f"{home()}, {_free(home())}", problem)
    yield from _databases()
    asked = {name: _ask(QUESTIONS[name]) for name in _askable(problem)}
    for name, process in asked.items():
        yield _answer(name, process)


def _askable(problem: str | None) -> list[str]:
    """Names of the questions that can be answered: without a state folder no run, nor where there is nothing to ask."""
    if problem is not None:
        return [name for name in QUESTIONS if name == "hardware"]
    has_feedback = bool(os.environ.get(FEEDBACK_URL)) or (home() / FEEDBACK).is_file()
    is_there = {"dead runs": bool(liveness.list_dead()), "feedback": has_feedback}
    return [name for name in QUESTIONS if is_there.get(name, True)]


def _package(name: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, "missing", INSTALL)


def _places() -> Iterator[Finding]:
    folder = mirror()
    if folder is None:
        yield Finding("mirror", "none (AGILE_MIRROR names a folder that stands in for the network)")
    elif folder.is_dir():
        yield Finding("mirror", str(folder))
    else:
        yield Finding("mirror", f"{folder}: no such folder", "make the folder, or unset AGILE_MIRROR")
    yield Finding("downloads", f"{cache()}{'' if cache().is_dir() else ' (none yet)'}")
    yield Finding("HF_TOKEN", "set" if hub_token() else "not set (only gated models need it)")
    yield _webhook()
    yield from examine_schedules()
    yield _temporary_files()


def _webhook() -> Finding:
    try:
        receiver = notifications.find_receiver()
    except InputError as error:
        return Finding("webhook", f"unusable: {error}; runs go on, and tell nobody", "set it so, or unset it")
    if receiver is None:
        return Finding("webhook", f"none ({notifications.URL} names who is told of failed runs, promotions and drift)")
    return Finding("webhook", f"{urlsplit(receiver.url).hostname}, signed")


def _temporary_files() -> Finding:
    """What a step hands on lies there until it is in the artifact store."""
    folder = Path(tempfile.gettempdir())
    found = f"{folder}, {_free(folder)}"
    if shutil.disk_usage(folder).free >= LEAST_FREE_BYTES:
        return Finding("temporary files", found)
    needed = f"{LEAST_FREE_BYTES / 1e9:.0f} GB"
    return Finding("temporary files", found, f"make room, or name a folder with {needed} free in TMPDIR")


def _project() -> Finding:
    try:
        return Finding("project", str(root()))
    except InputError as error:
        return Finding("project", "none", str(error))


def _prepare() -> str | None:
    try:
        prepare_state()
    except InputError as error:
        return str(error)
    return None


def _databases() -> Iterator[Finding]:
    """Look at the whole of each database in the state folder, which may be damaged where no command has read yet."""
    for name in KEPT:
        path = home() / name
        if path.is_file():
            damage = find_damage(path)
            size = f"{path.stat().st_size / 1e6:.1f} MB, {'whole' if damage is None else 'damaged'}"
            yield Finding(path.name, f"{path}, {size}", damage)


def _free(folder: Path) -> str:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return f"{shutil.disk_usage(there).free / 1e9:.1f} GB free"


def _ask(question: str) -> subprocess.Popen[str]:
    environment = {**os.environ, **IMPATIENT}
    command = [sys.executable, "-c", question]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root(), env=environment
    )


def _answer(name: str, process: subprocess.Popen[str]) -> Finding:
    try:
        said, complained = process.communicate(timeout=LONGEST_WAIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return Finding(name, f"no answer in {LONGEST_WAIT} s", REMEDIES[name])
    if process.returncode:
        last = (complained.strip().splitlines() or [f"exit {process.returncode}"])[-1]
        return Finding(name, f"no answer: {redact(last)[:300]}", REMEDIES[name])
    last = said.strip().splitlines()[-1]
    return Finding(name, _hardware(last) if name == "hardware" else f"answered: {redact(last)}")


def _hardware(answer: str) -> str:
    found = json.loads(answer)
    speed = "fast" if found["fast_bfloat16"] else "emulated, not used"
    return (
        f"{found['device']} ({found['name']}), {found['threads']} threads, computes in {found['compute_dtype']} "
        f"(bfloat16 is {speed})"
    )

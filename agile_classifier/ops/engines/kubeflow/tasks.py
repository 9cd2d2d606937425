"""Kubeflow's tasks: what a pod of a compiled pipeline runs.

    python -m agile_classifier.ops.engines.kubeflow.tasks start …    reads the inputs and records the run with ZenML
    python -m agile_classifier.ops.engines.kubeflow.tasks step …     runs one step of what was recorded

`agile_classifier.ops.engines.kubeflow.compiler` writes these commands into the pipeline. Each run of it is recorded
anew, so that ZenML, its cache and the registry know the run by the values that were typed into the Kubeflow UI, and not
by those of the file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from uuid import UUID

from agile_classifier.ending import is_told, told
from agile_classifier.ops.runs.failures import explain
from agile_classifier.ops.state.home import prepare_state


def main(arguments: Sequence[str]) -> int:
    """Run a task; returns the exit code of the command line, and Kubeflow retries any code but 0."""
    task, *rest = arguments
    try:
        TASKS[task](rest)
    except Exception as error:
        if is_told():
            raise
        failure = explain(error)
        if failure.is_defect:
            traceback.print_exception(error)
        print(f"agile: error: {failure.line}", file=sys.stderr)
        return failure.exit_code
    return 0


def start(arguments: Sequence[str]) -> None:
    """Read the inputs, record the run on ZenML's server, and pass on the id of the record."""
    given, variables = _parse(arguments, "pipeline", "stack", "executor-input", "run", "snapshot-file", steps="")
    os.environ |= variables
    prepare_state(with_databases=False)
    from zenml.utils import source_utils

    from agile_classifier.ops.engines.kubeflow.inputs import read_inputs, require_same_steps
    from agile_classifier.ops.engines.kubeflow.later import require_servers
    from agile_classifier.ops.engines.stacks import StackFile, register
    from agile_classifier.ops.engines.variables import fill_open

    require_servers(variables)
    config = read_inputs(json.loads(given["executor_input"])["inputs"]["parameterValues"])
    if given["steps"]:  # which pipelines compiled before do not tell
        require_same_steps(config, given["steps"].split(","))
    stack = StackFile(**fill_open(json.loads(given["stack"]), variables))
    os.environ["ZENML_ACTIVE_STACK_ID"] = str(register(stack))
    pipeline = source_utils.load(given["pipeline"]).with_options(**stack.run)
    pipeline.prepare(**{section: getattr(config, section) for section in type(config).model_fields})
    snapshot = pipeline.create_snapshot(name=f"kubeflow-{given['run']}", replace=True)
    file = Path(given["snapshot_file"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(str(snapshot.id), encoding="utf-8")


def step(arguments: Sequence[str]) -> None:
    """Run one step of the recorded run."""
    given, variables = _parse(arguments, "name", "snapshot", "run")
    os.environ |= variables
    prepare_state(with_databases=False)
    from agile_classifier.ops.engines.kubeflow.workarounds import launch_once

    launch_once(UUID(given["snapshot"]), given["name"], run_id=given["run"])


def _parse(arguments: Sequence[str], *names: str, **optional: str) -> tuple[dict[str, str], dict[str, str]]:
    """The options by name, and the variables that a run's inputs set; `optional` maps further options to defaults."""
    parser = argparse.ArgumentParser()
    for name in names:
        parser.add_argument(f"--{name}", required=True)
    for name, default in optional.items():
        parser.add_argument(f"--{name}", default=default)
    parser.add_argument("--variable", nargs=2, action="append", default=[])
    given = vars(parser.parse_args(arguments))
    return given, dict(given.pop("variable"))


TASKS: Mapping[str, Callable[[Sequence[str]], None]] = {"start": start, "step": step}

if __name__ == "__main__":
    with told():
        sys.exit(main(sys.argv[1:]))

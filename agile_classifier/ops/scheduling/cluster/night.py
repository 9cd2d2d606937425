"""Night: what the pod of a cluster's schedule asks first, where the schedule waits for new labels.

    python -m agile_classifier.ops.scheduling.cluster.night --when '{"min_new_labels": 50}' --snapshot_id …

Where the data hold enough that is new, it goes on as the pod of every run does and starts the steps; else it notes what
it found beside ZenML's schedule, and ends. No run is made then.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from zenml.client import Client
from zenml.enums import MetadataResourceTypes
from zenml.models import PipelineSnapshotResponse, RunMetadataResource

from agile_classifier.config.files import parse_config
from agile_classifier.config.run import RunConfig
from agile_classifier.ops.project import module_command
from agile_classifier.ops.scheduling.schedule import When
from agile_classifier.ops.scheduling.waiting import look

MODULE = "agile_classifier.ops.scheduling.cluster.night"
FOUND = "agile_schedule_found"
"""Under which ZenML's schedule keeps what its last night found."""


@dataclass(frozen=True)
class Finding:
    """What the last night of a schedule found."""

    at: datetime
    reason: str


def waiting_command(when: When) -> list[str]:
    """Beginning of a pod's command line that asks the data first; the arguments of ZenML's entry point follow."""
    return [*module_command(MODULE, python="python"), "--when", when.model_dump_json(exclude_none=True)]


def read_finding(metadata: Mapping[str, Any]) -> Finding | None:
    """Read what the last night found from the metadata of ZenML's schedule; None before the first."""
    found = metadata.get(FOUND)
    return None if not found else Finding(datetime.fromisoformat(found["at"]), str(found["reason"]))


def main(arguments: Sequence[str]) -> int:
    """Ask the data, and start the run where they hold enough; returns the exit code."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--when", required=True, type=When.model_validate_json)
    given, entry_arguments = parser.parse_known_args(arguments)
    snapshot = Client().get_snapshot(UUID(entry_arguments[entry_arguments.index("--snapshot_id") + 1]))
    verdict = look(_read_config(snapshot), given.when, now=datetime.now(UTC))
    print(verdict.reason, flush=True)
    _note(snapshot, Finding(datetime.now(UTC), verdict.reason))
    if verdict.starts:
        _start(entry_arguments)
    return 0


def _read_config(snapshot: PipelineSnapshotResponse) -> RunConfig:
    """The config that the schedule was applied with, which is the parameters of its pipeline."""
    sections = snapshot.pipeline_configuration.parameters or {}
    return parse_config(dict(sections), name=f"snapshot {snapshot.id}")


def _note(snapshot: PipelineSnapshotResponse, found: Finding) -> None:
    if snapshot.schedule is not None:
        resource = RunMetadataResource(id=snapshot.schedule.id, type=MetadataResourceTypes.SCHEDULE)
        Client().create_run_metadata({FOUND: {"at": found.at.isoformat(), "reason": found.reason}}, [resource])


def _start(arguments: Sequence[str]) -> None:
    """Go on as the pod that starts the pods of the steps."""
    from zenml.integrations.kubernetes.orchestrators import kubernetes_orchestrator_entrypoint as entrypoint

    from agile_classifier.ops.engines import kubernetes_workarounds

    kubernetes_workarounds.apply()
    sys.argv[1:] = arguments
    entrypoint.main()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The launcher's leftovers: launches that are over, and files that somebody brought and nothing refers to any more.

A reference is the upload's id, which stands in the path of its file: in a launch that stays, a schedule, a config of
the project, the recorded config of a version that stays, or the parameters of a run that stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from agile_classifier.errors import InputError
from agile_classifier.ops import project
from agile_classifier.ops.registry.contents.version_files import read_config
from agile_classifier.ops.scheduling import local
from agile_classifier.ops.upkeep.leftover import Leftover, count_bytes, last_written
from agile_classifier.ops.upkeep.prune_mlflow import Version
from agile_classifier.ops.upkeep.prune_zenml import PipelineRun
from agile_classifier.ops.web import launches, uploads
from agile_classifier.ops.web.launches import Launch


def choose_launches(runs: Iterable[PipelineRun], *, before: datetime) -> list[Launch]:
    """Choose the launches that were over before a time and whose ZenML run is none of those that stay."""
    staying = {run.name for run in runs}
    return [
        launch
        for launch in launches.list_launches()
        if not launches.is_going(launch.id) and launch.run_name not in staying and last_written(launch.folder) < before
    ]


def list_old_launches(chosen: Iterable[Launch]) -> Iterator[Leftover]:
    """List launches to remove, each with its output."""
    for launch in chosen:
        name = f"{launch.id} {launch.config}"
        yield Leftover("launch", name, count_bytes(launch.folder), partial(launches.remove, launch.id))


def list_old_uploads(
    versions: Iterable[Version], runs: Iterable[PipelineRun], going: Iterable[Launch], *, before: datetime
) -> Iterator[Leftover]:
    """List uploads that were not touched since a time, and that nothing refers to.

    Parameters
    ----------
    versions, runs : iterable
        Those that stay.
    going : iterable of Launch
        Launches that this prune removes.
    """
    old = [upload for upload in uploads.list_all() if last_written(upload.folder) < before]
    texts = [*_read_references(versions, runs), *_read_launches(going)] if old else []
    for upload in old:
        if not any(upload.id in text for text in texts):
            name = f"{upload.id} {upload.name}"
            yield Leftover("upload", name, count_bytes(upload.folder), partial(_remove_upload, upload.id))


def _read_references(versions: Iterable[Version], runs: Iterable[PipelineRun]) -> Iterator[str]:
    """Texts in which a path of an upload may stand, beside those of launches."""
    yield from (path.read_text(encoding="utf-8", errors="replace") for path in project.configs().rglob("*.yaml"))
    for record in local.applied().values():
        yield record.model_dump_json()
        config = Path(record.schedule.config)
        if record.schedule.pipeline == "training" and config.is_file():
            yield config.read_text(encoding="utf-8", errors="replace")
    for version in versions:
        with suppress(InputError):  # without its record nobody can train it again
            yield str(read_config(version.model_name, version.number))
    yield from (run.parameters for run in runs)


def _read_launches(going: Iterable[Launch] = ()) -> Iterator[str]:
    """What was asked for by each launch that stays."""
    left_out = {launch.id for launch in going}
    return (launch.model_dump_json() for launch in launches.list_launches() if launch.id not in left_out)


def _remove_upload(identity: str) -> bool:
    """Remove an upload; returns False, and keeps it, if a launch names it by now."""
    if any(identity in text for text in _read_launches()):
        return False
    uploads.remove(identity)
    return True

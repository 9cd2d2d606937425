"""Commands that start runs by the clock, and that keep the state folder safe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

commands = typer.Typer()
schedule = typer.Typer(
    help="Runs that start by the clock.", epilog="Example: agile schedule apply --dry-run", no_args_is_help=True
)
commands.add_typer(schedule, name="schedule")


@schedule.command("apply", epilog="Example: agile schedule apply --file configs/schedules.yaml --dry-run")
def apply(
    file: Annotated[Path | None, typer.Option(help="The schedules; by default configs/schedules.yaml.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
) -> None:
    """Make the schedules of a file, and no others, those of this machine or, on a cluster's stack, of the cluster."""
    import os

    variables = dict(os.environ)  # before the state folder's own are set
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.engines import stacks
    from agile_classifier.ops.scheduling import local as schedules
    from agile_classifier.ops.scheduling import schedulers

    read = schedules.read_schedules(file or schedules.shipped_file())
    wanted = schedulers.Wanted(read, variables, _training, dry_run)
    for change in schedulers.apply(stacks.active_stack(), wanted):
        print(f"{change.kind:9} {change.name}{f': {change.details}' if change.details else ''}")


@schedule.command("list", epilog="Example: agile schedule list")
def list_all() -> None:
    """List the schedules: their last run and its outcome, their next time."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.engines import stacks
    from agile_classifier.ops.scheduling import schedulers

    for row in schedulers.rows(stacks.active_stack()):
        print(row)


@schedule.command("remove", epilog="Example: agile schedule remove nightly")
def remove(name: Annotated[str, typer.Argument(help="A schedule that `agile schedule list` shows.")]) -> None:
    """Take a schedule off this machine or, on a cluster's stack, off the cluster; the file that names it stays."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.engines import stacks
    from agile_classifier.ops.scheduling import schedulers

    schedulers.remove(stacks.active_stack(), name)
    print(f"removed   {name}")


def _training() -> Any:
    from agile_classifier.ops.project import load_pipeline

    return load_pipeline("training")


@schedule.command("run", epilog="Example: agile schedule run nightly")
def run(name: Annotated[str, typer.Argument(help="A schedule that `agile schedule list` shows.")]) -> None:
    """Start the run if it is due and none is going; what cron and systemd call."""
    from datetime import UTC, datetime

    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0, with_databases=False)
    from agile_classifier.ops.scheduling import runs as scheduled_runs

    print(scheduled_runs.run_if_due(name, now=datetime.now(UTC)))


@commands.command(epilog="Example: agile backup agile.tar.gz")
def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write, .tar.gz; one that is there is replaced.")],
    checkpoints: Annotated[
        bool, typer.Option("--checkpoints", help="Also the checkpoints of trainings under way.")
    ] = False,
) -> None:
    """Copy the state folder into an archive, also while a run writes."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.upkeep import backup as backups

    kept = backups.backup(file, with_checkpoints=checkpoints)
    print(f"{kept.n_files} files, {kept.n_bytes / 1e6:.1f} MB, into {file}")


@commands.command(epilog="Example: agile restore agile.tar.gz")
def restore(
    file: Annotated[Path, typer.Argument(help="An archive of `agile backup`.")],
    force: Annotated[
        bool, typer.Option("--force", help="Though the state folder is in use; it is moved aside, not deleted.")
    ] = False,
) -> None:
    """Put an archive in the place of the state folder, which may lie elsewhere than the one it was made of."""
    from agile_classifier.ops.upkeep import restore as restoring

    restored = restoring.restore(file, force=force)
    if restored.moved_aside:
        print(f"the folder that was there is now {restored.moved_aside}")
    print(f"{restored.n_files} files restored into {restored.folder}")

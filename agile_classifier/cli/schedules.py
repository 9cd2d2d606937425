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


@schedule.command("apply", epilog="Example: agile schedule apply --file configs/schedules/default.yaml --dry-run")
def apply(
    file: Annotated[Path | None, typer.Option(help="The schedules; by default configs/schedules/default.yaml.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
) -> None:
    """Make the schedules of a file, and no others, those of this machine or, on a cluster's stack, of the cluster."""
    import os

    variables = dict(os.environ)  # before the state folder's own are set
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.engines import stacks
    from agile_classifier.ops.scheduling import schedulers
    from agile_classifier.ops.scheduling.file import read_schedules, shipped_file

    wanted = schedulers.Wanted(read_schedules(file or shipped_file()), variables, _training, dry_run)
    for line in schedulers.apply(stacks.active_stack(), wanted):
        print(line)


@schedule.command("list", epilog="Example: agile schedule list")
def list_all() -> None:
    """List the schedules: their last run and its outcome, their next time."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.engines import stacks
    from agile_classifier.ops.scheduling import schedulers

    for line in schedulers.list_schedules(stacks.active_stack()):
        print(line)


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
    """Start a schedule's run if it is due and none of it is going, and wait for its end."""
    from datetime import UTC, datetime

    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0, with_databases=False)
    from agile_classifier.ops.scheduling import runs as scheduled_runs

    print(scheduled_runs.run_if_due(name, now=datetime.now(UTC)))


@schedule.command("tick", epilog="Example: agile schedule tick")
def tick() -> None:
    """Start every run that is due, each in a process of its own, and return at once; the crontab's line calls this."""
    from datetime import UTC, datetime

    from agile_classifier.ops.scheduling import clock

    for name in clock.tick(datetime.now(UTC)):
        _report_start(name)


@schedule.command("run-forever", epilog="Example: agile schedule run-forever")
def run_forever() -> None:
    """Tick every minute in the foreground, where there is no cron; runs that were started outlive it."""
    from agile_classifier.ops.scheduling import clock

    clock.tick_forever(_report_start)


def _report_start(name: str) -> None:
    print(f"schedule {name}: started", flush=True)


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

"""Commands that start runs by the clock, and that keep the state folder safe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from agile_classifier.cli.terminal.headings import WholeSentences
from agile_classifier.errors import InputError

commands = typer.Typer()
schedule = typer.Typer(
    help="Start runs by the clock.",
    cls=WholeSentences,
    epilog="Example: agile schedule apply --dry-run",
    no_args_is_help=True,
)
commands.add_typer(schedule, name="schedule")


@schedule.command("apply", epilog="Example: agile schedule apply --file configs/schedules/default.yaml --dry-run")
def apply(
    file: Annotated[
        Path | None, typer.Option(help="Schedules, a YAML; by default configs/schedules/default.yaml.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
) -> None:
    """Make a file's schedules the only ones of this machine.

    On a cluster's stack: of the cluster.
    """
    import os

    variables = dict(os.environ)  # before the state folder's own are set
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.engines import stacks
    from agile_classifier.ops.scheduling import schedulers
    from agile_classifier.ops.scheduling.file import read_schedules, shipped_file

    stack, wanted = stacks.active_stack(), read_schedules(file or shipped_file())
    for line in schedulers.apply(
        stack, wanted, variables=variables, load_pipeline=_training, check_words=_check_words, dry_run=dry_run
    ):
        print(line)


@schedule.command("list", epilog="Example: agile schedule list")
def list_all() -> None:
    """List schedules with their last run and next time."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.engines import stacks
    from agile_classifier.ops.scheduling import schedulers

    for line in schedulers.list_schedules(stacks.active_stack()):
        print(line)


@schedule.command("remove", epilog="Example: agile schedule remove nightly")
def remove(
    name: Annotated[str, typer.Argument(help="Name of the schedule, as `agile schedule list` shows it.")],
) -> None:
    """Remove a schedule from this machine.

    On a cluster's stack: from the cluster. The file that names it stays as it is.
    """
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.engines import stacks
    from agile_classifier.ops.scheduling import schedulers

    schedulers.remove(stacks.active_stack(), name)
    print(f"removed   {name}")


def _training() -> Any:
    from agile_classifier.ops.project import load_pipeline

    return load_pipeline("training")


def _check_words(words: Sequence[str]) -> None:
    """Refuse words of a command line that `agile` does not know; nothing is run.

    Raises
    ------
    InputError
        Says what is wrong with them, as the command line would.
    """
    from typer.exceptions import TyperException
    from typer.main import get_command

    from agile_classifier.cli.app import app

    place = f"arguments {' '.join(words[1:])!r}"
    if "--help" in words:
        raise InputError(f"{place}: they ask for help, and nothing would run")
    try:
        with get_command(app).make_context("agile", list(words)) as group:
            command = group.command.get_command(group, words[0])  # type: ignore[attr-defined]
            given = command.make_context(words[0], list(words[1:]), parent=group).params
    except TyperException as error:
        raise InputError(f"{place}: {error}") from None
    if words[0] == "score" and given["output"] is None:
        raise InputError("arguments: --output FILE is missing; it names the file that the scored rows go to")


@schedule.command("run", epilog="Example: agile schedule run nightly --now")
def run(
    name: Annotated[str, typer.Argument(help="Name of the schedule, as `agile schedule list` shows it.")],
    now: Annotated[
        bool, typer.Option("--now", help="Start it whatever the time, also where it is disabled; its `when` counts.")
    ] = False,
) -> None:
    """Start a schedule's run if it is due, and wait for its end.

    None is started beside one that still goes. On a cluster's stack, --now starts it there and returns at once.
    """
    from datetime import UTC, datetime

    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0, with_databases=now)
    from agile_classifier.ops.scheduling import runs as scheduled_runs

    if not now:
        print(scheduled_runs.run_if_due(name, now=datetime.now(UTC)))
        return
    from agile_classifier.ops.engines import stacks
    from agile_classifier.ops.scheduling import schedulers

    print(schedulers.run_now(stacks.active_stack(), name))


@schedule.command("tick", epilog="Example: agile schedule tick")
def tick() -> None:
    """Start every run that is due, and return at once.

    Each run is a process of its own. The crontab's line calls this every minute.
    """
    from datetime import UTC, datetime

    from agile_classifier.ops.scheduling import clock

    for name in clock.tick(datetime.now(UTC)):
        _report_start(name)


@schedule.command("run-forever", epilog="Example: agile schedule run-forever")
def run_forever() -> None:
    """Tick every minute until Ctrl-C, where there is no cron.

    Runs that were started outlive it.
    """
    from agile_classifier.ops.scheduling import clock

    clock.tick_forever(_report_start)


def _report_start(name: str) -> None:
    print(f"schedule {name}: started", flush=True)


@commands.command(epilog="Example: agile backup agile.tar.gz")
def backup(
    file: Annotated[Path, typer.Argument(help="Archive to write, .tar.gz; an existing one is replaced.")],
    checkpoints: Annotated[
        bool, typer.Option("--checkpoints", help="Include the checkpoints of trainings under way.")
    ] = False,
) -> None:
    """Copy the state folder into an archive, also during a run."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.upkeep import backup as backups

    kept = backups.backup(file, with_checkpoints=checkpoints)
    print(f"{kept.n_files} files, {kept.n_bytes / 1e6:.1f} MB, into {file}")


@commands.command(epilog="Example: agile restore agile.tar.gz")
def restore(
    file: Annotated[Path, typer.Argument(help="Archive that `agile backup` wrote.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace a state folder that is in use; it is moved aside, not deleted.")
    ] = False,
) -> None:
    """Put an archive in the place of the state folder.

    The folder may lie elsewhere than the one that the archive was made of.
    """
    from agile_classifier.ops.upkeep import restore as restoring

    restored = restoring.restore(file, force=force)
    if restored.moved_aside:
        print(f"the folder that was there is now {restored.moved_aside}")
    print(f"{restored.n_files} files restored into {restored.folder}")


@commands.command(epilog="Example: agile adopt")
def adopt() -> None:
    """Make a state folder that was moved or copied one of its own.

    Its databases are made to name its new place. The original of a copy stays as it is.
    """
    from agile_classifier.ops.upkeep import adopt as adopting

    adopted = adopting.adopt()
    if not adopted.came_from:
        print(f"{adopted.folder} names its own place already; nothing was changed")
        return
    print(
        f"{adopted.folder} no longer names {', '.join(adopted.came_from)}; steps run once more before they are reused"
    )
    if adopted.n_schedules:
        print(f"its schedules ({adopted.n_schedules}) start from here after agile schedule apply")

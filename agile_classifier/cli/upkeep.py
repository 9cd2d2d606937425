"""Commands that look after the machine: its stack, its state folder, its speed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()

BENCHMARKS = ("scoring", "serving", "training", "waiting")


@commands.command(epilog="Example: agile stack containers")
def stack(
    name: Annotated[str, typer.Argument(help="Name of a file under configs/stacks, without .yaml.")],
) -> None:
    """Select what runs are executed on: this machine or a cluster."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state()
    from agile_classifier.errors import InputError
    from agile_classifier.ops.engines import require as engines
    from agile_classifier.ops.engines import stacks

    selected = stacks.select(name)
    components = ", ".join(f"{kind} {selected.flavor(kind)}" for kind in selected.components)
    print(f"stack {selected.name}: {components or 'this process'}")
    try:
        engines.require_engine(selected)
    except InputError as lacking:
        print(f"agile: a run would be refused: {lacking}", file=sys.stderr)


@commands.command(epilog="Example: agile notify 'the webhook works'")
def notify(
    sentence: Annotated[str, typer.Argument(help="Sentence to send.")],
    kind: Annotated[str, typer.Option(help="Kind of the notice, which receivers may filter by.")] = "test",
) -> None:
    """Send a notice to the webhook, to try it out.

    Failed runs, promotions and drift are told there. Exit code 1: it could not be delivered.
    """
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.notifications import Notice, require_delivered, tell

    notice = Notice(kind, sentence, {})
    print(require_delivered(tell(notice)))


@commands.command(epilog="Example: agile doctor")
def doctor() -> None:
    """Check whether this machine has what a run needs.

    Exit code 2: a run would fail, and a line says what to do.
    """
    from agile_classifier.ops.upkeep.doctor import examine

    usable = True
    for finding in examine():
        print(f"{finding.name:18} {finding.value}", flush=True)
        if finding.remedy:
            print(f"{'':18} -> {finding.remedy}", flush=True)
            usable = False
    if not usable:
        raise typer.Exit(2)


@commands.command(epilog="Example: agile prune --days 14 --dry-run")
def prune(
    days: Annotated[int, typer.Option(min=0, max=36_500, help="Age in days from which leftovers are removed.")] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
) -> None:
    """Remove what old runs left behind in the state folder.

    Runs, their files, checkpoints of trainings that nobody went on with, model versions without an alias, launches of
    the launcher and files that were brought to it; never a version with an alias, nor what it rests on.
    """
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.upkeep import prune as pruning

    for line in pruning.prune(days=days, dry_run=dry_run):
        print(line, flush=True)


@commands.command(epilog="Example: agile bench scoring --texts 48 --json scoring.json")
def bench(
    name: Annotated[str, typer.Argument(help="Benchmark to run: scoring, serving, training or waiting.")],
    config: Annotated[str | None, typer.Option(help="Config that is measured; by default the benchmark's own.")] = None,
    texts: Annotated[
        int | None, typer.Option(min=2, max=1_000_000, help="Number of texts; by default the benchmark's own.")
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, max=1_000, help="Number of runs of each contender, in shuffled order.")
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="File for the table, as JSON.")] = None,
) -> None:
    """Measure speed against usual ways; needs a checkout.

    Exit code 1: a target was missed.
    """
    from agile_classifier.errors import InputError, did_you_mean
    from agile_classifier.ops.project import run_benchmark

    if name not in BENCHMARKS:
        hint = did_you_mean(name, BENCHMARKS)
        raise InputError(f"bench {name}: no such benchmark; there are {', '.join(BENCHMARKS)}{hint}")
    given = {"--config": config, "--texts": texts, "--repeats": repeats, "--json": json}
    arguments = [word for option, value in given.items() if value is not None for word in (option, str(value))]
    raise typer.Exit(run_benchmark(name, arguments))

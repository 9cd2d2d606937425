"""Commands that look after the machine: its stack, its state folder, its speed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()

BENCHMARKS = ("scoring", "serving", "training")


@commands.command(epilog="Example: agile stack containers")
def stack(
    name: Annotated[str, typer.Argument(help="A file under configs/stacks, without its suffix.")],
) -> None:
    """Select what the steps of a run are executed on."""
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
    sentence: Annotated[str, typer.Argument(help="What to tell.")],
    kind: Annotated[str, typer.Option(help="What kind of notice it is.")] = "test",
) -> None:
    """Tell something to whoever is told of failed runs, promotions and drift; exit 1 if it could not be delivered."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.notifications import Notice, require_delivered, tell

    notice = Notice(kind, sentence, {})
    print(require_delivered(tell(notice)))


@commands.command(epilog="Example: agile doctor")
def doctor() -> None:
    """Say what a run would find and miss; exit 2 if it would fail."""
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
    days: Annotated[int, typer.Option(min=0, help="Age from which leftovers go, in days.")] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
) -> None:
    """Remove what old runs left behind.

    Runs, their files, checkpoints of trainings that nobody went on with, and model versions without an alias; never a version
    with an alias, nor what it rests on.
    """
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.upkeep import prune as pruning

    for line in pruning.prune(days=days, dry_run=dry_run):
        print(line, flush=True)


@commands.command(epilog="Example: agile bench scoring --texts 48 --json scoring.json")
def bench(
    name: Annotated[str, typer.Argument(help="scoring, serving or training.")],
    config: Annotated[
        str | None, typer.Option(help="Name of a shipped config; by default the benchmark's own.")
    ] = None,
    texts: Annotated[int | None, typer.Option(min=2, help="How many texts; by default the benchmark's own.")] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Runs of each contender, in shuffled order.")] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="The table as JSON.")] = None,
) -> None:
    """Measure ours against the ways that people use; exit 1 below a target."""
    from agile_classifier.errors import InputError
    from agile_classifier.ops.project import run_benchmark

    if name not in BENCHMARKS:
        raise InputError(f"bench {name}: no such benchmark; {', '.join(BENCHMARKS)} are there")
    given = {"--config": config, "--texts": texts, "--repeats": repeats, "--json": json}
    arguments = [word for option, value in given.items() if value is not None for word in (option, str(value))]
    raise typer.Exit(run_benchmark(name, arguments))

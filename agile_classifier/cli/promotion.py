"""Commands on who is in service: promote, go back, and answer a promotion that waits for a person."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()
Model = Annotated[str | None, typer.Option(metavar="NAME", help="Registered model; needed where there are several.")]


@commands.command(epilog="Example: agile promote 7")
def promote(
    version: Annotated[str, typer.Argument(help="Number or alias of the version to promote.")] = "candidate",
    model: Model = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Config whose section `promotion` decides; by default that of the version's own run."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Promote without comparing; the history says that a person did it.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why, for the history; goes with --force.")] = "",
) -> None:
    """Make a version the champion if it is better than the present one.

    Both are compared on the same test rows, by the section `promotion` of a config. Exit code 3: it is not promoted.
    """
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.state.home import prepare_state

    loaded = load_config(config) if config else None
    prepare_state()
    from agile_classifier.ops.notifications import changes_told
    from agile_classifier.ops.promotion import manual as promoting
    from agile_classifier.ops.promotion import runs
    from agile_classifier.ops.runs import outcome

    outcome.say_steps()
    wanted = promoting.find(model, version, config=loaded, force=force, reason=reason)
    if force:
        with changes_told(wanted.model_name):
            print(promoting.force(wanted, reason=reason).reason)
    else:
        promoting.require_promoted(runs.run_promotion(wanted.model_name, wanted.version, wanted.settings))


@commands.command(epilog="Example: agile rollback --reason 'too many false alarms'")
def rollback(
    model: Model = None,
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "",
    leaves: Annotated[
        str | None,
        typer.Option("--from", metavar="VERSION", help="Version to roll back; refused where it is not the champion."),
    ] = None,
) -> None:
    """Make the previous champion the champion again.

    The version that is replaced is never promoted again by a comparison, only by `agile promote --force`.
    """
    from agile_classifier.ops.state.home import prepare_state

    prepare_state()
    from agile_classifier.ops.notifications import changes_told
    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.registry import versions as registry

    name = registry.only_model(model)
    with changes_told(name):
        print(champions.roll_back(name, reason=reason, expected=leaves).sentence)


@commands.command(epilog="Example: agile history --model comments")
def history(model: Model = None) -> None:
    """List promotions, refusals and rollbacks of a model, with reasons."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state()
    from agile_classifier.ops.promotion.settled import read_settled
    from agile_classifier.ops.registry import versions as registry
    from agile_classifier.ops.registry.history import as_lines
    from agile_classifier.ops.runs.liveness import settle_dead_runs

    settle_dead_runs()
    name = registry.only_model(model)
    events = read_settled(name)
    if events is None:
        from agile_classifier.ops.notifications import changes_told
        from agile_classifier.ops.promotion import champions

        with changes_told(name):
            events = champions.settle(name)
    for line in as_lines(events):
        print(line)
    print(f"model {name}: champion {registry.read_champion(name) or 'none'}, {len(events)} events", file=sys.stderr)


@commands.command(epilog="Example: agile approve promotion-2026_11_24-09_30_00-1a2b")
def approve(
    run: Annotated[
        str, typer.Argument(help="Name or id of the promotion run that waits, as `agile history` shows it.")
    ],
) -> None:
    """Approve a promotion that waits for a person.

    A promotion run that is paused goes on in this process.
    """
    from agile_classifier.ops.state.home import prepare_state

    prepare_state()
    from agile_classifier.ops.promotion import approval
    from agile_classifier.ops.promotion import manual as promoting

    promoting.require_promoted(approval.approve(run))


@commands.command(epilog="Example: agile reject promotion-2026_11_24-09_30_00-1a2b --reason 'labels are doubtful'")
def reject(
    run: Annotated[
        str, typer.Argument(help="Name or id of the promotion run that waits, as `agile history` shows it.")
    ],
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "",
) -> None:
    """Reject a promotion that waits for a person."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state()
    from agile_classifier.ops.promotion import approval

    print(f"run {approval.reject(run, reason=reason).name}: a person said no; nothing was promoted")

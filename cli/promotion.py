"""Commands on who is in service: promote, go back, and answer a promotion that waits for a person."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()
Model = Annotated[str | None, typer.Option(metavar="NAME", help="Registered model, where there are several.")]


@commands.command(epilog="Example: agile promote 7")
def promote(
    version: Annotated[str, typer.Argument(help="Number or alias of the version.")] = "candidate",
    model: Model = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Run's YAML whose policy counts; by default that which made the version."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Promote without comparing; the history says that a person did.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why, for the history; with --force.")] = "",
) -> None:
    """Compare a version with the champion and promote it if the policy lets it; exit 3 if not."""
    from classifier.config_file import load_config
    from operations.state import prepare_state

    loaded = load_config(config) if config else None
    prepare_state()
    from operations import outcome, promoting
    from operations.notifications import changes_told
    from pipelines import promotion

    outcome.say_steps()
    wanted = promoting.find(model, version, config=loaded, force=force, reason=reason)
    if force:
        with changes_told(wanted.model_name):
            print(promoting.force(wanted, reason=reason).reason)
    else:
        promoting.require_promoted(promotion.run_promotion(wanted.model_name, wanted.version, wanted.settings))


@commands.command(epilog="Example: agile rollback --reason 'too many false alarms'")
def rollback(
    model: Model = None,
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "",
) -> None:
    """Make the champion before the champion again; the one that stood is never promoted again by itself."""
    from operations.state import prepare_state

    prepare_state()
    from operations import champions, registry
    from operations.notifications import changes_told

    name = registry.only_model(model)
    with changes_told(name):
        print(champions.roll_back(name, reason=reason).sentence)


@commands.command(epilog="Example: agile history --model comments")
def history(model: Model = None) -> None:
    """List what became of a model's champion: promotions, refusals, rollbacks, moves by hand, with the reasons."""
    from operations.state import prepare_state

    prepare_state()
    from operations import champions, registry
    from operations.history import as_lines
    from operations.notifications import changes_told

    name = registry.only_model(model)
    with changes_told(name):
        events = champions.settle(name)
    for line in as_lines(events):
        print(line)
    print(f"model {name}: champion {registry.read_champion(name) or 'none'}, {len(events)} events", file=sys.stderr)


@commands.command(epilog="Example: agile approve promotion-2026_11_24-09_30_00-1a2b")
def approve(
    run: Annotated[str, typer.Argument(help="Name or id of the promotion run that waits; `agile history` names it.")],
) -> None:
    """Say yes to a promotion that waits for a person; one that is paused goes on here."""
    from operations.state import prepare_state

    prepare_state()
    from operations import approval, promoting

    promoting.require_promoted(approval.approve(run))


@commands.command(epilog="Example: agile reject promotion-2026_11_24-09_30_00-1a2b --reason 'labels are doubtful'")
def reject(
    run: Annotated[str, typer.Argument(help="Name or id of the promotion run that waits; `agile history` names it.")],
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "",
) -> None:
    """Say no to a promotion that waits for a person."""
    from operations.state import prepare_state

    prepare_state()
    from operations import approval

    print(f"run {approval.reject(run, reason=reason).name}: a person said no; the champion stays")

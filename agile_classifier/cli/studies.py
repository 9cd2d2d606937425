"""Commands that compare: many configs, sizes, splits and seeds; and other values for one config."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agile_classifier.studies.plan import Plan

commands = typer.Typer()


@commands.command(epilog="Example: agile study configs/studies/ethos.yaml --only majority --only tfidf --budget 30")
def study(
    file: Annotated[Path, typer.Argument(help="YAML that describes the study.")],
    only: Annotated[list[str] | None, typer.Option(metavar="CONTENDER", help="Run this one; repeatable.")] = None,
    budget: Annotated[
        float | None,
        typer.Option(min=0, metavar="MINUTES", help="Refuse, before anything runs, what would take longer."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Cells that run at the same time.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is missing and how long it would take.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            help="The page, made anew from all finished cells of the studies in FILE's folder; by default docs/results.md, and FILE's name with .md for a study elsewhere than in configs/studies."
        ),
    ] = None,
    results: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where finished cells are kept; by default results/cells.")
    ] = None,
) -> None:
    """Run the missing cells of a study as a ZenML run, and write its pages; exit 1 if a cell failed."""
    from agile_classifier.ops import project
    from agile_classifier.ops.state.home import prepare_state
    from agile_classifier.studies.file import is_study, load_study

    load_study(file)
    prepare_state(with_databases=not dry_run)
    from agile_classifier.studies import plan as studies

    command, kept = _command(file), (results or project.root() / "results" / "cells").resolve()
    planned = studies.plan(file, only=only or (), folder=kept)
    shipped = file.resolve().parent == project.configs() / "studies" and project.results_page().is_file()
    output = output or (project.results_page() if shipped else Path(f"{file.stem}.md"))
    shown = sorted({file, *filter(is_study, file.parent.glob("*.yaml"))})
    for other in shown:  # before anything runs: they are told of on the same page
        if other != file or only:
            studies.plan(other, folder=kept)
    studies.require_page(output)
    print(studies.estimate(planned, jobs=jobs), file=sys.stderr)
    studies.require_budget(planned, jobs=jobs, minutes=budget)
    if dry_run:
        return
    n_failed = _run(planned, jobs=jobs, command=command) if planned.missing else 0
    beside = {_command(other): studies.plan(other, folder=kept) for other in shown}
    written = [studies.write_markdown(beside, output=output), *studies.write_summary(beside[command], command=command)]
    print(f"written to {', '.join(map(str, written))}")
    if n_failed:
        print(f"agile: error: {n_failed} of {len(planned.missing)} cells failed, as told above", file=sys.stderr)
        raise typer.Exit(1)


def _command(file: Path) -> str:
    return shlex.join(["agile", "study", str(file)])


def _run(planned: Plan, *, jobs: int, command: str) -> int:
    """How many cells failed."""
    from agile_classifier.ops.engines.run import on_active_stack
    from agile_classifier.ops.project import git_commit
    from agile_classifier.ops.runs import outcome
    from agile_classifier.ops.runs.outputs import output_of
    from agile_classifier.studies import run as study_cells

    outcome.say_steps()
    shards = study_cells.to_shards(planned, jobs=jobs, command=command, commit=git_commit())
    with on_active_stack("study") as (study, _):
        run = study(
            shards=shards, file=str(planned.file), definition=planned.study.model_dump(mode="json"),
            folder=str(planned.folder), command=command,
        )  # fmt: skip
    if run is None:  # the stack has only taken it on
        return 0
    outcomes = output_of(run, "gather_cells", "study_outcomes")
    study_cells.keep(outcomes, folder=planned.folder)
    return sum(bool(found["error"]) for found in outcomes)


@commands.command(epilog="Example: agile tune configs/ethos.yaml --minutes 30 --output ethos-tuned.yaml")
def tune(
    config: Annotated[Path, typer.Argument(help="YAML that describes the run.")],
    output: Annotated[
        Path | None, typer.Option(help="The best config; by default CONFIG's name with -tuned.yaml, in this folder.")
    ] = None,
    minutes: Annotated[
        float, typer.Option(min=0, help="Time to search; no try is begun that would not end in it.")
    ] = 30,
    folds: Annotated[int, typer.Option(min=2, help="Folds of train that each try is judged on.")] = 3,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Override a value of the config; repeatable."),
    ] = None,
) -> None:
    """Search learning rate, rank, epochs and targets on folds of train; the same command goes on where one ended."""
    from agile_classifier.config.files import load_config, read_parameters
    from agile_classifier.ops.state.home import prepare_state

    load_config(config, overrides=tuple(overrides or ()), needs_sources=True)
    parameters = read_parameters(config, overrides=tuple(overrides or ()))
    prepare_state(with_databases=False)
    from agile_classifier.studies import tune as tuning

    written = output or Path(f"{config.stem}-tuned.yaml")
    tuning.require_place(written)
    found = tuning.search(
        parameters,
        name=" ".join([str(config), *(f"--set {override}" for override in overrides or ())]),
        minutes=minutes,
        folds=folds,
        output=written,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(f"{found}\nwritten to {written}; train it with: agile train {shlex.quote(str(written))}")

"""Commands that compare: many configs, sizes, splits and seeds; and other values for one config."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agile_classifier.studies.cells import CellStore
    from agile_classifier.studies.plan import Plan

commands = typer.Typer()


LONGEST_MINUTES = 43_200
"""Longest study or search, in minutes: 30 days."""
Only = Annotated[
    list[str] | None, typer.Option(metavar="CONTENDER", help="Contender to run, in place of all; repeatable.")
]
Budget = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=LONGEST_MINUTES,
        metavar="MINUTES",
        help="Longest time, in minutes; a study that would take longer is refused before it begins.",
    ),
]
Jobs = Annotated[int, typer.Option(min=1, max=1_024, help="Number of cells that run at the same time.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say which cells are missing and how long they would take, and run none.")
]
Page = Annotated[
    Path | None,
    typer.Option(
        help="Page to write, of all studies in FILE's folder; by default FILE's name with .md, here; of shipped studies"
        " docs/results.md."
    ),
]
Results = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder of finished cells, a Parquet a study; by default benchmarks/results or AGILE_HOME/studies.",
    ),
]


@commands.command(epilog="Example: agile study configs/studies/ethos.yaml --only majority --only tfidf --budget 30")
def study(
    file: Annotated[Path, typer.Argument(help="Study, a YAML that names configs, sizes, splits and seeds.")],
    only: Only = None,
    budget: Budget = None,
    jobs: Jobs = 1,
    dry_run: DryRun = False,
    output: Page = None,
    results: Results = None,
) -> None:
    """Compare configs over training sizes, splits and seeds.

    Cells that are missing are run as one ZenML run; then the study's pages are written. Exit code 1: a cell failed.
    """
    from agile_classifier.ops.project import is_shipped, require_study, results_page
    from agile_classifier.ops.state.home import prepare_state
    from agile_classifier.studies.file import is_study, load_study

    require_study(file)
    load_study(file)
    prepare_state(with_databases=not dry_run)
    from agile_classifier.studies.plan import estimate, plan, require_budget
    from agile_classifier.studies.report.markdown import require_page

    planned = plan(file, only=only or (), store=find_store(file, results))
    output = output or (results_page() if is_shipped(file) else Path(f"{file.stem}.md"))
    require_page(output)
    shown = sorted({file, *filter(is_study, file.parent.glob("*.yaml"))})
    for other in set(shown) - {file}:  # before anything runs: they are told of on the same page
        plan(other, store=find_store(other, results))
    print(estimate(planned, jobs=jobs), file=sys.stderr)
    require_budget(planned, jobs=jobs, minutes=budget)
    if dry_run:
        return
    n_failed = _run(planned, jobs=jobs, command=_command(file))
    _write_pages({other: plan(other, store=find_store(other, results)) for other in shown}, file=file, output=output)
    if n_failed:
        failed = f"{n_failed} of {len(planned.missing)} cells failed, as told above"
        print(f"agile: error: {failed}; the same command runs them again", file=sys.stderr)
        raise typer.Exit(1)


def find_store(file: Path, results: Path | None) -> CellStore:
    """Where cells of a study are kept: `results`, else the checkout for a shipped study, else the state folder."""
    from agile_classifier.environment import home
    from agile_classifier.ops.project import is_shipped, study_results
    from agile_classifier.studies.cells import CellStore

    own = home() / "studies"
    folder = results.resolve() if results else study_results() if is_shipped(file) else own
    shared, loose = ((folder,), folder) if results else ((study_results(), own), own)
    return CellStore(file=folder / f"{file.stem}.parquet", shared=shared, loose=loose / "cells")


def _command(file: Path) -> str:
    return shlex.join(["agile", "study", str(file)])


def _write_pages(planned: Mapping[Path, Plan], *, file: Path, output: Path) -> None:
    from agile_classifier.studies.report.markdown import write_markdown
    from agile_classifier.studies.report.summary import write_summary

    markdown = write_markdown({_command(other): plan for other, plan in planned.items()}, output=output)
    written = [markdown, *write_summary(planned[file], command=_command(file))]
    print(f"written to {', '.join(map(str, written))}")


def _run(planned: Plan, *, jobs: int, command: str) -> int:
    """Run the missing cells, fold in what is finished, and say how many failed."""
    from agile_classifier.ops.runs.liveness import settle_dead_runs

    settle_dead_runs()  # one that was cut short behind its last cell
    n_failed = _run_missing(planned, jobs=jobs, command=command) if planned.missing else 0
    planned.store.fold({cell.key for cell in planned.cells})
    return n_failed


def _run_missing(planned: Plan, *, jobs: int, command: str) -> int:
    from agile_classifier.ops.engines.run import on_active_stack
    from agile_classifier.ops.project import git_commit
    from agile_classifier.ops.runs import outcome as run_outcome
    from agile_classifier.ops.runs.outputs import output_of
    from agile_classifier.studies.external import prepare_environment
    from agile_classifier.studies.run import Outcome, to_shards

    for folder in {cell.external for cell in planned.missing if cell.external is not None}:
        prepare_environment(folder)  # told of here: what a cell says is heard at its end
    run_outcome.say_steps()
    planned.store.loose.mkdir(parents=True, exist_ok=True)
    shards = to_shards(planned, jobs=jobs, command=command, commit=git_commit())
    with on_active_stack("study") as (study, _):
        run = study(
            shards=shards, file=str(planned.file), definition=planned.study.model_dump(mode="json"),
            store=planned.store.model_dump(mode="json"), command=command,
        )  # fmt: skip
    if run is None:  # the stack has only taken it on
        return 0
    outcomes = list(map(Outcome.model_validate, output_of(run, "gather_cells", "study_outcomes")))
    for outcome in outcomes:
        if outcome.cell is not None:  # it may have run elsewhere
            planned.store.add(outcome.cell)
    return sum(bool(outcome.error) for outcome in outcomes)


@commands.command(epilog="Example: agile tune configs/ethos.yaml --minutes 30 --output ethos-tuned.yaml")
def tune(
    config: Annotated[Path, typer.Argument(help="Config to start from, a YAML.")],
    output: Annotated[
        Path | None, typer.Option(help="Config to write; by default CONFIG's name with -tuned.yaml, in this folder.")
    ] = None,
    minutes: Annotated[
        float,
        typer.Option(
            min=0,
            max=LONGEST_MINUTES,
            help="Longest time, in minutes; no try is begun that would not end in it.",
        ),
    ] = 30,
    folds: Annotated[
        int, typer.Option(min=2, max=100, help="Number of folds of train that each try is judged on.")
    ] = 3,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="SECTION.FIELD=VALUE", help="Set a field of the config to another value; repeatable."
        ),
    ] = None,
) -> None:
    """Search a better config: learning rate, rank, epochs, targets.

    Every try is judged by cross-validation on train. The same command goes on where an earlier one ended.
    """
    from agile_classifier.config.files import load_config, read_parameters
    from agile_classifier.ops.project import require_config
    from agile_classifier.ops.state.home import prepare_state

    require_config(config)
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

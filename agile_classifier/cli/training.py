"""Commands from a file of texts to a classifier, trained here or compiled for another engine."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agile_classifier.cli.terminal.headings import WholeSentences
from agile_classifier.errors import InputError

if TYPE_CHECKING:
    from agile_classifier.config.run import RunConfig

SUFFIXES = ".csv, .tsv, .txt, .json, .jsonl, .ndjson, .parquet, .xlsx, .ods, also packed as .gz or .zip"
"""Formats that `init` names; `agile_classifier.data.rows` reads them."""

commands = typer.Typer()
data = typer.Typer(
    cls=WholeSentences,
    help="Compare what runs have read.",
    epilog="Example: agile data diff training-2026_11_29-02_00_00-1a2b training-2026_11_30-02_00_00-3c4d",
    no_args_is_help=True,
)
commands.add_typer(data, name="data")


@commands.command(epilog="Example: agile train configs/quickstart.yaml --set fine_tune.epochs=5 --limit 400")
def train(
    config: Annotated[
        Path, typer.Argument(help="Config of the run, a YAML; `agile configs` lists those of the project.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="SECTION.FIELD=VALUE", help="Set a field of the config to another value; repeatable."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, max=1_000_000_000, help="Number of rows read, from the top of the source; by default all."),
    ] = None,
    data_from: Annotated[
        str | None,
        typer.Option(
            "--data-from",
            metavar="VERSION_OR_ALIAS",
            help="Version of the config's model whose very examples are learnt from, in place of its sources of today.",
        ),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Run every step anew, though an equal one has run before.")
    ] = False,
    min_new_labels: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1_000_000_000,
            help="Train only where the sources hold so many labels that the model's last run did not see.",
        ),
    ] = None,
    or_days: Annotated[
        int | None,
        typer.Option(min=1, max=3650, help="Where that run is so many days old, any change of the sources suffices."),
    ] = None,
) -> None:
    """Train, evaluate, register and perhaps promote a classifier.

    A step whose inputs, settings and code are those of an earlier run is reused. Exit code 3: a gate refused.
    """
    if or_days is not None and min_new_labels is None:
        raise typer.BadParameter("--or-days goes with --min-new-labels")
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.project import require_config
    from agile_classifier.ops.state.home import prepare_state

    require_config(config)
    limits = () if limit is None else (f"data.limit={limit}",)
    if data_from is not None and limit is not None:
        raise InputError("--data-from and --limit exclude each other: a version's examples are learnt from as they are")
    if data_from is not None and min_new_labels is not None:
        raise InputError("--data-from and --min-new-labels exclude each other: a version's examples are not new")
    loaded = load_config(config, overrides=(*(overrides or ()), *limits), needs_sources=data_from is None)
    prepare_state()
    if data_from is not None:
        from agile_classifier.ops.registry.contents.examples import find_snapshot

        snapshot = find_snapshot(loaded.registry.model_name, data_from)
        loaded = loaded.model_copy(update={"data": loaded.data.model_copy(update={"snapshot": snapshot})})
    if min_new_labels is not None and not _has_enough(loaded, min_new_labels, or_days):
        return
    from agile_classifier.ops.promotion import runs
    from agile_classifier.ops.runs import outcome
    from agile_classifier.ops.scheduling.runs import note_finding

    outcome.say_steps()
    run = runs.train(loaded, enable_cache=not no_cache)
    if run is not None:
        note_finding(outcome.summarise(run))


def _has_enough(config: RunConfig, min_new_labels: int, or_days: int | None) -> bool:
    """Whether the sources hold enough that is new to train on; says what was found."""
    from datetime import UTC, datetime

    from agile_classifier.ops.scheduling.runs import note_finding
    from agile_classifier.ops.scheduling.schedule import When
    from agile_classifier.ops.scheduling.waiting import look

    verdict = look(config, When(min_new_labels=min_new_labels, or_days=or_days), now=datetime.now(UTC))
    note_finding(verdict.reason)
    print(verdict.reason, flush=True)
    return verdict.starts


@commands.command(
    "compile", epilog="Example: agile compile configs/ethos-gemma-2b-a100.yaml --engine kubeflow --output pipeline.yaml"
)
def compile_for(
    config: Annotated[
        Path, typer.Argument(help="Config of the run, a YAML; its values become the defaults of the form.")
    ],
    output: Annotated[Path, typer.Option(help="File to write; an existing one is replaced.")],
    engine: Annotated[str, typer.Option(help="Engine that the file is for; allowed: kubeflow.")] = "kubeflow",
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="SECTION.FIELD=VALUE", help="Set a field of the config to another value; repeatable."
        ),
    ] = None,
) -> None:
    """Write the training pipeline as a file for another engine.

    Nothing is submitted: upload the file in the Kubeflow UI, where it is run or scheduled. Variables of the stack that
    are not set here become inputs of the pipeline, which a run asks for.
    """
    import os

    variables = dict(os.environ)  # before the state folder's own are set
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.project import require_config
    from agile_classifier.ops.state.home import prepare_state

    require_config(config)
    loaded = load_config(config, overrides=tuple(overrides or ()), needs_sources=True)
    prepare_state(least_free=0, with_databases=False)
    from agile_classifier.ops.engines import require as engines
    from agile_classifier.ops.engines import stacks
    from agile_classifier.ops.engines.kubeflow.workarounds import import_without_server

    engines.require_compiler(engine)
    stack = stacks.read_open_stack(engine, variables=variables)
    import_without_server()
    from agile_classifier.ops.engines.kubeflow import compiler as kubeflow
    from agile_classifier.ops.project import load_pipeline

    asked = kubeflow.write_pipeline(load_pipeline("training"), loaded, stack, output)
    later = f"; a run there asks for {', '.join(asked)}" if asked else ""
    print(f"written to {output}; upload it in the Kubeflow UI{later}", file=sys.stderr)


@commands.command(epilog="Example: agile init reviews.csv --text review --score stars")
def init(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help=f"Files of your texts, of the same columns: {SUFFIXES}.")
    ],
    output: Annotated[
        Path | None, typer.Option(help="Config to write; by default the first FILE's name with .yaml, in this folder.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing config.")] = False,
    text: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column of the texts.")] = None,
    score: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the score that is learnt, a number.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column of the classes that are learnt; repeated, whether any is present."),
    ] = None,
    many: Annotated[bool, typer.Option("--many", help="Each --label by itself: a text may carry several.")] = False,
    rater: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column of what one rater said; repeated, their share or mean is learnt."),
    ] = None,
    rated_by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Column that names who gave the answer of a row, where a text stands in several."
        ),
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column whose values the split keeps together.")
    ] = None,
    id_: Annotated[str | None, typer.Option("--id", metavar="COLUMN", help="Column that names the examples.")] = None,
    class_1: Annotated[
        str | None, typer.Option("--class-1", metavar="CLASS", help="Which of two classes is class 1.")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="Column delimiter; by default detected.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Character encoding; by default detected.")] = None,
    column_names: Annotated[
        str | None, typer.Option(metavar="NAME,…", help="Names of the columns, for a file without a header line.")
    ] = None,
    quoting: Annotated[
        bool | None, typer.Option(help="Whether double quotes enclose cells; by default detected.")
    ] = None,
    escape: Annotated[
        str | None,
        typer.Option(help="Character that makes the next one plain, most often a backslash; by default detected."),
    ] = None,
    decimal: Annotated[
        Literal[".", ","] | None, typer.Option(help="Decimal mark of the numbers; by default detected.")
    ] = None,
    sheet: Annotated[
        str | None, typer.Option(help="Sheet of a workbook that holds the rows; by default the only one that does.")
    ] = None,
    empty: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORD", help="Word for a cell that holds nothing, in place of NULL and its like; '': there is none."
        ),
    ] = None,
) -> None:
    """Write a first config for a file of your own texts.

    How it is read, the roles of its columns, label rule and split are guessed, and every guess says why. What is in
    doubt is asked on a terminal; elsewhere exit code 2 names the two likeliest readings and the options that decide.
    """
    from agile_classifier.cli.terminal.dialogue import asker
    from agile_classifier.config.files import read_parameters
    from agile_classifier.drafts.choices import Choices
    from agile_classifier.drafts.draft import Project, write_config
    from agile_classifier.ops import project

    choices = Choices(
        text=text, score=score, labels=tuple(label or ()), many=many, raters=tuple(rater or ()), rater=rated_by,
        group=group, id=id_, class_1=class_1, encoding=encoding, delimiter=delimiter, quoting=quoting, escape=escape,
        decimal=decimal, sheet=sheet, empty=tuple(empty) if empty else None,
        column_names=tuple(column_names.split(",")) if column_names else None,
    )  # fmt: skip
    model = read_parameters(project.configs() / "quickstart.yaml")["model"]
    here = Project(model, suites=project.configs())
    written = write_config(files, project=here, output=output, force=force, choices=choices, ask=asker())
    print(written.read_text(encoding="utf-8"), end="")
    print(f"written to {written}: read it, mend it, then: agile train {shlex.quote(str(written))}", file=sys.stderr)


@commands.command(epilog="Example: agile new demo")
def new(
    folder: Annotated[Path, typer.Argument(help="Folder to make; an existing one must be empty.")],
) -> None:
    """Make a project: a folder with pipelines, steps and configs.

    All of it is yours to change. Commands work on the project that the working directory lies in.
    """
    from agile_classifier.ops.project import lay_down

    lay_down(folder)
    print(f"project in {folder}; next: cd {shlex.quote(str(folder))} && agile train configs/quickstart.yaml")


@commands.command(epilog="Example: agile configs")
def configs() -> None:
    """List the configs of the project, each with what it is for."""
    from agile_classifier.ops.project import list_configs

    for path, purpose in list_configs().items():
        print(f"{path}  {purpose}")


@data.command(epilog="Example: agile data diff training-2026-11-29 training-2026-11-30 --output changes.csv")
def diff(
    before: Annotated[str, typer.Argument(metavar="RUN", help="Name of the earlier training in ZenML.")],
    after: Annotated[str, typer.Argument(metavar="RUN", help="Name of the later one.")],
    output: Annotated[
        Path | None,
        typer.Option(help="CSV to write, a row for each example that differs; an existing one is replaced."),
    ] = None,
) -> None:
    """Tell the data of two trainings apart: what came, what changed, what was withdrawn.

    The first rows of each are shown; `--output` writes them all.
    """
    from agile_classifier.files import require_place, write_whole
    from agile_classifier.ops.state.home import prepare_state

    if output is not None:
        require_place(output)
    prepare_state(least_free=0)
    from agile_classifier.data.snapshots.page import as_lines, list_differences
    from agile_classifier.ops.runs.snapshots import find_run, read_snapshot_of

    first, second = (read_snapshot_of(find_run(name)) for name in (before, after))
    found = list_differences(first, second)
    for line in as_lines(first, second, found):
        print(line)
    if output is not None:
        write_whole(output, found.to_csv(index=False))
        print(f"written to {output}", file=sys.stderr)

"""Commands from a file of texts to a classifier, trained here or compiled for another engine."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()


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
        int | None, typer.Option(min=1, help="Number of rows read, from the top of the source; by default all.")
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Run every step anew, though an equal one has run before.")
    ] = False,
) -> None:
    """Train, evaluate, register and perhaps promote a classifier.

    A step whose inputs, settings and code are those of an earlier run is reused. Exit code 3: a gate refused.
    """
    from agile_classifier.cli.named_file import require_config
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.state.home import prepare_state

    require_config(config)
    limits = () if limit is None else (f"data.limit={limit}",)
    loaded = load_config(config, overrides=(*(overrides or ()), *limits), needs_sources=True)
    prepare_state()
    from agile_classifier.ops.promotion import runs
    from agile_classifier.ops.runs import outcome

    outcome.say_steps()
    runs.train(loaded, enable_cache=not no_cache)


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

    Nothing is submitted: upload the file in the Kubeflow UI, where it is run or scheduled.
    """
    from agile_classifier.cli.named_file import require_config
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.state.home import prepare_state

    require_config(config)
    loaded = load_config(config, overrides=tuple(overrides or ()), needs_sources=True)
    prepare_state(least_free=0, with_databases=False)
    from agile_classifier.ops.engines import require as engines
    from agile_classifier.ops.engines import stacks
    from agile_classifier.ops.engines.kubeflow.workarounds import import_without_server

    engines.require_compiler(engine)
    stack = stacks.read_stack(engine)
    import_without_server()
    from agile_classifier.ops.engines.kubeflow import compiler as kubeflow
    from agile_classifier.ops.project import load_pipeline

    kubeflow.write_pipeline(load_pipeline("training"), loaded, stack, output)
    print(f"written to {output}; upload it in the Kubeflow UI", file=sys.stderr)


@commands.command(epilog="Example: agile init reviews.csv --output reviews.yaml")
def init(
    file: Annotated[Path, typer.Argument(help="File of your texts: .csv, .tsv, .txt, .json, .jsonl, .parquet, .xlsx or .ods.")],
    output: Annotated[
        Path | None, typer.Option(help="Config to write; by default FILE's name with .yaml, in this folder.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing config.")] = False,
) -> None:
    """Write a first config for a file of your own texts.

    Columns, delimiter, label rule and split are guessed, and every guess says why.
    """
    from agile_classifier.config.files import read_parameters
    from agile_classifier.drafts.draft import write_config
    from agile_classifier.ops import project

    model = read_parameters(project.configs() / "quickstart.yaml")["model"]
    written = write_config(file, model=model, output=output, force=force)
    print(written.read_text(encoding="utf-8"), end="")
    print(f"written to {written}", file=sys.stderr)


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

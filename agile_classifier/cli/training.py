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
    config: Annotated[Path, typer.Argument(help="YAML that describes the run; `agile configs` lists those at hand.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Override a value of the config; repeatable."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Rows read, from the top; all without it.")] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Run every step, though an equal one has run before.")
    ] = False,
) -> None:
    """Train, evaluate, register and perhaps promote a classifier."""
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.state.home import prepare_state

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
    config: Annotated[Path, typer.Argument(help="YAML that describes the run; its values are the inputs' defaults.")],
    output: Annotated[Path, typer.Option(help="The file to write; one that is there is replaced.")],
    engine: Annotated[str, typer.Option(help="Whose file: kubeflow, to upload in its UI.")] = "kubeflow",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Override a value of the config; repeatable."),
    ] = None,
) -> None:
    """Write the training pipeline as a file that another engine runs or schedules; submits nothing."""
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.state.home import prepare_state

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
    file: Annotated[Path, typer.Argument(help="Your texts: .csv, .tsv, .txt, .jsonl or .parquet.")],
    output: Annotated[
        Path | None, typer.Option(help="The config; by default FILE's name with .yaml, in this folder.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a config that is there.")] = False,
) -> None:
    """Guess a first config for a file of your own."""
    from agile_classifier.config.files import read_parameters
    from agile_classifier.drafts.draft import write_config
    from agile_classifier.ops import project

    model = read_parameters(project.configs() / "quickstart.yaml")["model"]
    written = write_config(file, model=model, output=output, force=force)
    print(written.read_text(encoding="utf-8"), end="")
    print(f"written to {written}", file=sys.stderr)


@commands.command(epilog="Example: agile new demo")
def new(
    folder: Annotated[Path, typer.Argument(help="Folder to make; one that is there must be empty.")],
) -> None:
    """Make a project of your own: pipelines, steps and configs to change."""
    from agile_classifier.ops.project import lay_down

    lay_down(folder)
    print(f"project in {folder}; next: cd {shlex.quote(str(folder))} && agile train configs/quickstart.yaml")


@commands.command(epilog="Example: agile configs")
def configs() -> None:
    """List the run configurations at hand."""
    from agile_classifier.ops.project import list_configs

    for path, purpose in list_configs().items():
        print(f"{path}  {purpose}")

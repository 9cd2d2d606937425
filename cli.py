"""agile: the command line. It parses, loads a config, and calls a pipeline or an operation; no logic of its own.

    agile train configs/quickstart.yaml

Libraries are imported inside the commands, so that `agile --help` is quick, and only after `prepare_state`, which says in
the environment where zenml and mlflow keep their state.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

BENCHMARKS = ("scoring", "training")

app = typer.Typer(
    name="agile",
    help="Agile text classifiers: a few hundred scored texts in; a validated, tuned, evaluated, registered classifier out.",
    epilog="Start with: agile train configs/quickstart.yaml",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> NoReturn:
    """Run a command and exit: 0 done, 1 failed, 2 bad input, 3 refused by a gate, 130 interrupted."""
    try:
        app(prog_name="agile")
    except Exception as error:  # the one place where every error becomes a line and an exit code
        from operations.failures import explain

        failure = explain(error)
        if failure.is_defect:
            traceback.print_exception(error)
        print(f"agile: error: {failure.line}", file=sys.stderr)
        sys.exit(failure.exit_code)
    sys.exit(0)


@app.command(epilog="Example: agile train configs/quickstart.yaml --set fine_tune.epochs=5 --limit 400")
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
    from classifier.config_file import load_config
    from operations.state import prepare_state

    limits = () if limit is None else (f"data.limit={limit}",)
    loaded = load_config(config, overrides=(*(overrides or ()), *limits))
    prepare_state()
    from operations import engines, liveness, outcome, stacks
    from pipelines.training import training

    stack = stacks.active_stack()
    engines.require_engine(stack)
    outcome.say_steps()
    sections = {section: getattr(loaded, section) for section in type(loaded).model_fields}
    with liveness.announced_run("training") as run_name:
        run = training.with_options(run_name=run_name, enable_cache=not no_cache, **stack.run)(**sections)
    if run is not None:  # a stack may only have scheduled it
        outcome.show(run, model_name=loaded.registry.model_name)


@app.command(
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
    from classifier.config_file import load_config
    from operations.state import prepare_state

    loaded = load_config(config, overrides=tuple(overrides or ()))
    prepare_state(least_free=0, with_databases=False)
    from operations import engines, stacks
    from operations.kubeflow_workarounds import import_without_server

    engines.require_compiler(engine)
    stack = stacks.read_stack(engine)
    import_without_server()
    from operations import kubeflow
    from pipelines.training import training

    kubeflow.write_pipeline(training, loaded, stack, output)
    print(f"written to {output}; upload it in the Kubeflow UI", file=sys.stderr)


@app.command(epilog="Example: agile init reviews.csv --output reviews.yaml")
def init(
    file: Annotated[Path, typer.Argument(help="Your texts: .csv, .tsv, .txt, .jsonl or .parquet.")],
    output: Annotated[
        Path | None, typer.Option(help="The config; by default FILE's name with .yaml, in this folder.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a config that is there.")] = False,
) -> None:
    """Guess a first config for a file of your own."""
    from classifier.config_file import read_parameters
    from classifier.config_writing import write_config
    from operations.state import CONFIGS

    model = read_parameters(CONFIGS / "quickstart.yaml")["model"]
    written = write_config(file, model=model, output=output, force=force)
    print(written.read_text(encoding="utf-8"), end="")
    print(f"written to {written}", file=sys.stderr)


@app.command(epilog='Example: agile score "what a day" — or: agile score --input texts.csv --output scored.csv')
def score(
    texts: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to score.")] = None,
    source: Annotated[Path | None, typer.Option("--input", help="File of texts, in place of TEXT.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="File for the scored rows of --input; its suffix names the format.")
    ] = None,
    column: Annotated[str, typer.Option(help="Column of --input that holds the texts.")] = "text",
    delimiter: Annotated[
        str | None, typer.Option(help="Column delimiter of --input; by default its suffix decides.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model, where several have a champion.")
    ] = None,
) -> None:
    """Score texts, or a file of them, with the champion."""
    if bool(texts) == bool(source):
        raise typer.BadParameter("give either TEXT or --input FILE")
    if bool(source) != bool(output):
        raise typer.BadParameter("--input and --output go together")
    from operations.state import prepare_state

    prepare_state()
    from operations import scoring

    if source and output:
        n_rows = scoring.score_file(source, output=output, column=column, delimiter=delimiter, model_name=model)
        print(f"{n_rows} rows scored into {output}")
    else:
        print(scoring.as_table(texts or [], scoring.score_texts(texts or [], model_name=model)))


@app.command(epilog="Example: agile export --format onnx --output exports/comments")
def export(
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model, where there are several.")
    ] = None,
    version: Annotated[
        str | None, typer.Option(metavar="VERSION_OR_ALIAS", help="Which version; by default the champion.")
    ] = None,
    format: Annotated[
        str,
        typer.Option(metavar="FORMAT", help="adapter: needs its base model to score; onnx: one graph that holds all."),
    ] = "adapter",
    output: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="A folder, or s3://…, az://…, gs://…; by default the stack's artifact store."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write where something stands already; files of the same name are replaced.")
    ] = False,
) -> None:
    """Write a registered version as files that run elsewhere."""
    from operations.state import prepare_state

    prepare_state()
    from operations import exporting

    done = exporting.export(model_name=model, version=version, format=format, output=output, force=force)
    print(f"{done.model_name} version {done.version}: {done.facts}", file=sys.stderr)
    print(done.address)


@app.command(epilog="Example: agile configs")
def configs() -> None:
    """List the run configurations at hand."""
    from operations.config_files import list_configs

    for path, purpose in list_configs().items():
        print(f"{path}  {purpose}")


@app.command(epilog="Example: agile stack containers")
def stack(
    name: Annotated[str, typer.Argument(help="A file under configs/stacks, without its suffix.")],
) -> None:
    """Select what the steps of a run are executed on."""
    from operations.state import prepare_state

    prepare_state()
    from classifier.errors import InputError
    from operations import engines, stacks

    selected = stacks.select(name)
    components = ", ".join(f"{kind} {selected.flavor(kind)}" for kind in selected.components)
    print(f"stack {selected.name}: {components or 'this process'}")
    try:
        engines.require_engine(selected)
    except InputError as lacking:
        print(f"agile: a run would be refused: {lacking}", file=sys.stderr)


@app.command(epilog="Example: agile doctor")
def doctor() -> None:
    """Say what a run would find and miss; exit 2 if it would fail."""
    from operations.doctor import examine

    usable = True
    for finding in examine():
        print(f"{finding.name:18} {finding.value}", flush=True)
        if finding.remedy:
            print(f"{'':18} -> {finding.remedy}", flush=True)
            usable = False
    if not usable:
        raise typer.Exit(2)


@app.command(epilog="Example: agile prune --days 14 --dry-run")
def prune(
    days: Annotated[int, typer.Option(min=0, help="Age from which leftovers go, in days.")] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
) -> None:
    """Remove what old runs left behind.

    Runs, their files, checkpoints of trainings that nobody went on with, and model versions without an alias; never a version
    with an alias, nor what it rests on.
    """
    from operations.state import prepare_state

    prepare_state(least_free=0)
    from operations import pruning

    for line in pruning.prune(days=days, dry_run=dry_run):
        print(line, flush=True)


@app.command(epilog="Example: agile bench scoring --texts 48 --json scoring.json")
def bench(
    name: Annotated[str, typer.Argument(help="scoring or training.")],
    config: Annotated[
        str | None, typer.Option(help="Name of a shipped config; by default the benchmark's own.")
    ] = None,
    texts: Annotated[int | None, typer.Option(min=2, help="How many texts; by default the benchmark's own.")] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Runs of each contender, in shuffled order.")] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="The table as JSON.")] = None,
) -> None:
    """Measure ours against the ways that people use; exit 1 below a target."""
    from importlib import import_module

    from classifier.errors import InputError

    if name not in BENCHMARKS:
        raise InputError(f"bench {name}: no such benchmark; {' and '.join(BENCHMARKS)} are there")
    given = {"--config": config, "--texts": texts, "--repeats": repeats, "--json": json}
    arguments = [word for option, value in given.items() if value is not None for word in (option, str(value))]
    raise typer.Exit(import_module(f"benchmarks.{name}").main(arguments))


if __name__ == "__main__":
    main()

"""Commands that use a classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agile_classifier.config.data import Dialect

commands = typer.Typer()

Delimiter = Annotated[str | None, typer.Option(help="Column delimiter of the file; by default its suffix decides.")]
Encoding = Annotated[str, typer.Option(help="Character encoding of the file.")]
Quoting = Annotated[bool, typer.Option(help="Whether double quotes enclose cells of the file.")]
ColumnNames = Annotated[
    str | None, typer.Option(metavar="NAME,…", help="Names of the columns, for a file without a header line.")
]


@commands.command(epilog='Example: agile score "what a day" — or: agile score --input texts.csv --output scored.csv')
def score(
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to score; put each in quotes.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--input", help="File of texts, in place of TEXT; goes with --output.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="File for the scored rows of --input; its suffix names the format.")
    ] = None,
    column: Annotated[str, typer.Option(help="Column of --input that holds the texts.")] = "text",
    delimiter: Delimiter = None,
    encoding: Encoding = "utf-8",
    quoting: Quoting = True,
    column_names: ColumnNames = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model; needed where several have a champion.")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(metavar="VERSION_OR_ALIAS", help="Version that scores --input; by default the champion."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse an --input with a bad row before any row is scored.")
    ] = False,
) -> None:
    """Score texts, or a file of them, with the champion."""
    if bool(texts) == bool(source):
        raise typer.BadParameter("give either TEXT or --input FILE")
    if texts and version:
        raise typer.BadParameter("--version goes with --input; TEXT is scored by the champion")
    if bool(source) != bool(output):
        raise typer.BadParameter("--input and --output go together")
    from agile_classifier.ops.state.home import prepare_state

    prepare_state()
    from agile_classifier.ops.scoring import champion as scoring

    if source and output:
        from agile_classifier.ops.engines import run as local_runs
        from agile_classifier.ops.runs import outcome
        from agile_classifier.ops.runs.outputs import output_of
        from agile_classifier.ops.scoring import batch as batch_scoring

        dialect = _dialect(delimiter, encoding, quoting, column_names)
        batch_scoring.require_scorable(source, output=output, dialect=dialect, model_name=model, version=version)
        outcome.say_steps()
        run = local_runs.run_here(
            "scoring", source=str(source.absolute()), output=str(output.absolute()), column=column, dialect=dialect,
            model_name=model, version=version, strict=strict,
        )  # fmt: skip
        print(batch_scoring.in_words(output_of(run, "score_file", "scored_file")))
    else:
        print(scoring.as_table(texts or [], scoring.score_texts(texts or [], model_name=model)))


@commands.command(epilog="Example: agile monitor scored.csv --on-drift refuse")
def monitor(
    file: Annotated[Path, typer.Argument(help="File that `agile score` wrote, or texts, which are scored first.")],
    column: Annotated[str, typer.Option(help="Column of FILE that holds the texts.")] = "text",
    delimiter: Delimiter = None,
    encoding: Encoding = "utf-8",
    quoting: Quoting = True,
    column_names: ColumnNames = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model; needed where several have a champion.")
    ] = None,
    on_drift: Annotated[
        str | None,
        typer.Option(
            metavar="WORD",
            help="What follows from drift: warn, refuse (exit 3) or train; by default as the config says.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Config whose section `monitoring` sets the limits; by default that of the version's own run.",
        ),
    ] = None,
) -> None:
    """Measure how far new texts have drifted from the test rows.

    Probabilities, classes, lengths and words of the batch are compared with those that the version was evaluated on.
    """
    from agile_classifier.config.files import load_config
    from agile_classifier.ops.state.home import prepare_state

    loaded = load_config(config) if config else None
    prepare_state()
    from agile_classifier.ops.promotion import runs
    from agile_classifier.ops.runs import outcome
    from agile_classifier.ops.scoring import drift_response

    outcome.say_steps()
    seen = drift_response.look(
        file, column=column, dialect=_dialect(delimiter, encoding, quoting, column_names), model_name=model,
        on_drift=on_drift, config=loaded,
    )  # fmt: skip
    print(f"{seen.sentence}\nreport: {seen.report}")
    drift_response.respond(seen, runs.train)


@commands.command(epilog="Example: agile queue --pool unlabelled.csv --count 100 --output to_label.csv")
def queue(
    pool: Annotated[
        Path,
        typer.Option(metavar="FILE", help="File of unlabelled texts: .csv, .tsv, .txt, .jsonl, .ndjson or .parquet."),
    ],
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="CSV to write for annotators, with an empty column to fill in.")
    ],
    count: Annotated[int, typer.Option(min=1, help="Number of texts to choose.")] = 100,
    column: Annotated[str, typer.Option(help="Column of --pool that holds the texts.")] = "text",
    score_column: Annotated[str, typer.Option(help="Name of the column that annotators fill in.")] = "score",
    delimiter: Delimiter = None,
    encoding: Encoding = "utf-8",
    quoting: Quoting = True,
    column_names: ColumnNames = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model; needed where several have a champion.")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(metavar="VERSION_OR_ALIAS", help="Version whose uncertainty decides; by default the champion."),
    ] = None,
) -> None:
    """Choose which unlabelled texts to label next.

    Those that the champion is unsure about, and that are unlike each other.
    """
    from agile_classifier.ops.state.home import prepare_state

    prepare_state()
    from agile_classifier.ops.scoring import queue as annotation_queue

    annotation_queue.require_writable(output)
    dialect = _dialect(delimiter, encoding, quoting, column_names)
    read = annotation_queue.read_pool(pool, dialect, column=column, score_column=score_column)
    chosen = annotation_queue.make_queue(read, count=count, model_name=model, version=version)
    annotation_queue.write_queue(chosen, output)
    print(
        f"{chosen.in_words()}\nwritten to {output}: fill in {score_column!r}, and train on it with your labelled rows"
    )


def _dialect(delimiter: str | None, encoding: str, quoting: bool, column_names: str | None) -> Dialect:
    from agile_classifier.config.data import Dialect

    names = tuple(column_names.split(",")) if column_names else None
    return Dialect(delimiter=delimiter, encoding=encoding, quoting=quoting, column_names=names)

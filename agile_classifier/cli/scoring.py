"""Commands that use a classifier."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from agile_classifier.config.reading import ReadingOptions
    from agile_classifier.ops.scoring.reading import Reading

commands = typer.Typer()

MOST_PARTS = 10_000
"""Most files that are scored at the same time."""
AS_CONFIG = "as the config of the version says"
Column = Annotated[
    str | None,
    typer.Option(metavar="NAME", help=f"Column that holds the texts; by default {AS_CONFIG}, else text."),
]
Delimiter = Annotated[
    str | None,
    typer.Option(help=f"Column delimiter of the file; by default {AS_CONFIG} for this suffix, else by its suffix."),
]
Encoding = Annotated[
    str | None, typer.Option(help=f"Character encoding of the file; by default {AS_CONFIG}, else utf-8.")
]
Quoting = Annotated[
    bool | None,
    typer.Option(
        "--quoting/--no-quoting", help=f"Whether double quotes enclose cells of the file; by default {AS_CONFIG}."
    ),
]
ColumnNames = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,…", help=f"Names of the columns, for a file without a header line; by default {AS_CONFIG}."
    ),
]
Escape = Annotated[
    str | None,
    typer.Option(
        help=f"Character that makes the next one a plain one, most often a backslash; by default {AS_CONFIG}."
    ),
]
Sheet = Annotated[
    str | None,
    typer.Option(help=f"Sheet of a workbook that holds the rows; by default {AS_CONFIG}, else the only one."),
]
Empty = Annotated[
    list[str] | None,
    typer.Option(metavar="WORD", help=f"Word for a cell that holds nothing; by default {AS_CONFIG}."),
]
Header = Annotated[
    bool, typer.Option("--header", help="The file has a header line, whatever the config of the version says.")
]


@commands.command(epilog='Example: agile score "what a day" — or: agile score --input texts.csv --output scored.csv')
def score(
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to score; put each in quotes.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="FILE_OR_FOLDER",
            help="File of texts, in place of TEXT; or a folder, pattern or prefix (s3://bucket/in/) of many.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="FILE_OR_FOLDER",
            help="File for the scored rows of --input; its suffix names the format. Of many files, a folder or prefix.",
        ),
    ] = None,
    column: Column = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    quoting: Quoting = None,
    column_names: ColumnNames = None,
    header: Header = False,
    escape: Escape = None,
    sheet: Sheet = None,
    empty: Empty = None,
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
    prefix: Annotated[
        str | None, typer.Option(help="What the name of each added column begins with, as in --prefix new_.")
    ] = None,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Also print metrics against the labels that --input holds.")
    ] = False,
    label_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"Column of these labels; by default {AS_CONFIG}, else label."),
    ] = None,
    prediction_ids: Annotated[
        bool,
        typer.Option("--prediction-ids", help="Give each row of --input a prediction_id, by which verdicts name it."),
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Add a column with the words that carry each answer, which takes longer.")
    ] = False,
    parts: Annotated[
        int | None,
        typer.Option(
            "--parts", min=1, max=MOST_PARTS, metavar="N",
            help="Of many files, how many are scored at once; by default one here, all in pods of a cluster.",
        ),
    ] = None,
    suffix: Annotated[
        str, typer.Option("--format", metavar="SUFFIX", help="Of many files, suffix of the scored ones, as .parquet.")
    ] = "",
    stack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of many files, stack that scores; by default the active one.")
    ] = None,
) -> None:  # fmt: skip
    """Score texts, a file of them, or many files, with the champion.

    Files are read as the version's own was, where no option says otherwise. The same command goes on where it was
    killed, and of many files scores those that are new.
    """
    if bool(texts) == bool(source):
        raise typer.BadParameter("give either TEXT or --input FILE")
    of_files = {
        "--version": version, "--prefix": prefix, "--evaluate": evaluate, "--label-column": label_column,
        "--prediction-ids": prediction_ids,
    }  # fmt: skip
    if texts and (given := next((option for option, value in of_files.items() if value), None)):
        raise typer.BadParameter(f"{given} goes with --input; TEXT is scored by the champion")
    if bool(source) != bool(output):
        raise typer.BadParameter("--input and --output go together")
    from agile_classifier.ops.state.home import prepare_state

    prepare_state()
    if source and output:
        options = read_options(column, delimiter, encoding, quoting, column_names, header, escape, sheet, empty)
        labels = (label_column,) if evaluate or label_column else None
        how: dict[str, Any] = {"model": model, "version": version, "strict": strict, "prefix": prefix}
        of_one_file = {"--evaluate": bool(labels), "--prediction-ids": prediction_ids, "--explain": explain}
        of_many = {"--parts": parts, "--format": suffix, "--stack": stack}
        from agile_classifier.ops.scoring.parts.listing import are_many

        if are_many(source, output, of_one_file=of_one_file, of_many=of_many):
            _score_many(source, output, options, suffix=suffix, n_at_once=parts, stack=stack, **how)
        else:
            _score_file(
                Path(source), Path(output), options, labels, prediction_ids=prediction_ids, explain=explain, **how
            )
        return
    from agile_classifier.ops.scoring import champion as scoring

    print(scoring.as_table(texts or [], scoring.score_texts(texts or [], model_name=model, explain=explain)))


@commands.command(epilog="Example: agile queue --pool unlabelled.csv --count 100 --output to_label.csv")
def queue(
    pool: Annotated[
        Path,
        typer.Option(metavar="FILE", help="File of unlabelled texts, of any format that training reads."),
    ],
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="CSV to write for annotators, with an empty column to fill in.")
    ],
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="Number of texts to choose.")] = 100,
    column: Column = None,
    score_column: Annotated[
        str | None,
        typer.Option(
            help="Name of the column that annotators fill in; by default the one that the version learnt from."
        ),
    ] = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    quoting: Quoting = None,
    column_names: ColumnNames = None,
    header: Header = False,
    escape: Escape = None,
    sheet: Sheet = None,
    empty: Empty = None,
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
    from agile_classifier.ops.scoring.batch import find_scorer
    from agile_classifier.ops.scoring.reading import choose_layout, read_as

    annotation_queue.require_writable(output)
    options = read_options(column, delimiter, encoding, quoting, column_names, header, escape, sheet, empty)
    name, number = find_scorer(model, version)
    reading = read_as(pool, options, model_name=name, version=number)
    say_reading(pool, reading)
    answer, *more = annotation_queue.answer_columns(name, number, named=score_column)
    read = annotation_queue.read_pool(
        pool, reading.dialect, column=reading.column, score_column=answer, more_columns=tuple(more)
    )
    chosen = annotation_queue.make_queue(read, count=count, model_name=name, version=number)
    annotation_queue.write_queue(chosen, output, layout=choose_layout(pool, reading.dialect, output))
    print(f"{chosen.in_words()}\nwritten to {output}: fill in {answer!r}, and train on it with your labelled rows")


def _score_many(
    source: str, output: str, options: ReadingOptions, *, suffix: str, n_at_once: int | None, stack: str | None,
    model: str | None, version: str | None, strict: bool, prefix: str | None,
) -> None:  # fmt: skip
    """Score every file of a place by the pipeline."""
    from agile_classifier.ops.runs import outcome
    from agile_classifier.ops.scheduling.runs import note_finding
    from agile_classifier.ops.scoring.parts.run import make_job, score_job

    job = make_job(
        source, output, options=options, prefix=prefix, model_name=model, version=version, strict=strict, suffix=suffix
    )
    outcome.say_steps()
    said = score_job(job, n_at_once=n_at_once, stack=stack)
    print(said)
    note_finding(said)


def _score_file(
    source: Path, output: Path, options: ReadingOptions, labels: tuple[str | None] | None, *, model: str | None,
    version: str | None, strict: bool, prefix: str | None, prediction_ids: bool,
    explain: bool,
) -> None:  # fmt: skip
    """Score a file by the pipeline and, with the name of the column of `labels` or None in it, evaluate the scores."""
    from agile_classifier.ops.engines import run as local_runs
    from agile_classifier.ops.runs import outcome
    from agile_classifier.ops.runs.outputs import output_of
    from agile_classifier.ops.scheduling.runs import note_finding
    from agile_classifier.ops.scoring import batch, gold

    name, number, reading = batch.require_scorable(
        source, output=output, options=options, model_name=model, version=version
    )
    label_column = gold.choose_label_column(labels[0], model_name=name, version=number) if labels else None
    if label_column:
        gold.require_label_column(source, reading.dialect, label_column)
    outcome.say_steps()
    run = local_runs.run_here(
        "scoring", source=str(source.absolute()), output=str(output.absolute()), options=options, prefix=prefix,
        model_name=model, version=version, strict=strict, prediction_ids=prediction_ids,
        explain=explain,
    )  # fmt: skip
    facts = output_of(run, "score_file", "scored_file")
    print(batch.in_words(facts))
    note_finding(batch.in_words(facts))
    if label_column:
        print(gold.evaluate_output(output, facts, label_column=label_column))


def read_options(
    column: str | None,
    delimiter: str | None,
    encoding: str | None,
    quoting: bool | None,
    column_names: str | None,
    header: bool,
    escape: str | None,
    sheet: str | None,
    empty: list[str] | None,
) -> ReadingOptions:
    """What the options of a command say about a file."""
    from agile_classifier.config.reading import ReadingOptions

    if header and column_names:
        raise typer.BadParameter("--header and --column-names exclude each other")
    names = [] if header else column_names.split(",") if column_names else None
    said = {
        "delimiter": delimiter, "encoding": encoding, "quoting": quoting, "column_names": names, "escape": escape,
        "sheet": sheet, "empty": empty or None,
    }  # fmt: skip
    return ReadingOptions(column=column, dialect={name: value for name, value in said.items() if value is not None})


def say_reading(file: Path, reading: Reading) -> None:
    """Say how a file is read, where that has to be said."""
    for note in reading.notes:
        print(f"{file}: {note}", file=sys.stderr, flush=True)

"""Commands that send texts to annotators in Label Studio, and fetch what they said."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agile_classifier.cli.scoring import (
    Column,
    ColumnNames,
    Delimiter,
    Empty,
    Encoding,
    Escape,
    Header,
    Quoting,
    Sheet,
    read_options,
    say_reading,
)
from agile_classifier.cli.terminal.headings import WholeSentences

commands = typer.Typer()
label = typer.Typer(
    help="Label texts in Label Studio, and fetch the labels.",
    cls=WholeSentences,
    epilog="Example: agile label push configs/quickstart.yaml --project toxicity --pool unlabelled.csv",
    no_args_is_help=True,
)
commands.add_typer(label, name="label")
ProjectOption = Annotated[
    str, typer.Option("--project", metavar="PROJECT", help="Number or title of the project in Label Studio.")
]


@label.command(
    "push", epilog="Example: agile label push configs/quickstart.yaml --project toxicity --pool unlabelled.csv"
)
def push(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG|MODEL", help="Config whose model chooses, and that new labels train; or a registered model."
        ),
    ],
    project: ProjectOption,
    pool: Annotated[
        Path, typer.Option(metavar="FILE", help="File of unlabelled texts, of any format that training reads.")
    ],
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Number of texts to choose.")] = 100,
    column: Column = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    quoting: Quoting = None,
    column_names: ColumnNames = None,
    header: Header = False,
    escape: Escape = None,
    sheet: Sheet = None,
    empty: Empty = None,
    version: Annotated[
        str | None,
        typer.Option(metavar="VERSION_OR_ALIAS", help="Version whose uncertainty decides; by default the champion."),
    ] = None,
) -> None:
    """Send the texts that a model is unsure of to a project, which is made where there is none.

    Each comes with what the model says of it and why it was chosen. A text that the project holds is not sent again.
    """
    from agile_classifier.ops.state.home import prepare_state

    prepare_state()
    from agile_classifier.data.label_studio.connection import connect
    from agile_classifier.ops.labelling import push as pushing
    from agile_classifier.ops.labelling.links import write_link
    from agile_classifier.ops.scoring import queue as annotation_queue
    from agile_classifier.ops.scoring.reading import read_as

    connection = connect()
    name, number, config = pushing.find_subject(subject, version)
    there, controls, is_new = pushing.open_project(connection, project, model_name=name, version=number)
    options = read_options(column, delimiter, encoding, quoting, column_names, header, escape, sheet, empty)
    reading = read_as(pool, options, model_name=name, version=number)
    say_reading(pool, reading)
    asked = tuple(control.name for control in controls)
    read = annotation_queue.read_pool(
        pool, reading.dialect, column=reading.column, score_column=asked[0], more_columns=asked[1:]
    )
    chosen = annotation_queue.make_queue(read, count=count, model_name=name, version=number)
    pushed = pushing.push(connection, chosen, there, controls, is_new=is_new)
    write_link(pushing.as_link(connection, there, model_name=name, config=config))
    print(pushed.in_words(chosen))
    print(f"{connection.address}/projects/{there.id}/data")
    for hint in pushing.hints(there, config):
        print(hint, file=sys.stderr)


@label.command("pull", epilog="Example: agile label pull --project toxicity --output labels.csv")
def pull(
    project: ProjectOption,
    output: Annotated[Path, typer.Option(metavar="FILE", help="File to write: .csv, .tsv, .jsonl or .json.")],
) -> None:
    """Write what annotators said in a project: of each the latest label of a text, a row each.

    A config reads the same rows by itself from the source label-studio://PROJECT.
    """
    from agile_classifier.data.label_studio import files
    from agile_classifier.data.label_studio.connection import connect
    from agile_classifier.data.label_studio.labels import pull_labels

    files.require_output(output)
    pulled = pull_labels(connect(), project)
    files.write_labels(pulled, output)
    print(files.in_words(pulled, output))


@label.command("connect", epilog="Example: agile label connect --project toxicity --url http://127.0.0.1:8240")
def connect(
    project: ProjectOption,
    url: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address of `agile deploy`, as Label Studio's server reaches it.")
    ],
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File that holds that server's token, in place of AGILE_LAUNCH_TOKEN."),
    ] = None,
) -> None:
    """Have a project show the champion's predictions, and new labels start a training.

    Label Studio is told of `agile deploy` as its machine learning backend, and sends it an event for each annotation.
    """
    from agile_classifier.data.label_studio.connection import connect as connect_to_server
    from agile_classifier.data.label_studio.projects import find_project
    from agile_classifier.ops.labelling import connecting

    token = connecting.read_launcher_token(token_file)
    connection = connect_to_server()
    print(connecting.connect_project(connection, find_project(connection, project), url=url, token=token))

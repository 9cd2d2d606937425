"""Commands that use a classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command(epilog='Example: agile score "what a day" — or: agile score --input texts.csv --output scored.csv')
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

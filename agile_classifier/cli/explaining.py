"""Command that says which words carry an answer."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command(epilog='Example: agile explain "what a day" — or: agile explain - --json < texts.txt')
def explain(
    texts: Annotated[
        list[str], typer.Argument(metavar="TEXT...", help="Texts, each in quotes; - reads one a line from the input.")
    ],
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model; needed where several have a champion.")
    ] = None,
    version: Annotated[
        str | None, typer.Option(metavar="VERSION_OR_ALIAS", help="Version that answers; by default the champion.")
    ] = None,
    words: Annotated[
        int, typer.Option(min=1, max=1_000, help="Words of a text that are left out in turn, at most.")
    ] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a text, a line each.")] = False,
) -> None:
    """Say which words carry the answer to a text, each by leaving it out."""
    given = sys.stdin.read().splitlines() if texts == ["-"] else texts
    if not given:
        raise typer.BadParameter("the input holds no text")
    from agile_classifier.ops.state.home import prepare_state

    prepare_state()
    from agile_classifier.ops.scoring.explanations.asked import as_lines
    from agile_classifier.ops.scoring.explanations.asked import explain as explain_texts
    from agile_classifier.ops.scoring.explanations.explaining import as_facts

    found = explain_texts(given, model_name=model, version=version, most_words=words)
    if not as_json:
        print(as_lines(found))
        return
    for each in found.explanations:
        whose = {"text": each.text, "model": found.model_name, "version": found.version}
        print(json.dumps({**whose, **as_facts(each)}))

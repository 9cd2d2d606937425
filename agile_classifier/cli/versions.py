"""Commands on registered versions."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command(epilog="Example: agile export --format onnx --output exports/comments")
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
    from agile_classifier.ops.state.home import prepare_state

    prepare_state()
    from agile_classifier.ops.registry import export as exporting

    done = exporting.export(model_name=model, version=version, format=format, output=output, force=force)
    print(f"{done.model_name} version {done.version}: {done.facts}", file=sys.stderr)
    print(done.address)

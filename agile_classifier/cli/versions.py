"""Commands on registered versions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command(epilog="Example: agile export --format onnx --output exports/comments")
def export(
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model; needed where there are several.")
    ] = None,
    version: Annotated[
        str | None, typer.Option(metavar="VERSION_OR_ALIAS", help="Version to export; by default the champion.")
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="Format: adapter, which needs its base model to score, or onnx, one graph that holds everything.",
        ),
    ] = "adapter",
    output: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Folder, or address (s3://…, az://…, gs://…); by default in the stack's artifact store.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a place that is not empty; files of the same name are replaced.")
    ] = False,
) -> None:
    """Write a registered version as files that run elsewhere."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state()
    from agile_classifier.ops.registry import export as exporting

    done = exporting.export(model_name=model, version=version, format=format, output=output, force=force)
    print(f"{done.model_name} version {done.version}: {done.facts}", file=sys.stderr)
    print(done.address)


@commands.command(epilog="Example: agile sign --key signing.pem --model comments --version 3")
def sign(
    key: Annotated[
        Path, typer.Option(metavar="FILE", help="Private key on an elliptic curve, in PEM; it is only read.")
    ],
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model; needed where there are several.")
    ] = None,
    version: Annotated[
        str | None, typer.Option(metavar="VERSION_OR_ALIAS", help="Version to sign; by default the champion.")
    ] = None,
) -> None:
    """Sign a version; with AGILE_PUBLIC_KEY, no other is loaded."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.registry.contents import version_files
    from agile_classifier.ops.registry.signing import sign_version
    from agile_classifier.ops.scoring.batch import find_scorer

    name, number = find_scorer(model, version)
    sign_version(name, number, folder=version_files.verify_download(name, number), key=key)
    print(f"{name} version {number}: signed by {key}; machines with AGILE_PUBLIC_KEY load it")

"""Commands that answer over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command(epilog="Example: agile serve --model quickstart --port 8000")
def serve(
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model, where there are several.")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(metavar="VERSION_OR_ALIAS", help="By default the champion. An alias is followed, a number stays."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to bind; beyond loopback a token is needed.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to bind; 0: any that is free.")] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File that holds the bearer token, in place of AGILE_SERVE_TOKEN."),
    ] = None,
    poll: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks at the alias.")] = 5.0,
    max_rows: Annotated[int, typer.Option(min=1, help="Texts in one request.")] = 256,
    max_characters: Annotated[int, typer.Option(min=1, help="Characters of one text.")] = 10_000,
    max_bytes: Annotated[int, typer.Option(min=1, help="Bytes of one request.")] = 4_000_000,
    max_requests: Annotated[
        int, typer.Option(min=1, help="Requests under way at a time; more are told to wait.")
    ] = 128,
    max_waiting: Annotated[int, typer.Option(min=1, help="Texts that wait at a time; more are told to wait.")] = 2_048,
    batch_rows: Annotated[int, typer.Option(min=1, help="Texts of several requests scored together.")] = 64,
) -> None:
    """Answer over HTTP with the champion, by MLflow's contract; follow its promotions."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.serving import server as serving
    from agile_classifier.ops.serving.app import ServingLimits

    limits = ServingLimits(
        max_rows=max_rows, max_characters=max_characters, max_bytes=max_bytes, max_requests=max_requests,
        max_waiting=max_waiting, batch_rows=batch_rows,
    )  # fmt: skip
    serving.serve(
        model_name=model, version=version, host=host, port=port, token_file=token_file, poll_seconds=poll, limits=limits
    )

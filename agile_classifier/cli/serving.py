"""Commands that answer over HTTP: the scoring server, the launcher, and the dashboards of ZenML and MLflow."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agile_classifier.environment import MLFLOW_PORT, ZENML_PORT

commands = typer.Typer()


@commands.command(epilog="Example: agile serve --model quickstart --port 8000")
def serve(
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model; needed where there are several.")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION_OR_ALIAS",
            help="Version to serve; by default the champion. An alias is followed when it moves, a number stays.",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; other than loopback needs a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one.")] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File that holds the bearer token, in place of AGILE_SERVE_TOKEN."),
    ] = None,
    poll: Annotated[
        float,
        typer.Option(min=0.1, max=86_400, help="Seconds between two looks at where the alias points."),
    ] = 5.0,
    max_rows: Annotated[int, typer.Option(min=1, max=100_000, help="Largest number of texts in one request.")] = 256,
    max_characters: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="Largest number of characters in one text.")
    ] = 10_000,
    max_bytes: Annotated[
        int, typer.Option(min=1, max=1_000_000_000, help="Largest request body, in bytes.")
    ] = 4_000_000,
    max_requests: Annotated[
        int,
        typer.Option(min=1, max=10_000, help="Largest number of requests under way; more are told to come back."),
    ] = 128,
    max_waiting: Annotated[
        int,
        typer.Option(min=1, max=1_000_000, help="Largest number of texts in the queue; more are told to come back."),
    ] = 2_048,
    batch_rows: Annotated[
        int, typer.Option(min=1, max=10_000, help="Largest number of texts, of several requests, scored together.")
    ] = 64,
) -> None:
    """Answer scoring requests over HTTP with the champion.

    Requests and answers are those of an MLflow scoring server. A promotion is followed without a restart.
    """
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


@commands.command(epilog="Example: agile ui")
def ui(
    zenml_port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Port of ZenML's dashboard, on this machine.")
    ] = ZENML_PORT,
    mlflow_port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Port of MLflow's page, on this machine.")
    ] = MLFLOW_PORT,
) -> None:
    """Open the dashboards of ZenML and MLflow until Ctrl-C."""
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.web import ui as pages

    servers = pages.find_servers(zenml_port=zenml_port, mlflow_port=mlflow_port)
    pages.show(servers, say=lambda line: print(line, file=sys.stderr, flush=True))


@commands.command(epilog="Example: agile deploy --port 8240")
def deploy(
    host: Annotated[str, typer.Option(help="Address to listen on; other than loopback needs a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0: any free one.")] = 8240,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File that holds the access token, in place of AGILE_LAUNCH_TOKEN."),
    ] = None,
) -> None:
    """Serve the launcher, a page on which trainings are started.

    A person picks a config, fills in its fields, and starts the training on the active stack.
    """
    from agile_classifier.ops.state.home import prepare_state

    prepare_state()
    from agile_classifier.ops.web import launcher

    launcher.serve(host=host, port=port, token_file=token_file)

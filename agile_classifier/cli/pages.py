"""Commands that open pages in a browser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agile_classifier.environment import MLFLOW_PORT, ZENML_PORT

commands = typer.Typer()


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

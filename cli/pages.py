"""The command that opens the pages of the servers."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command(epilog="Example: agile ui")
def ui(
    zenml_port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of ZenML's dashboard.")] = 8237,
    mlflow_port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of MLflow's page.")] = 5000,
) -> None:
    """Open ZenML's dashboard and MLflow's registry on this machine, until Ctrl-C."""
    from operations.state import prepare_state

    prepare_state(least_free=0)
    from operations import pages

    servers = pages.find_servers(zenml_port=zenml_port, mlflow_port=mlflow_port)
    pages.show(servers, say=lambda line: print(line, file=sys.stderr, flush=True))

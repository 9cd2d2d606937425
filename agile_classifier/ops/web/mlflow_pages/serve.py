"""MLflow's server with our application in place of its own; what is said to it is said to `mlflow server`.

python -m agile_classifier.ops.web.mlflow_pages.serve --host 127.0.0.1 --port 5000
"""

from __future__ import annotations

import sys
from typing import Any

import mlflow.server
from mlflow.cli import cli

APP = "agile_classifier.ops.web.mlflow_pages.app"


def main(arguments: list[str]) -> None:
    """Run `mlflow server`; it starts uvicorn with the application that is named last."""
    build: Any = vars(mlflow.server)["_build_uvicorn_command"]

    def build_with_ours(*positional: Any, **given: Any) -> list[str]:
        *command, app = build(*positional, **given)
        asks_for_login = app.startswith("mlflow.server.auth")
        options = [word for word in command if word != "--factory"]
        return [*options, "--factory", f"{APP}:{'make_app_with_login' if asks_for_login else 'make_app'}"]

    setattr(mlflow.server, "_build_uvicorn_command", build_with_ours)  # noqa: B010
    cli(["server", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])

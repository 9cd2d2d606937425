"""agile: every command under its heading, and what becomes of an error.

Commands import libraries inside themselves, so that `agile --help` is quick, and only after `prepare_state`, which says
in the environment where zenml and mlflow keep their state.

    python -m agile_classifier train configs/quickstart.yaml
"""

from __future__ import annotations

import sys
import traceback
from typing import Annotated, NoReturn

import typer

from agile_classifier.cli import (
    checks,
    explaining,
    labelling,
    promotion,
    schedules,
    scoring,
    serving,
    studies,
    training,
    upkeep,
    versions,
)
from agile_classifier.cli.terminal.headings import CommandsUnderHeadings
from agile_classifier.ending import is_told

GROUPS = (
    training, promotion, checks, scoring, explaining, labelling, serving, versions, studies, schedules, upkeep
)  # fmt: skip
"""Modules that hold the commands."""

app = typer.Typer(
    name="agile",
    cls=CommandsUnderHeadings,
    help="Agile text classifiers: a few hundred scored texts in; a validated, tuned, evaluated, registered one out.",
    epilog="Start with: agile train configs/quickstart.yaml",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in GROUPS:
    app.add_typer(group.commands)


def _show_version(wanted: bool) -> None:
    if wanted:
        from agile_classifier.ops.project import version

        print(f"agile {version()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options before any command."""


def main() -> NoReturn:
    """Run a command and exit: 0 done, 1 failed, 2 bad input, 3 refused by a gate, 130 interrupted, 143 terminated."""
    try:
        app(prog_name="agile")
    except Exception as error:  # the one place where every error becomes a line and an exit code
        if is_told():  # a library has made this of the signal, which `agile_classifier.ending` tells of
            raise
        from agile_classifier.ops.runs.failures import explain

        failure = explain(error)
        if failure.is_defect:
            traceback.print_exception(error)
        print(f"agile: error: {failure.line}", file=sys.stderr)
        sys.exit(failure.exit_code)
    sys.exit(0)


if __name__ == "__main__":
    main()

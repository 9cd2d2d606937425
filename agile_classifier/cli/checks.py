"""Commands on functional tests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()


@commands.command(epilog="Example: agile check candidate checks/hatecheck.yaml")
def check(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[VERSION] SUITE",
            help="Number or alias of the version, by default the champion; and its suite, a YAML, or a CSV with the"
            " columns functionality, text and label, in this folder or in the configs folder.",
        ),
    ],
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model; needed where there are several.")
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="WORD=CLASS",
            help="Class of the version that a word of the suite stands for; repeatable.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV to write of every text and its answer, failures first.")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Write on the version, in the registry, what it got right.")
    ] = False,
) -> None:
    """Hold a version against a suite of functional tests.

    These are texts whose class is known. Nothing is changed without --record. Exit code 3: a test is below its least
    pass rate.
    """
    if len(words) > 2:
        raise typer.BadParameter(f"found {' '.join(words)}; expected [VERSION] SUITE")
    from agile_classifier.files import require_place
    from agile_classifier.ops.state.home import prepare_state

    if output is not None:
        require_place(output)
    prepare_state()
    from agile_classifier.evaluation.checks.outcomes import as_table, in_words
    from agile_classifier.ops.promotion.limits import check_version as checking

    wanted, address = words if len(words) == 2 else (None, words[0])
    checked = checking.check_version(
        wanted, address, model_name=model, classes=dict(map(checking.read_class, classes or ()))
    )
    for line in as_table(checked.outcomes):
        print(line)
    print(f"{checked.model_name} version {checked.version}: {in_words(checked.outcomes)}")
    if checked.n_learnt:
        learnt = f"{checked.n_learnt} of {len(checked.table)} texts are among those that it has learnt from"
        print(f"warning: {learnt}: passing them says little", file=sys.stderr)
    if output is not None:
        checking.write_answers(checked, output)
        print(f"answers written to {output}", file=sys.stderr)
    if record:
        checking.record_check(checked)
    checking.require_kept(checked)

"""Tuning: a search for better values of a config's fields, kept in the state folder, and the best as a config."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from agile_classifier import files as written
from agile_classifier.config.files import parse_config
from agile_classifier.environment import home
from agile_classifier.errors import InputError
from agile_classifier.studies.search import Found, Search

HEAD = "# Found by `agile tune`"
"""What a file begins with that may be written again."""
WIDTH = 118


def require_place(output: Path) -> None:
    """Raise InputError where a file of somebody else's, or no file, would be written; hours before it is."""
    written.require_place(output, begins=HEAD, what="config that `agile tune` found")


def search(
    parameters: dict[str, Any], *, name: str, minutes: float, folds: int, output: Path, say: Callable[[str], None]
) -> str:
    """Search, write the best config, and say in a paragraph what it brings.

    Raises
    ------
    InputError
        The config does not load, is being searched already, or train has too few rows of a class.
    """
    metric = parse_config(parameters, name=name).promotion.metric
    searching = Search(parameters, name=name, metric=metric, folds=folds, folder=home() / "searches")
    try:
        with FileLock(searching.file.with_suffix(".lock"), timeout=0):
            found = searching.run(minutes=minutes, say=say)
    except Timeout:
        raise InputError(f"{name}: is being searched by another `agile tune` already") from None
    said = describe(found, metric=metric, name=name)
    comment = "".join(f"# {line}\n" for line in textwrap.wrap(said, width=WIDTH))
    body = yaml.safe_dump(
        {"parameters": searching.with_values(found.best.values)}, sort_keys=False, allow_unicode=True, width=10_000
    )
    written.write_whole(output, f"{HEAD}:\n{comment}{body}")
    return said


def describe(found: Found, *, metric: str, name: str) -> str:
    """What a search found, in words that promise no more than it measured."""
    tries = "1 try" if found.n_tries == 1 else f"{found.n_tries} tries"
    given_up = f", {found.n_given_up} of them given up early," if found.n_given_up else ""
    tried = f"{tries}{given_up} on {len(found.own.folds)} folds of train."
    own = f"{name} as it is: {metric} {found.own.score:.3f}."
    if found.best.values == found.own.values:
        return f"{tried} {own} Nothing better was found."
    gain, error = found.gain
    return (
        f"{tried} {own} The best: {found.best.score:.3f}, {gain:+.3f} ± {error:.3f} (standard error over the folds)."
        " The best of many flatters itself: what it is worth, `agile train` says on the test rows."
    )

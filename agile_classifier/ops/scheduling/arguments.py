"""Arguments of a scheduled training: what its words of the command line make of the config."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agile_classifier.config.addresses.source import is_pattern, scheme_of
from agile_classifier.config.files import load_config
from agile_classifier.config.run import RunConfig
from agile_classifier.data.fetch.cache import find_in_mirror
from agile_classifier.environment import mirror
from agile_classifier.errors import InputError
from agile_classifier.ops import project
from agile_classifier.ops.state.home import suite_digest
from agile_classifier.ops.state.named_files import list_named_classes, terms_digest

KNOWN = "--set SECTION.FIELD=VALUE, --limit N, --no-cache"


@dataclass(frozen=True)
class TrainingArguments:
    """Words of `agile train` after its config."""

    overrides: tuple[str, ...]
    """`SECTION.FIELD=VALUE` of each `--set`, and the `--limit`."""
    no_cache: bool
    others: tuple[str, ...]
    """Words that say nothing about the config."""


def read_arguments(arguments: Sequence[str]) -> TrainingArguments:
    """Read the words of `agile train` that say something about the config.

    Raises
    ------
    InputError
        One of them lacks its value, or has one that is none.
    """
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    parser.add_argument("--limit", type=int)
    parser.add_argument("--no-cache", action="store_true")
    try:
        given, others = parser.parse_known_args(list(arguments))
    except argparse.ArgumentError as error:
        raise InputError(f"arguments: {error}") from None
    limits = () if given.limit is None else (f"data.limit={given.limit}",)
    return TrainingArguments((*given.overrides, *limits), given.no_cache, tuple(others))


def load_scheduled(config: Path, arguments: Sequence[str]) -> RunConfig:
    """Load the config of a scheduled training on this machine, with its arguments applied.

    Raises
    ------
    InputError
        As `read_arguments` and `load_config`; or a file that the config names is not there.
    """
    overrides = read_arguments(arguments).overrides
    return _require_files(load_config(config, overrides=overrides, here=project.root(), needs_sources=True))


def _require_files(config: RunConfig) -> RunConfig:
    """Refuse a config of whose local files one is not there; what a pattern or another address names is for the run."""
    for address in (address for part in config.data.parts for address in part.addresses):
        path = Path(address.split("!/")[0]).expanduser()
        if scheme_of(address) or is_pattern(address) or path.exists():
            continue
        if find_in_mirror(mirror(), sha256=None, fits=path.name.__eq__) is None:
            raise InputError(f"data.source {address}: no such file")
    suite_digest(config.validation.suite)
    terms_digest(config.evaluation.groups)
    list_named_classes(config)
    return config

"""Caching: a step is reused only while every project file that it reaches is unchanged.

ZenML hashes a step's own function; a change in what it imports would go unnoticed. Here the step's import closure over
the project's packages, computed from the source by grimp, is part of its cache key, with the data files that stand
beside a module under its name (`evaluation.py`, `evaluation.html.j2`).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path

import grimp
from zenml.config import CachePolicy
from zenml.utils import source_utils

from agile_classifier.ops.project import LOCK, PROJECT

PACKAGES = ("agile_classifier", "steps")

source_utils.set_custom_source_root(str(PROJECT))


def reached_files(*roots: str) -> list[str]:
    """List the project files that modules import, directly or not, their own included; paths are relative to the project."""
    graph = _import_graph()
    modules = {*roots, *(reached for root in roots for reached in graph.find_upstream_modules(root))}
    packages = {package for name in modules for package in _packages_above(name)}
    return sorted(str(path.relative_to(PROJECT)) for name in modules | packages for path in _files_of(name))


def on_reached_files(module: str, *shipped: str) -> CachePolicy:
    """Cache policy of a step: its key covers parameters, content of inputs, every file it reaches, and the locked packages.

    Parameters
    ----------
    shipped : str
        Modules whose files the step copies into its outcome without importing them.
    """
    files = [*reached_files(module, *shipped), LOCK]
    return CachePolicy(include_artifact_values=True, include_artifact_ids=True, file_dependencies=files)


@functools.cache
def _import_graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def _packages_above(module: str) -> Iterator[str]:
    """Yield `a` and `a.b` for `a.b.c`: the packages that Python imports on the way to a module."""
    return itertools.accumulate(module.split(".")[:-1], "{}.{}".format)


def _files_of(module: str) -> list[Path]:
    path = PROJECT / module.replace(".", "/")
    if path.is_dir():
        return [path / "__init__.py"]
    return [file for file in path.parent.glob(f"{path.name}.*") if file.is_file()]

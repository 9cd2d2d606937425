"""Caching: a step is reused only while every project file that it reaches is unchanged.

ZenML hashes a step's own function; a change in what it imports would go unnoticed. Here the step's import closure over
the project's packages, computed from the source by grimp, is part of its cache key, with the data files that stand
beside a module under its name (`evaluation.py`, `evaluation.html.j2`).
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import grimp
from zenml.config import CachePolicy
from zenml.utils import source_utils

from agile_classifier.ops import project

PACKAGES = ("agile_classifier", "steps")

source_utils.set_custom_source_root(str(project.root()))


def reached_files(*roots: str) -> list[str]:
    """List the files of package and project that modules import, directly or not, their own included.

    Paths are relative to the project.
    """
    graph = _import_graph()
    modules = {*roots, *(reached for root in roots for reached in graph.find_upstream_modules(root))}
    packages = {package for name in modules for package in _packages_above(name)}
    return sorted(_from_root(path) for name in modules | packages for path in _files_of(name))


def on_reached_files(module: str, *shipped: str) -> CachePolicy:
    """Cache policy of a step: its key covers parameters, content of inputs, every file it reaches, and the locked packages.

    Parameters
    ----------
    shipped : str
        Modules whose files the step copies into its outcome without importing them.
    """
    files = [*reached_files(module, *shipped), _from_root(project.lock())]
    return CachePolicy(include_artifact_values=True, include_artifact_ids=True, file_dependencies=files)


@functools.cache
def _import_graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def _packages_above(module: str) -> Iterator[str]:
    """Yield `a` and `a.b` for `a.b.c`: the packages that Python imports on the way to a module."""
    return itertools.accumulate(module.split(".")[:-1], "{}.{}".format)


def _files_of(module: str) -> list[Path]:
    place = project.PACKAGE.parent if module.partition(".")[0] == project.PACKAGE.name else project.root()
    path = place / module.replace(".", "/")
    if path.is_dir():
        return [path / "__init__.py"]
    return [file for file in path.parent.glob(f"{path.name}.*") if file.is_file()]


def _from_root(path: Path) -> str:
    """As ZenML names a file that a key depends on; an installed package lies beside the project, not in it."""
    return os.path.relpath(path, project.root())

"""Caching: a step is reused only while every project file that it reaches is unchanged.

ZenML hashes a step's own function; a change in what it imports would go unnoticed. Here the step's import closure over
the project's packages, computed from the source by grimp, is part of its cache key, with the data files that stand
beside a module under its name (`evaluation.py`, `evaluation.html.j2`).
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
from pathlib import Path

from zenml.config import CachePolicy
from zenml.utils import source_utils

from agile_classifier.ops import project
from agile_classifier.ops.runs.import_closure import list_files, reached_modules

PACKAGES = ("agile_classifier", "steps")

source_utils.set_custom_source_root(str(project.root()))
importlib.metadata.packages_distributions = functools.cache(importlib.metadata.packages_distributions)
"""ZenML asks for each artifact which package its class is from, and reads the list of all installed files for it."""


def reached_files(*roots: str) -> list[str]:
    """List the files that modules import, directly or not, their own included; paths are relative to the project."""
    modules = reached_modules(roots, packages=PACKAGES)
    return sorted(_from_root(path) for name in modules for path in list_files(name))


def on_reached_files(module: str, *shipped: str) -> CachePolicy:
    """Cache policy of a step, whose key covers parameters, inputs' content, every file it reaches, and the lock.

    Parameters
    ----------
    shipped : str
        Modules whose files the step copies into its outcome without importing them.
    """
    files = [*reached_files(module, *shipped), _from_root(project.lock())]
    return CachePolicy(include_artifact_values=True, include_artifact_ids=True, file_dependencies=files)


def _from_root(path: Path) -> str:
    """Path as ZenML names a file that a key depends on; an installed package lies beside the project, not in it."""
    return os.path.relpath(path, project.root())

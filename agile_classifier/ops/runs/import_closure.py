"""Import closure: the files that modules of our packages reach, computed from the source by grimp."""

from __future__ import annotations

import functools
import importlib.util
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import grimp


def reached_modules(roots: Iterable[str], *, packages: Sequence[str]) -> set[str]:
    """Modules that others reach within the packages, themselves and all packages above included."""
    graph = import_graph(*packages)
    modules = {name for root in roots for name in (root, *graph.find_upstream_modules(root))}
    return modules | {package for name in modules for package in _packages_above(name)}


def list_files(module: str) -> list[Path]:
    """Files of a module: its source, and the data files that stand beside it under its name (`page.py`, `page.css`)."""
    package, _, rest = module.partition(".")
    path = _folder_of(package) / rest.replace(".", "/")
    if path.is_dir():
        return [path / "__init__.py"]
    return sorted(file for file in path.parent.glob(f"{path.name}.*") if file.is_file())


@functools.cache
def import_graph(*packages: str) -> grimp.ImportGraph:
    """Who imports whom within the packages when they run: what only a type checker reads is left out."""
    return grimp.build_graph(*packages, exclude_type_checking_imports=True, cache_dir=None)


def _packages_above(module: str) -> Iterator[str]:
    """`a` and `a.b` for `a.b.c`: what Python runs on the way to a module."""
    return itertools.accumulate(module.split(".")[:-1], "{}.{}".format)


def _folder_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"package {package} is not installed")
    return Path(spec.submodule_search_locations[0])

"""Scoring code: what a registered version carries to be scored with, under a package name of its own.

A version holds what `pyfunc_model.py` imports, and nothing else, as the package `agile_scoring_` and the first digits
of a digest over its files. So it is always scored by the code that it was registered with: whatever `agile_classifier`
a process has imported cannot stand in for it, versions with other code answer side by side in one process, and versions
with the same code share one copy.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agile_classifier.ops import project
from agile_classifier.ops.runs.import_closure import import_graph, list_files, reached_modules

PACKAGE = project.PACKAGE.name
PREFIX = "agile_scoring_"
MODEL = f"{PACKAGE}.ops.registry.pyfunc_model"
DIGITS = 12
"""Hex digits of the digest in a package's name."""

_OUR_NAME = re.compile(rf"\b{PACKAGE}\b".encode())


@dataclass(frozen=True)
class ScoringCode:
    """Scoring code as files on this machine, ready for MLflow."""

    model_file: Path
    """Model-from-code file, which imports the package."""
    package: Path
    """Folder of the package, named like it."""

    @contextmanager
    def importable(self) -> Iterator[None]:
        """Let this process import the package for a while, as MLflow does to log a model, and forget it afterwards."""
        before, folder = set(sys.modules), str(self.package.parent)
        sys.path.insert(0, folder)
        try:
            yield
        finally:
            sys.path.remove(folder)
            for name in set(sys.modules) - before:
                if name.partition(".")[0] == self.package.name:
                    del sys.modules[name]


def write_scoring_code(folder: Path) -> ScoringCode:
    """Write the scoring code of this project's present state into a folder."""
    name = scoring_package()
    for relative, content in _read_files().items():
        path = folder / relative.replace(PACKAGE, name, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_OUR_NAME.sub(name.encode(), content) if path.suffix == ".py" else content)
    return ScoringCode(folder / _model_file().name, folder / name)


def scoring_package() -> str:
    """Name of the package that a version registered now would carry: the same for the same code, wherever it lies."""
    digest = hashlib.sha256()
    for relative, content in sorted(_read_files().items()):
        digest.update(f"{relative}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return f"{PREFIX}{digest.hexdigest()[:DIGITS]}"


def is_scoring_code_of_here(folder: Path) -> bool:
    """Whether a version's folder of code holds what a version registered now would carry."""
    return (folder / scoring_package()).is_dir()


def _read_files() -> dict[str, bytes]:
    """The model file and everything that it imports: contents by path, `agile_classifier/errors.py`."""
    imported = import_graph(PACKAGE).find_modules_directly_imported_by(MODEL)
    modules = reached_modules(imported, packages=(PACKAGE,))
    above = list_files(PACKAGE)[0].parents[1]
    files = {path.relative_to(above).as_posix(): path.read_bytes() for name in modules for path in list_files(name)}
    return files | {_model_file().name: _model_file().read_bytes()}


def _model_file() -> Path:
    return next(path for path in list_files(MODEL) if path.suffix == ".py")

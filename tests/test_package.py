"""The package: what it exports, and that it is light until one of that is asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import agile_classifier

HEAVY = {"mlflow", "numpy", "pandas", "pydantic", "sklearn", "torch", "transformers", "zenml"}


def test_importing_the_package_imports_no_library() -> None:
    code = "import sys, agile_classifier; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert HEAVY & set(loaded.split()) == set()


def test_what_is_exported_is_sorted_offered_and_where_it_is_said_to_be() -> None:
    assert agile_classifier.__all__ == sorted(agile_classifier.__all__)
    assert set(agile_classifier.__all__) <= set(dir(agile_classifier))
    for name in agile_classifier.__all__:
        found = getattr(agile_classifier, name)
        assert (found.__name__, found.__module__) == (name, agile_classifier._MODULES[name])


def test_type_checkers_are_told_the_same() -> None:
    stub = ast.parse(Path(agile_classifier.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imported = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    assert {alias.name: node.module for node in imported for alias in node.names} == agile_classifier._MODULES


def test_a_name_that_is_not_exported_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        agile_classifier.nothing  # type: ignore[attr-defined]  # noqa: B018

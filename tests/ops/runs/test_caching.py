"""Caching: a step is reused exactly while every project file that it reaches is unchanged.

The import closure is computed here a second time, by reading the source with `ast` alone.
"""

from __future__ import annotations

import ast
import importlib.metadata
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest
from zenml.config import CachePolicy
from zenml.orchestrators.cache_utils import generate_cache_key
from zenml.utils import source_utils

from agile_classifier.ops.project import root
from agile_classifier.ops.runs.caching import PACKAGES, on_reached_files, reached_files

MODULES = {
    ".".join(path.relative_to(root()).with_suffix("").parts): path
    for package in PACKAGES
    for path in (root() / package).rglob("*.py")
    if path.name != "__init__.py"
}
FILES = {
    str(path.relative_to(root()))
    for package in PACKAGES
    for path in (root() / package).rglob("*")
    if path.is_file() and path.suffix != ".pyc"
}
STEPS = sorted(name for name in MODULES if name.startswith("steps."))


def imported(path: Path) -> Iterator[str]:
    """Project modules that a file names in an import, wherever in it that stands."""
    for node in executed(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports are not followed here"
            names = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name in MODULES)


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below one, but for what only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from executed(child)


def closure(*roots: str) -> set[str]:
    """Files of everything that modules import, with `__init__.py` of their packages and the data files beside them."""
    found, waiting = set[str](), list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(imported(MODULES[name]))
    stems = {name.replace(".", "/") for name in found}
    beside = {file for file in FILES if file.partition(".")[0] in stems}
    above = {folder for name in found for folder in Path(name.replace(".", "/")).parents} - {Path()}
    return beside | {f"{folder}/__init__.py" for folder in above}


def step_decorator(module: str) -> ast.Call:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    calls = [
        decorator
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "step"
    ]
    assert len(calls) == 1, f"{module}: one step a file"
    return calls[0]


def shipped_by(module: str) -> list[str]:
    """Further roots that a step names in its cache policy."""
    settings = {keyword.arg: keyword.value for keyword in step_decorator(module).keywords}
    policy = settings.get("cache_policy")
    return [ast.literal_eval(argument) for argument in policy.args[1:]] if isinstance(policy, ast.Call) else []


def cache_key(policy: CachePolicy) -> str:
    """ZenML's own key of a toy step under this policy, for the files below the present source root."""
    step = SimpleNamespace(
        spec=SimpleNamespace(source=SimpleNamespace(import_path="toy")),
        config=SimpleNamespace(
            cache_policy=policy, parameters={}, outputs={}, caching_parameters={}, environment={}, secrets=[]
        ),
    )
    store = SimpleNamespace(id=UUID(int=1), path="store", custom_cache_key=None)
    return generate_cache_key(step, {}, store, UUID(int=2))


@pytest.fixture
def project_copy(tmp_path: Path) -> Iterator[Path]:
    """The project's packages in another place, which ZenML takes for its source root."""
    for package in PACKAGES:
        shutil.copytree(root() / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root() / "constraints.txt", tmp_path)
    source_utils.set_custom_source_root(str(tmp_path))
    yield tmp_path
    source_utils.set_custom_source_root(str(root()))


def test_there_are_steps_and_files_to_look_at() -> None:
    assert len(STEPS) >= 7
    assert {
        "agile_classifier/data/labels/cut.py",
        "agile_classifier/evaluation/reports/evaluation.html.j2",
        "agile_classifier/data/expectations/page.css",
    } <= FILES


@pytest.mark.parametrize("module", STEPS)
def test_a_step_is_never_reused_or_only_while_what_it_reaches_is_unchanged(module: str) -> None:
    settings = {keyword.arg: ast.unparse(keyword.value) for keyword in step_decorator(module).keywords}
    never = settings.get("enable_cache") == "False"
    assert never or settings.get("cache_policy", "").startswith("on_reached_files(__name__"), module


@pytest.mark.parametrize("module", STEPS)
def test_a_step_reaches_the_files_of_its_import_closure_and_no_others(module: str) -> None:
    roots = [module, *shipped_by(module)]
    assert set(reached_files(*roots)) == closure(*roots)
    assert set(on_reached_files(*roots).file_dependencies or []) & FILES == closure(*roots)


@pytest.mark.parametrize("module", STEPS)
def test_a_step_does_not_depend_on_another_step_nor_on_everything(module: str) -> None:
    reached = set(reached_files(module, *shipped_by(module)))
    path = Path(module.replace(".", "/"))
    own = {"steps/__init__.py", f"{path.parent}/__init__.py", f"{path}.py"}
    assert {file for file in reached if file.startswith("steps/")} == own
    assert len(FILES - reached) >= len(STEPS)


@pytest.mark.parametrize(
    ("data_file", "reader"),
    [
        ("agile_classifier/evaluation/reports/evaluation.html.j2", "agile_classifier/evaluation/reports/evaluation.py"),
        ("agile_classifier/data/expectations/page.css", "agile_classifier/data/expectations/page.py"),
    ],
)
def test_a_data_file_belongs_to_those_who_reach_the_module_beside_it(data_file: str, reader: str) -> None:
    readers = {module for module in STEPS if reader in reached_files(module)}
    assert readers == {module for module in STEPS if data_file in reached_files(module)}
    assert 0 < len(readers) < len(STEPS)


def test_the_code_that_a_version_holds_without_an_import_belongs_to_register() -> None:
    roots = ["steps.training.register", *shipped_by("steps.training.register")]
    assert "agile_classifier/ops/registry/pyfunc_model.py" in reached_files(*roots)
    several = ("steps.training.label_and_split", "agile_classifier.ops.registry.pyfunc_model")
    assert set(reached_files(*several)) == closure(*several) > closure(several[0])


@pytest.mark.parametrize("module", STEPS)
def test_a_steps_key_changes_exactly_with_the_files_that_it_reaches(module: str, project_copy: Path) -> None:
    roots = [module, *shipped_by(module)]
    policy = on_reached_files(*roots)
    before = cache_key(policy)
    changes = set()
    for file in sorted(FILES):
        path = project_copy / file
        content = path.read_bytes()
        path.write_bytes(content + b"\n")
        if cache_key(policy) != before:
            changes.add(file)
        path.write_bytes(content)
    assert changes == closure(*roots)
    assert cache_key(policy) == before


def test_the_key_does_not_depend_on_where_the_project_lies(project_copy: Path) -> None:
    policy = on_reached_files("steps.training.label_and_split")
    elsewhere = cache_key(policy)
    source_utils.set_custom_source_root(str(root()))
    assert cache_key(policy) == elsewhere


def test_the_list_of_installed_files_is_read_once_a_process_and_not_for_each_artifact() -> None:
    assert importlib.metadata.packages_distributions() is importlib.metadata.packages_distributions()

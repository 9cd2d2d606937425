"""Project: where it lies, what `agile new` lays down, and that one module alone names pipelines, folders and commands."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agile_classifier.errors import InputError
from agile_classifier.ops import project

KNOWS = project.PACKAGE / "ops" / "project.py"
SOURCES = sorted(path for path in project.PACKAGE.rglob("*.py") if path != KNOWS)
PIPELINE = re.compile(r"\bpipelines\.\w+")
OURS = re.compile(r"-m (agile_classifier|cli)\b")


@pytest.fixture
def unknown(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has not yet looked for its project."""
    monkeypatch.delenv("AGILE_PROJECT", raising=False)
    for function in (project.find, project._say_where):
        function.cache_clear()
    yield
    for function in (project.find, project._say_where):
        function.cache_clear()


def make_project(folder: Path) -> Path:
    for name in project.FOLDERS:
        (folder / name).mkdir(parents=True)
    return folder.resolve()


@pytest.mark.usefixtures("unknown")
def test_the_project_is_the_one_around_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = make_project(tmp_path / "mine")
    monkeypatch.chdir(mine / "configs")
    assert (project.root(), project.configs(), project.find().where) == (mine, mine / "configs", "")


@pytest.mark.usefixtures("unknown")
def test_the_environment_names_a_project_that_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, named = make_project(tmp_path / "mine"), make_project(tmp_path / "named")
    monkeypatch.chdir(mine)
    monkeypatch.setenv("AGILE_PROJECT", str(named))
    assert project.root() == named


@pytest.mark.usefixtures("unknown")
def test_a_named_folder_that_is_no_project_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGILE_PROJECT", str(tmp_path))
    with pytest.raises(
        InputError, match=rf"^AGILE_PROJECT {tmp_path}: is no project, which holds the folders pipelines"
    ):
        project.root()
    assert project.holds(KNOWS), "what tells of the error must not stumble over it"


@pytest.mark.usefixtures("unknown")
def test_outside_a_project_the_checkout_is_taken_and_named_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    checkout = project.PACKAGE.parent
    assert project.root() == checkout
    for _ in range(2):
        project._say_where()
    assert capsys.readouterr().err == f"project {checkout}: the checkout of the package\n"


@pytest.mark.usefixtures("unknown")
def test_a_project_without_a_lock_is_known_by_that_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = make_project(tmp_path / "mine")
    monkeypatch.chdir(mine)
    assert project.lock() == project.PACKAGE.parent / project.LOCK
    (mine / project.LOCK).touch()
    assert project.lock() == mine / project.LOCK


def test_a_laid_down_project_is_one_and_has_the_same_code(tmp_path: Path) -> None:
    folder = project.lay_down(tmp_path / "new" / "demo")
    assert project.is_project(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*project.FOLDERS, project.LOCK, "README.md"])
    assert not list(folder.rglob("__pycache__"))
    command = [sys.executable, "-m", "agile_classifier.ops.project"]
    place = {**os.environ, "PYTHONPATH": str(project.PACKAGE.parent), "AGILE_PROJECT": str(folder)}
    digest = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=place).stdout
    assert digest.strip() == project.code_digest()


def test_a_project_is_laid_down_into_an_empty_folder_alone(tmp_path: Path) -> None:
    project.lay_down(tmp_path)
    with pytest.raises(InputError, match="is not empty; name a new folder, or an empty one"):
        project.lay_down(tmp_path)
    with pytest.raises(InputError, match="is a file; name a folder"):
        project.lay_down(tmp_path / project.LOCK)


def test_benchmarks_are_run_of_a_checkout_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert project.run_benchmark("scoring", ["--help"]) == 0
    monkeypatch.setattr(project, "PACKAGE", tmp_path)
    with pytest.raises(InputError, match="bench scoring: benchmarks are not installed"):
        project.run_benchmark("scoring", [])


# Nothing else knows


def texts(tree: ast.Module) -> Iterator[ast.Constant]:
    """Every string but docstrings."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node


def is_text(node: ast.AST, pattern: str) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(pattern, node.value) is not None


def knowledge(source: str) -> list[str]:
    """What a module says of where the project lies or how its commands are run."""
    tree = ast.parse(source)
    found = [f"{node.value!r}" for node in texts(tree) if PIPELINE.search(node.value) or OURS.search(node.value)]
    found += [f"{node.value!r}" for node in texts(tree) if node.value in (project.LOCK, "configs", "pipelines")]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found += [name for name in names if re.match(r"(pipelines|steps|benchmarks)\b", name)]
        elif isinstance(node, ast.Attribute) and node.attr in ("parent", "parents"):
            above = ast.unparse(node.value)
            found += (
                [ast.unparse(node)] if "__file__" in above and (node.attr == "parents" or ".parent" in above) else []
            )
        elif isinstance(node, ast.List | ast.Tuple):
            pairs = zip(node.elts, node.elts[1:], strict=False)
            found += [
                ast.unparse(node)
                for one, two in pairs
                if is_text(one, "-m$") and is_text(two, "(agile_classifier|cli)")
            ]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            found += [
                ast.unparse(node) for side in (node.left, node.right) if is_text(side, "(configs|pipelines|steps)(/|$)")
            ]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Path"):
            found += [ast.unparse(node) for word in node.args if is_text(word, "(configs|pipelines|steps)(/|$)")]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(project.PACKAGE)))
def test_no_other_module_names_a_pipeline_a_project_folder_or_our_command(path: Path) -> None:
    command = ["'configs'"] if path.name == "headings.py" else []  # the name of a command there, not of a folder
    assert knowledge(path.read_text(encoding="utf-8")) == command


@pytest.mark.parametrize(
    "source",
    [
        "import pipelines.training",
        "from steps.training import ingest",
        "source_utils.load('pipelines.training.training')",
        "ROOT = Path(__file__).resolve().parents[2]",
        "ROOT = Path(__file__).parent.parent",
        "file = folder / 'constraints.txt'",
        "file = ROOT / 'configs'",
        "file = Path('configs/quickstart.yaml')",
        "command = [sys.executable, '-m', 'agile_classifier', 'train']",
        "command = ('python', '-m', 'agile_classifier.studies.run_cell')",
        "line = f'cd {folder} && python -m agile_classifier schedule run'",
    ],
)
def test_such_knowledge_is_seen(source: str) -> None:
    assert knowledge(source)


@pytest.mark.parametrize(
    "source",
    [
        "'''Run by `pipelines.training`.'''",
        "TEMPLATE = Path(__file__).parent / 'page.html.j2'",
        "command = [sys.executable, '-m', 'mlflow', 'server']",
        "help = 'by default configs/schedules.yaml'",
    ],
)
def test_what_is_no_such_knowledge_is_let_be(source: str) -> None:
    assert knowledge(source) == []

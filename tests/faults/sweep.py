"""Sweep: every place of the code that has an effect outside its process, found in the source.

A place is a function and what it calls there, `agile_classifier.ops.registry.versions:create_version create_model_version`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agile_classifier.ops import project

MLFLOW = frozenset({
    "create_experiment", "set_experiment_tag", "start_run", "set_tags", "set_tag", "log_params", "log_metrics", "log_metric", "log_text", "log_artifacts", "log_dict", "log_input",
    "log_batch", "log_model", "log_model_artifact", "create_registered_model", "update_registered_model",
    "create_model_version", "update_model_version",
    "set_registered_model_alias", "delete_registered_model_alias", "set_registered_model_tag", "delete_registered_model_tag",
    "set_model_version_tag", "delete_model_version_tag", "delete_model_version", "delete_logged_model", "delete_run", "set_terminated",
})  # fmt: skip
ZENML = frozenset({
    "log_metadata", "update_run", "update_run_step", "create_tag", "delete_tag", "resolve_run_wait_condition", "resume_run",
    "delete_artifact_version",
})  # fmt: skip
FILES = frozenset({
    "write_whole", "write_text", "write_bytes", "write_table", "ParquetWriter", "unlink", "mkdir", "touch", "rmtree", "copytree", "copy2",
    "copyfile", "copyfileobj", "put_file", "pipe_file", "rm_file",
})  # fmt: skip
ELSEWHERE = frozenset({"post", "Popen"})
EFFECTS = MLFLOW | ZENML | FILES | ELSEWHERE
FOLDERS = ("agile_classifier", "steps", "pipelines")


@dataclass(frozen=True, order=True)
class Place:
    """A call that has an effect: the module and function that it stands in, and what is called."""

    module: str
    function: str
    effect: str

    def __str__(self) -> str:
        return f"{self.module}:{self.function} {self.effect}"


def list_places() -> list[Place]:
    """Every place of the project, in order."""
    root = project.PACKAGE.parent
    files = [path for folder in FOLDERS for path in (root / folder).rglob("*.py")]
    return sorted({place for path in files for place in _places_in(path, root)})


def _places_in(path: Path, root: Path) -> Iterator[Place]:
    module = ".".join(path.relative_to(root).with_suffix("").parts)
    yield from _walk(ast.parse(path.read_text(encoding="utf-8")), module, ())


def _walk(node: ast.AST, module: str, within: tuple[str, ...]) -> Iterator[Place]:
    for child in ast.iter_child_nodes(node):
        inside = within
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            inside = (*within, child.name)
        yield from (Place(module, ".".join(inside), effect) for effect in _effects_of(child))
        yield from _walk(child, module, inside)


def _effects_of(node: ast.AST) -> Iterator[str]:
    """Effects of a call, of the end of a block within an MLflow run, and of a step: what it makes is stored, it ends."""
    if isinstance(node, ast.Call) and (effect := _effect_of(node)) is not None:
        yield effect
    if isinstance(node, ast.With) and any(_name_of(each.context_expr) == "start_run" for each in node.items):
        yield "end_run"
    if isinstance(node, ast.FunctionDef) and any(_name_of(each) == "step" for each in node.decorator_list):
        yield from ("store", "end")


def _effect_of(call: ast.Call) -> str | None:
    """Name of the effect; `replace` and `rename` move a file by one argument, `open` writes by its mode."""
    name, is_method = _name_of(call), isinstance(call.func, ast.Attribute)
    if name in ("replace", "rename"):
        return name if is_method and len(call.args) == 1 and not call.keywords else None
    if name == "run":
        return name if ast.unparse(call.func) == "subprocess.run" else None
    if name == "open":
        modes = [
            each.value
            for each in (*call.args, *(word.value for word in call.keywords))
            if isinstance(each, ast.Constant)
        ]
        return name if any(str(mode)[:1] in "wax" and len(str(mode)) < 4 for mode in modes) else None
    return name if name in EFFECTS else None


def _name_of(node: ast.AST) -> str:
    """Last part of the name of what is called; of a decorator without arguments, its name."""
    called = node.func if isinstance(node, ast.Call) else node
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


if __name__ == "__main__":
    print(*list_places(), sep="\n")

"""Steps and pipelines of the manual's reference, read from their syntax: nothing of ZenML is imported for it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PIPELINES = ("training", "promotion", "scoring", "scoring_parts", "monitoring", "monitoring_parts", "study")


def draw_steps() -> str:
    """Every step of every pipeline: what it does, what it takes, the artifacts that it makes."""
    return "\n\n".join(
        "\n\n".join(
            [f"## Pipeline `{name}`", _sentence(_module_docstring(PROJECT / "pipelines" / f"{name}.py"), name), *steps]
        )
        for name in PIPELINES
        if (steps := [_draw_step(path) for path in step_files(name)])
    )


def step_files(pipeline: str) -> list[Path]:
    """The steps that a pipeline calls, in that order; a step of several pipelines is one of the first."""
    earlier = {path for name in PIPELINES[: PIPELINES.index(pipeline)] for path in _imported_steps(name)}
    return [path for path in _imported_steps(pipeline) if path not in earlier]


def _imported_steps(pipeline: str) -> list[Path]:
    tree = ast.parse((PROJECT / "pipelines" / f"{pipeline}.py").read_text(encoding="utf-8"))
    imports = {
        alias.asname or alias.name: PROJECT / f"{(node.module or '').replace('.', '/')}.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("steps.")
        for alias in node.names
    }
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [imports[name] for name in dict.fromkeys(_names(functions)) if name in imports]


def _names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Names in the order in which they are evaluated: of a call the arguments first."""
    for node in nodes:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Call):
            yield from _names([*node.args, *node.keywords, node.func])
        else:
            yield from _names(ast.iter_child_nodes(node))


def _draw_step(path: Path) -> str:
    function = next(
        node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
    )
    takes = [(argument.arg, ast.unparse(argument.annotation)) for argument in function.args.args if argument.annotation]
    return "\n\n".join(
        [
            f"### `{path.stem}`",
            f"`{path.relative_to(PROJECT)}`: {one_line(ast.get_docstring(function))}",
            f"- **takes** {_typed(takes)}\n- **makes** {_typed(artifacts(function)) or 'no artifact'}",
        ]
    )


def _typed(values: list[tuple[str, str]]) -> str:
    return ", ".join(f"`{name}` ({kind})" for name, kind in values)


def artifacts(function: ast.FunctionDef) -> list[tuple[str, str]]:
    """Name and type of every artifact that a step returns, of its annotations `Annotated[TYPE, "NAME"]`."""
    nodes = ast.walk(function.returns) if function.returns else ()
    return [
        (ast.literal_eval(node.slice.elts[1]), ast.unparse(node.slice.elts[0]))
        for node in nodes
        if isinstance(node, ast.Subscript)
        and ast.unparse(node.value) == "Annotated"
        and isinstance(node.slice, ast.Tuple)
    ]


def one_line(text: str | None) -> str:
    """Words of a docstring, wherever its lines ended."""
    return " ".join((text or "").split())


def _module_docstring(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def _sentence(docstring: str, name: str) -> str:
    """A module's first line without the label that repeats its name."""
    text = docstring.removeprefix(f"{name}: ").strip()
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."

"""Generate the manual's reference from the code, while mkdocs builds: what can be generated is not typed.

A page marks the place with `<!-- generated: NAME -->`; mkdocs-gen-files runs this file, which fills each place in.
Pages that stand elsewhere as files (the notebook, the changelog, CONTRIBUTING.md) are written whole.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import annotated_types
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from agile_classifier import environment  # noqa: E402
from agile_classifier.cli import app as cli  # noqa: E402
from agile_classifier.cli.terminal.headings import HEADINGS  # noqa: E402
from agile_classifier.config.run import RunConfig  # noqa: E402
from docs.steps import draw_steps, one_line  # noqa: E402

PLACE = re.compile(r"<!-- generated: (\w+) -->")
BOUNDS = {
    annotated_types.Gt: (">", "gt"),
    annotated_types.Ge: ("≥", "ge"),
    annotated_types.Lt: ("<", "lt"),
    annotated_types.Le: ("≤", "le"),
}
TYPES = {bool: "true, false", int: "whole number", float: "number", str: "text"}
MOVED = {"docs/": "", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Links of files that stand at the project's root, and what they are within the manual."""


MAPPINGS = ("labels.names",)
"""Fields that may be given as a mapping too, which their section parts into two lists."""


# Configuration


def draw_config() -> str:
    """Every section of a run with its fields: what is allowed, the default, what it is."""
    sections = {name: _model(field) for name, field in RunConfig.model_fields.items()}
    return "\n\n".join(_draw_section(name, section) for name, section in sections.items() if section)


def _draw_section(path: str, section: type[BaseModel], level: int = 2) -> str:
    rows = [_config_row(f"{path}.{name}", inner) for name, inner in section.model_fields.items() if not _model(inner)]
    table = ["| field | allowed | default | what it is |", "| --- | --- | --- | --- |", *rows]
    inner_sections = [
        _draw_section(f"{path}.{name}", model, level + 1)
        for name, inner in section.model_fields.items()
        if (model := _model(inner))
    ]
    return "\n\n".join([f"{'#' * level} `{path}`", one_line(section.__doc__), "\n".join(table), *inner_sections])


def _config_row(path: str, field: FieldInfo) -> str:
    default = "**required**" if field.is_required() else f"`{_as_yaml(field.default)}`"
    mapping = " or mapping" if path in MAPPINGS else ""
    return _row(
        f"`{path}`", f"{_allowed(field.annotation, field.metadata)}{mapping}", default, one_line(field.description)
    )


def _model(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _allowed(annotation: Any, metadata: list[Any] | tuple[Any, ...] = ()) -> str:
    """A type of the config in words: its literals, or its kind with bounds."""
    if get_origin(annotation) is Annotated:
        kind, *inner = get_args(annotation)
        return _allowed(kind, [*metadata, *(bound for item in inner for bound in getattr(item, "metadata", [item]))])
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(annotation))
    if get_origin(annotation) is dict:
        key, value = get_args(annotation)
        return f"mapping of {_allowed(key)} to {_allowed(value)}"
    if get_origin(annotation) is tuple:
        return f"list of {_allowed(get_args(annotation)[0])}"
    if get_args(annotation):
        return " or ".join(
            "`null`" if kind is type(None) else _allowed(kind, metadata) for kind in get_args(annotation)
        )
    bounds = [
        f"{sign} {_as_number(getattr(item, name))}"
        for item in metadata
        for kind, (sign, name) in BOUNDS.items()
        if isinstance(item, kind)
    ]
    longest = [
        f"of up to {item.max_length:,} characters" for item in metadata if isinstance(item, annotated_types.MaxLen)
    ]
    return " ".join([TYPES.get(annotation, str(annotation)), ", ".join([*bounds, *longest])]).strip()


def _as_number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _as_yaml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_as_yaml, value))}]"
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


# Command line


def draw_cli() -> str:
    """Every command with its arguments, options and an example, under the headings of `agile --help`."""
    commands = list(iter_commands())
    rows = [
        _row(heading, f"[`agile {name}`](#agile-{name.replace(' ', '-')})", _first_sentence(command.help))
        for heading, names in HEADINGS.items()
        for name, command in commands
        if name.partition(" ")[0] in names
    ]
    listed = "\n".join(["| for | command | what it does |", "| --- | --- | --- |", *rows])
    return "\n\n".join([listed, *(_draw_command(*each) for each in commands)])


def iter_commands() -> Iterator[tuple[str, Any]]:
    """Every command by its name, those of a group behind the group's name."""
    for name, found in typer.main.get_command(cli.app).commands.items():  # type: ignore[attr-defined]
        inner: Mapping[str, Any] = getattr(found, "commands", {})
        yield from ((f"{name} {word}", command) for word, command in inner.items())
        if not inner:
            yield name, found


def _draw_command(name: str, command: Any) -> str:
    rows = [_parameter_row(parameter) for parameter in command.params if parameter.name != "help"]
    table = "\n".join(["| argument, option | default | what it is |", "| --- | --- | --- |", *rows])
    example = (command.epilog or "").removeprefix("Example: ")
    parts = [
        f"## agile {name}",
        "\n\n".join(one_line(part) for part in (command.help or "").split("\n\n")),
        f"```text\n{example}\n```" if example else "",
        table if rows else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _parameter_row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name, text = parameter.metavar or parameter.name.upper(), getattr(parameter, "help", "")
    else:
        value = (
            ""
            if parameter.is_flag
            else f" {parameter.metavar or parameter.type_descriptor.annotation.__name__.upper()}"
        )
        name, text = f"{parameter.opts[-1]}{value}", parameter.help
    default = "**required**" if parameter.required else _shown_default(parameter)
    return _row(f"`{name}`", default, one_line(text))


def _shown_default(parameter: Any) -> str:
    value = parameter.default
    return "" if value is None or value is False or value == "" or callable(value) else f"`{value}`"


# Environment


def draw_environment() -> str:
    """Every environment variable that the project reads."""
    rows = [_row(f"`{name}`", one_line(text)) for name, text in environment.VARIABLES.items()]
    return "\n".join(["| variable | what it is |", "| --- | --- |", *rows])


# Pages that stand elsewhere


def draw_notebook(path: Path) -> str:
    """A notebook as a page: its words, its code, and what the code printed."""
    return "\n\n".join(_draw_cell(cell) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]) + "\n"


def _draw_cell(cell: Mapping[str, Any]) -> str:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return source
    printed = [
        "".join(output.get("text") or output.get("data", {}).get("text/plain", []))
        for output in cell["outputs"]
        if output.get("name") != "stderr"
    ]
    return "\n\n".join([f"```python\n{source}\n```", *(f"```text\n{text.rstrip()}\n```" for text in printed if text)])


def draw_root_page(name: str) -> str:
    """A file of the project's root as a page of the manual."""
    text = (PROJECT / name).read_text(encoding="utf-8")
    for before, after in MOVED.items():
        text = text.replace(f"]({before}", f"]({after}")
    return text


# Words


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _first_sentence(text: str | None) -> str:
    return re.split(r"(?<=\.)\s", one_line(text))[0]


GENERATED = {"config": draw_config, "cli": draw_cli, "environment": draw_environment, "steps": draw_steps}


def main() -> None:
    """Write every generated page into the site that is being built."""
    import mkdocs_gen_files

    for path in sorted((PROJECT / "docs" / "reference").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if PLACE.search(text):
            with mkdocs_gen_files.open(f"reference/{path.name}", "w") as page:
                page.write(PLACE.sub(lambda place: GENERATED[place[1]](), text))
    pages = {
        "tutorials/notebook.md": draw_notebook(PROJECT / "docs" / "tutorials" / "notebook.ipynb"),
        "changelog.md": draw_root_page("CHANGELOG.md"),
        "contributing.md": draw_root_page("CONTRIBUTING.md"),
    }
    for name, text in pages.items():
        with mkdocs_gen_files.open(name, "w") as page:
            page.write(text)


if __name__ == "<run_path>":  # as mkdocs-gen-files runs it
    main()

"""The documentation as a test: what it lists exists, what exists it lists, and its generated parts equal the code.

    UPDATE_README=1 .venv/bin/python -m pytest tests/test_readme.py

writes anew what stands between `<!-- NAME -->` and `<!-- /NAME -->` in README.md for `tree`, `commands`, `config`.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import typer
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agile_classifier import errors
from agile_classifier.cli import app as cli
from agile_classifier.config.files import parse_config
from agile_classifier.config.run import RunConfig
from agile_classifier.environment import home
from agile_classifier.studies.file import Study

PROJECT = Path(__file__).resolve().parent.parent
README = PROJECT / "README.md"
DOCUMENTS = [README, PROJECT / "CONTRIBUTING.md", PROJECT / "CHANGELOG.md"]
FOLDERS = ("agile_classifier", "configs", "pipelines", "steps", "benchmarks")
"""Listed file by file, in the order of the import law, where they hold files."""
TREE_COLUMN = 29
CALL = re.compile(r"(?:^|: |# +)agile ([a-z-]+)([^\n#|;]*)", re.MULTILINE)
"""Of the command line: at the start of a line or a code span, in a comment, or after a colon."""

GROUPS = {
    name: found.commands
    for name, found in typer.main.get_command(cli.app).commands.items()  # type: ignore[attr-defined]
    if hasattr(found, "commands")
}
"""Commands that have commands of their own."""
COMMANDS = {
    name: command
    for top, found in typer.main.get_command(cli.app).commands.items()  # type: ignore[attr-defined]
    for name, command in (
        {f"{top} {inner}": command for inner, command in GROUPS[top].items()} if top in GROUPS else {top: found}
    ).items()
}


def draw_tree() -> str:
    """Every folder with its modules and configs, each with what it says of itself first."""
    lines = []
    for folder in FOLDERS:
        files = _listed_files(PROJECT / folder)
        if files:
            lines.append(_tree_line(f"{folder}/", PROJECT / folder / "__init__.py"))
            lines += [_tree_line(f"  {file.relative_to(PROJECT / folder)}", file) for file in files]
    return "\n".join(["```", *lines, "```"])


def draw_commands() -> str:
    """Every command with its arguments, options and first sentence of help."""
    rows = [
        f"| `agile {name}{_usage(command)}` | {_first_sentence(command.help)} |" for name, command in COMMANDS.items()
    ]
    return "\n".join(["| command | what it does |", "| --- | --- |", *rows])


def draw_config() -> str:
    """Every section and field of RunConfig with its default, allowed words and docstring."""
    rows = [row for name, field in RunConfig.model_fields.items() for row in _section_rows(name, _section(field))]
    return "\n".join(["| field | default | what it is |", "| --- | --- | --- |", *rows])


DRAWN: dict[str, Callable[[], str]] = {"tree": draw_tree, "commands": draw_commands, "config": draw_config}


@pytest.mark.parametrize("name", DRAWN)
def test_a_generated_part_of_the_readme_equals_the_code(name: str) -> None:
    drawn, text = DRAWN[name](), README.read_text(encoding="utf-8")
    if os.environ.get("UPDATE_README"):
        before, after = text.partition(f"<!-- {name} -->")[0], text.partition(f"<!-- /{name} -->")[2]
        README.write_text(f"{before}<!-- {name} -->\n{drawn}\n<!-- /{name} -->{after}", encoding="utf-8")
    assert _part(README.read_text(encoding="utf-8"), name).strip() == drawn, (
        "UPDATE_README=1 pytest tests/test_readme.py writes it anew"
    )


def test_the_tree_lists_exactly_the_files_on_disk() -> None:
    listed, folder = set(), ""
    for line in _part(README.read_text(encoding="utf-8"), "tree").strip().splitlines()[1:-1]:
        name = line.split()[0]
        folder = folder if line.startswith(" ") else name if name.endswith("/") else ""
        listed.add(name if name == folder else folder + name)
    on_disk = {path.relative_to(PROJECT).as_posix() for folder in FOLDERS for path in _listed_files(PROJECT / folder)}
    folders = {f"{path.split('/')[0]}/" for path in on_disk}
    assert {"agile_classifier/config/run.py", "steps/training/ingest.py", "configs/quickstart.yaml"} <= on_disk
    assert listed == on_disk | folders


def test_the_table_of_steps_says_what_each_step_says_of_itself() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|", _section_of_readme("How a run flows"), re.MULTILINE)
    stated = {
        path.stem: re.fullmatch(rf"{path.stem}: ([^→]+) → ([^.]+?)(, once .*)?\.( .*)?", _docstring(path))
        for path in _steps()
    }
    assert {name: (takes, makes) for name, takes, makes in rows} == {
        name: (match[1], match[2]) for name, match in stated.items() if match
    }
    assert len(rows) == len(_steps())


def test_every_field_of_the_config_says_what_it_is() -> None:
    silent = [row for row in draw_config().splitlines()[2:] if re.search(r"\| *\|$", row)]
    assert not silent


def test_every_yaml_example_in_the_readme_is_a_valid_config_or_study() -> None:
    examples = [code for language, code in _fences(README) if language == "yaml"]
    assert examples
    for example in examples:
        document = yaml.safe_load(example)
        if "study" in document:
            Study.model_validate(document["study"])
        else:
            parse_config(document["parameters"], name="README.md")


def test_every_agile_command_and_option_that_is_shown_exists() -> None:
    texts = {path.name: "\n".join(_code(path)) for path in (*DOCUMENTS, *(PROJECT / "configs").rglob("*.yaml"))}
    texts |= {f"agile {name} --help": command.epilog or "" for name, command in COMMANDS.items()}
    shown = [(place, *call) for place, text in texts.items() for call in CALL.findall(text)]
    assert {place for place, *_ in shown} > {"README.md", *(path.name for path in (PROJECT / "configs").glob("*.yaml"))}
    for place, first, arguments in shown:
        command = f"{first} {(arguments.split() or [''])[0]}" if first in GROUPS else first
        assert command in COMMANDS, f"{place}: agile {command}"
        allowed = {"--help", *(option for parameter in COMMANDS[command].params for option in parameter.opts)}
        assert set(re.findall(r"(?<![^\s\[])--[a-z-]+", arguments)) <= allowed, f"{place}: agile {command}{arguments}"


def test_every_make_target_that_is_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = {target for path in DOCUMENTS for code in _code(path) for target in re.findall(r"\bmake ([a-z-]+)", code)}
    assert {"run", "test", "check"} <= shown <= targets


def test_every_relative_link_leads_to_a_file_and_every_anchor_to_a_heading() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)\s]+)\)", _prose(path)):
            if "://" in target or target.startswith("mailto:"):
                continue
            file, _, anchor = target.partition("#")
            linked = path.parent / file if file else path
            assert linked.exists(), f"{path.name}: {target}"
            assert not anchor or anchor in _anchors(linked), f"{path.name}: {target}"


def test_every_exit_code_is_named() -> None:
    mendable = {kind.exit_code for _, kind in inspect.getmembers(errors, inspect.isclass) if hasattr(kind, "exit_code")}
    stated = {int(code) for code in re.findall(r"\b\d+\b", cli.main.__doc__ or "")}
    named = re.findall(r"^\| (\d+) \|", _section_of_readme("Bad input and exit codes"), re.MULTILINE)
    assert {0, 1, 2, 3} <= mendable | stated
    assert sorted(map(int, named)) == sorted(mendable | stated)


def test_every_environment_variable_of_ours_is_read_by_code() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in _sources())
    named = {name for path in DOCUMENTS for name in re.findall(r"\bAGILE_[A-Z_]+\b", path.read_text(encoding="utf-8"))}
    assert "AGILE_HOME" in named
    assert [name for name in sorted(named) if name not in code] == []


def test_the_state_folder_is_where_the_readme_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AGILE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert f"`~/{home().relative_to(tmp_path)}`" in README.read_text(encoding="utf-8")


def test_the_readme_names_the_torch_that_is_pinned() -> None:
    dependencies = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    pinned = next(dependency for dependency in dependencies if dependency.startswith("torch=="))
    assert f"`{pinned}`" in README.read_text(encoding="utf-8")


def test_the_changelog_begins_with_what_is_unreleased() -> None:
    headings = re.findall(r"^##+ (.+)$", (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[:2] == ["[Unreleased]", "Added"]
    assert "Negative results" in headings


def _tree_line(name: str, file: Path) -> str:
    return f"{name:<{TREE_COLUMN}} {_says(file)}" if file.exists() else name


def _says(file: Path) -> str:
    """The first sentence of a module without a label that repeats its name; of a YAML the first clause of its first comment."""
    if file.suffix == ".yaml":
        comment = file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        return re.split(r"\. |, | \(", comment)[0].rstrip(".")
    says = _docstring(file)
    label, colon, rest = says.partition(": ")
    return _first_sentence(rest if colon and re.sub(r"\W", "_", label.lower()) == file.stem else says).rstrip(".")


def _docstring(file: Path) -> str:
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def _listed_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".yaml") and path.name != "__init__.py")


def _usage(command: Any) -> str:
    words = [_word(parameter) for parameter in command.params if parameter.name != "help"]
    return "".join(f" {word}" for word in sorted(words, key=lambda word: word.startswith("[--")))


def _word(parameter: Any) -> str:
    """`NAME`, `[--flag]` or `[--option VALUE]`."""
    if parameter.param_type_name == "argument":
        return parameter.metavar or parameter.name.upper()
    value = "" if getattr(parameter, "is_flag", False) else f" {parameter.metavar or '…'}"
    return f"[{parameter.opts[-1]}{value}]"


def _first_sentence(text: str | None) -> str:
    return re.split(r"(?<=\.)\s", " ".join((text or "").split()))[0]


def _section_rows(path: str, section: type[BaseModel]) -> Iterator[str]:
    yield f"| **{path}** | | {_first_sentence(section.__doc__)} |"
    for name, field in section.model_fields.items():
        inner = _section(field)
        if issubclass(inner, BaseModel):
            yield from _section_rows(f"{path}.{name}", inner)
        else:
            yield f"| `{path}.{name}` | {_default(field)} | {' '.join((field.description or '').split())} |"


def _section(field: FieldInfo) -> type[Any]:
    return field.annotation if isinstance(field.annotation, type) else object


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    others = [
        word for word in _words(field.annotation) if word != field.default and word not in (field.description or "")
    ]
    allowed = (
        f" ({'of' if isinstance(field.default, tuple) else 'or'} {', '.join(f'`{word}`' for word in others)})"
        if others
        else ""
    )
    return f"`{_as_yaml(field.default)}`{allowed}"


def _words(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [word for inner in get_args(annotation) for word in _words(inner)]


def _as_yaml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_as_yaml, value))}]"
    return (
        {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)
    )


def _part(text: str, name: str) -> str:
    _, begin, rest = text.partition(f"<!-- {name} -->")
    part, end, _ = rest.partition(f"<!-- /{name} -->")
    assert begin, f"README.md: no <!-- {name} -->"
    assert end, f"README.md: no <!-- /{name} -->"
    return part


def _section_of_readme(heading: str) -> str:
    text = README.read_text(encoding="utf-8")
    assert f"\n## {heading}\n" in text
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def _fences(path: Path) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w*)\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def _prose(path: Path) -> str:
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def _code(path: Path) -> list[str]:
    """Fenced blocks and code spans of a document; the opening comment of a config."""
    if path.suffix == ".yaml":
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#     ")]
    return [code for _, code in _fences(path)] + re.findall(r"`([^`\n]+)`", _prose(path))


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _steps() -> list[Path]:
    return [path for path in sorted((PROJECT / "steps").glob("*.py")) if path.name != "__init__.py"]


def _sources() -> list[Path]:
    folders = [PROJECT / name for name in (*FOLDERS, "tests")]
    code = [path for folder in folders for path in folder.rglob("*.py") if path != Path(__file__).resolve()]
    return [PROJECT / ".ci" / "run", *code]

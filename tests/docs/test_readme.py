"""The documents as a test: what README.md, CONTRIBUTING.md, CHANGELOG.md and the manual name exists."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from agile_classifier.config.files import parse_config
from agile_classifier.config.run import RunConfig
from agile_classifier.environment import home
from agile_classifier.evaluation.bias.terms import Terms
from agile_classifier.evaluation.checks.suite import Suite
from agile_classifier.ops.scheduling.schedule import Schedule
from agile_classifier.studies.file import Study
from tests.docs.pages import (
    CHANGELOG,
    CONTRIBUTING,
    DOCUMENTS,
    MANUAL,
    PROJECT,
    README,
    blocks,
    calls,
    find_command,
    prose,
    spans,
)

LARGEST_README = 12 * 1024
"""Bytes: a newcomer reads it whole."""
PATH = re.compile(r"(?:agile_classifier|benchmarks|configs|containers|docs|pipelines|steps|tests)/[\w./*-]*")
NO_FIELDS = {"model.onnx", "promotion.asked", "promotion.reason"}
"""Names of files, notices and tags that look like fields."""
MADE = {"containers/secrets"}
"""Paths that a command makes."""


def _named(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


@pytest.mark.parametrize("path", DOCUMENTS, ids=_named)
def test_every_path_that_a_document_names_exists(path: Path) -> None:
    named = {
        found.rstrip("/.") for span in spans(path) for found in PATH.findall(span) if PATH.fullmatch(span.split()[0])
    }
    missing = sorted(name for name in named if name not in MADE and not any(PROJECT.glob(name)))
    assert missing == []


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path != CHANGELOG], ids=_named)
def test_every_field_of_the_config_that_a_document_names_exists(path: Path) -> None:
    named = {
        span
        for span in spans(path)
        if re.fullmatch(r"[a-z_]+(\.[a-z_0-9]+)+", span) and span.split(".")[0] in RunConfig.model_fields
    }
    assert [name for name in sorted(named - NO_FIELDS) if not _is_field(name)] == []


def _is_field(name: str) -> bool:
    first, *rest = name.split(".")
    model = RunConfig.model_fields.get(first)
    for word in rest:
        fields = getattr(getattr(model, "annotation", None), "model_fields", {})
        if word not in fields:
            return False
        model = fields[word]
    return True


@pytest.mark.parametrize("path", DOCUMENTS, ids=_named)
def test_every_yaml_example_is_valid_as_what_it_is(path: Path) -> None:
    for block in blocks(path, "yaml"):
        document = yaml.safe_load(block.code)
        if "study" in document:
            Study.model_validate(document["study"])
        elif "schedules" in document:
            for schedule in document["schedules"]:
                Schedule.model_validate(schedule)
        elif "tests" in document:
            Suite.model_validate({"name": path.stem, **document})
        elif "groups" in document:
            Terms.model_validate(document)
        else:
            parse_config(document["parameters"], name=path.name)


@pytest.mark.parametrize("path", DOCUMENTS, ids=_named)
def test_every_command_that_a_block_shows_is_parsed_by_the_real_command_line(path: Path) -> None:
    for block in blocks(path, "bash", "sh"):
        for words in calls(block.code):
            name, command, rest = find_command(words)
            assert command is not None, f"{path.name}: agile {' '.join(words)}"
            if name != "agile":  # its own options, `--version` say, end it at once
                command.make_context(name, list(rest))


@pytest.mark.parametrize("path", [*DOCUMENTS, *sorted((PROJECT / "configs").rglob("*.yaml"))], ids=_named)
def test_every_command_and_option_that_a_sentence_names_exists(path: Path) -> None:
    texts = _comments(path) if path.suffix == ".yaml" else spans(path)
    for text in texts:
        words = re.split(r"\s+", text)
        if words[:1] != ["agile"] or len(words) < 2 or not re.fullmatch(r"[a-z-]+", words[1]):
            continue
        _, command, rest = find_command(words[1:])
        assert command is not None, f"{path.name}: {text}"
        allowed = {"--help", *(option for parameter in getattr(command, "params", ()) for option in parameter.opts)}
        assert {word for word in rest if re.fullmatch(r"--[a-z-]+", word)} <= allowed, f"{path.name}: {text}"


def _comments(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("#     ").partition("#")[0].strip() for line in lines if line.startswith("#     ")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=_named)
def test_every_make_target_and_module_that_is_shown_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    code = "\n".join([*(block.code for block in blocks(path)), *spans(path)])
    assert set(re.findall(r"^(?:\w+=\S+ )*make ([a-z-]+)", code, re.MULTILINE)) <= targets
    modules = set(re.findall(r"python -m ((?:agile_classifier|benchmarks)[\w.]*)", code))
    assert [name for name in sorted(modules) if importlib.util.find_spec(name) is None] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=_named)
def test_every_name_that_a_python_example_imports_from_us_exists(path: Path) -> None:
    for block in blocks(path, "python"):
        for node in ast.walk(ast.parse(block.code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("agile_classifier."):
                spec = importlib.util.find_spec(node.module or "")
                assert spec is not None, f"{path.name}: {node.module}"
                assert {alias.name for alias in node.names} <= _top_level_names(Path(str(spec.origin))), (
                    f"{path.name}: {node.module}"
                )


def _top_level_names(path: Path) -> set[str]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def test_the_readme_can_be_read_whole() -> None:
    assert len(README.read_bytes()) <= LARGEST_README


@pytest.mark.parametrize("path", [README, CONTRIBUTING, CHANGELOG], ids=_named)
def test_every_relative_link_leads_to_a_file_and_every_anchor_to_a_heading(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        linked = path.parent / file if file else path
        assert linked.exists(), f"{path.name}: {target}"
        assert not anchor or anchor in _anchors(linked), f"{path.name}: {target}"


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_folders_of_the_readme_s_house_are_those_on_disk() -> None:
    drawn = next(block.code for block in blocks(README, "text") if block.code.startswith("pipelines/"))
    assert _drawn(drawn, indent=2) == _rooms(PROJECT / "agile_classifier")
    assert _drawn(drawn, indent=4) == _rooms(PROJECT / "agile_classifier" / "ops")
    assert all((PROJECT / folder).is_dir() for folder in _drawn(drawn, indent=0))


def _drawn(drawing: str, *, indent: int) -> set[str]:
    """The folders that stand before the gap of a line that is indented so far."""
    before_gap = re.findall(rf"^ {{{indent}}}(\S+/(?:  \S+/)*)", drawing, re.MULTILINE)
    return {folder for names in before_gap for folder in re.findall(r"(\w+)/", names)}


def _rooms(folder: Path) -> set[str]:
    """The folders that hold code: a folder that moved away leaves its bytecode behind."""
    return {path.relative_to(folder).parts[0] for path in folder.rglob("*.py") if path.parent != folder}


def test_every_step_is_in_the_readme_s_flow() -> None:
    steps = {path.stem for path in (PROJECT / "steps" / "training").glob("*.py")} - {"__init__"}
    assert steps | {"promote"} == set(re.findall(r"^\| `(\w+)` \|", README.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path != CHANGELOG], ids=_named)
def test_every_environment_variable_of_ours_is_read_by_code(path: Path) -> None:
    named = set(re.findall(r"\bAGILE_[A-Z_]+\b", path.read_text(encoding="utf-8")))
    assert [name for name in sorted(named) if name not in _sources()] == []


def _sources() -> str:
    folders = [PROJECT / name for name in ("agile_classifier", "configs", "steps", "tests")]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".yaml")]
    return "".join(path.read_text(encoding="utf-8") for path in files if path.parent.name != "docs")


def test_the_state_folder_is_where_the_readme_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AGILE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert f"`~/{home().relative_to(tmp_path)}`" in README.read_text(encoding="utf-8")


def test_the_manual_names_the_torch_that_is_pinned() -> None:
    dependencies = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    pinned = next(dependency for dependency in dependencies if dependency.startswith("torch=="))
    for page in ("install.md", "containers.md"):
        assert pinned in (PROJECT / "docs" / "how-to" / page).read_text(encoding="utf-8")


def test_the_changelog_begins_with_what_is_unreleased_and_has_the_version_of_the_package() -> None:
    headings = re.findall(r"^##+ (.+)$", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert headings[0] == "[Unreleased]"
    assert any(heading.startswith(f"[{version}] - ") for heading in headings)
    assert "Negative results" in headings


def test_the_documents_say_the_field_s_words() -> None:
    avoided = re.compile(r"\bhonest\w*|\bneutralis\w*|\bheld to be\b", re.IGNORECASE)
    assert {
        path.name: found for path in MANUAL if path.name != "results.md" and (found := avoided.findall(prose(path)))
    } == {}

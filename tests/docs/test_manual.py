"""The manual as a test: its commands say how they are tested, its generated parts are whole, and it builds."""

from __future__ import annotations

import importlib.util
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from agile_classifier import environment, errors
from agile_classifier.cli import app as cli
from agile_classifier.config.run import RunConfig
from tests.docs.pages import GUIDES, MANUAL, PROJECT, blocks, calls, command_names

DOCS = PROJECT / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/generate.py, which mkdocs runs."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_every_block_of_commands_says_how_it_is_tested(path: Path) -> None:
    for block in blocks(path, "bash"):
        assert block.mark, f"{path.name}: no run, tested or needs above: {block.code}"
        if block.mark == "run":
            assert block.detail in ("quickstart", "fresh"), f"{path.name}: {block.detail}"
        if block.mark == "tested":
            assert (PROJECT / str(block.detail)).exists(), f"{path.name}: {block.detail}"


def test_every_command_is_shown_by_a_guide_or_told_in_one() -> None:
    told = {" ".join(words[:2]) for path in MANUAL for block in blocks(path, "bash") for words in calls(block.code)}
    text = "".join(path.read_text(encoding="utf-8") for path in MANUAL)
    silent = [
        name
        for name in command_names()
        if f"agile {name}" not in text and name not in {word.split()[0] for word in told}
    ]
    assert silent == []


def test_every_page_has_its_place_in_the_navigation() -> None:
    listed = set(
        re.findall(r"[\w/-]+\.md", (PROJECT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2])
    )
    generated = {"tutorials/notebook.md", "changelog.md", "contributing.md"}
    assert listed == {path.relative_to(DOCS).as_posix() for path in MANUAL} | generated | {"results.md"}


def test_the_reference_holds_every_section_and_field_with_what_it_is(generate: ModuleType) -> None:
    drawn = generate.draw_config()
    rows = re.findall(r"^\| `([\w.]+)` \| (.+) \| (.+) \| (.*) \|$", drawn, re.MULTILINE)
    assert {name for name, *_ in rows} >= {
        "data.source",
        "data.columns.text",
        "fine_tune.early_stopping.metric",
        "promotion.run_noise",
    }
    assert [name for name, _, _, text in rows if not text.strip()] == []
    assert set(RunConfig.model_fields) == set(re.findall(r"^## `(\w+)`$", drawn, re.MULTILINE))


def test_the_reference_says_what_a_field_allows(generate: ModuleType) -> None:
    drawn = generate.draw_config()
    assert "| `labels.rule` | `median`, `quantile`, `value`, `given`, `any`, `many` | `median` |" in drawn
    assert "| `fine_tune.epochs` | whole number > 0, ≤ 10,000 | `3` |" in drawn
    assert "| `fine_tune.dropout` | number ≥ 0, < 1 | `0.1` |" in drawn
    address, cell = "text of up to 4,096 characters", "text of up to 2,000 characters"
    assert f"| `data.source` | {address} or list of {address} or `null` | `null` |" in drawn
    assert f"| `labels.names` | list of {cell} or `null` or mapping | `null` |" in drawn


def test_the_reference_holds_every_command_and_option(generate: ModuleType) -> None:
    drawn = generate.draw_cli()
    assert {name for name, _ in generate.iter_commands()} == set(re.findall(r"^## agile (.+)$", drawn, re.MULTILINE))
    assert all(command.help for _, command in generate.iter_commands())
    for _, command in generate.iter_commands():
        assert all(f"`{option.opts[-1]}" in drawn for option in command.params if option.param_type_name == "option")


def test_the_reference_holds_every_environment_variable_that_code_reads(generate: ModuleType) -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "agile_classifier").rglob("*.py"))
    stacks = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "configs" / "stacks").glob("*.yaml"))
    read = set(re.findall(r"[\"'](AGILE_[A-Z_]+|HF_TOKEN)[\"']", code)) | set(re.findall(r"\$\{([A-Z_]+)", stacks))
    assert read - set(environment.VARIABLES) == set()
    assert all(f"`{name}`" in generate.draw_environment() for name in environment.VARIABLES)


def test_the_reference_holds_every_step_with_its_artifacts(generate: ModuleType) -> None:
    drawn = generate.draw_steps()
    steps = {path.stem for path in (PROJECT / "steps").rglob("*.py")} - {"__init__"}
    assert set(re.findall(r"^### `(\w+)`$", drawn, re.MULTILINE)) == steps
    assert "- **makes** `train` (pd.DataFrame), `validation` (pd.DataFrame), `test` (pd.DataFrame)" in drawn
    assert drawn.index("`plan_cells`") < drawn.index("`run_cells`") < drawn.index("`gather_cells`")


def test_every_exit_code_is_named() -> None:
    mendable = {kind.exit_code for _, kind in inspect.getmembers(errors, inspect.isclass) if hasattr(kind, "exit_code")}
    stated = {int(code) for code in re.findall(r"\b\d+\b", cli.main.__doc__ or "")}
    named = re.findall(
        r"^\| (\d+) \|", (DOCS / "reference" / "exit-codes.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {0, 1, 2, 3} <= mendable | stated
    assert sorted(map(int, named)) == sorted(mendable | stated)


def test_the_manual_fetches_nothing_from_elsewhere() -> None:
    settings = yaml.safe_load((PROJECT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert settings["theme"]["font"] is False
    assert not re.search(r"https?://", "".join(map(str, settings["extra"]["polyfills"] + settings["extra_css"])))


def test_the_manual_builds_without_a_warning_and_its_pages_load_nothing_from_elsewhere(tmp_path: Path) -> None:
    if shutil.which("mkdocs", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("mkdocs is not installed (the extra `docs`)")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(MANUAL)
    for page in pages:
        loaded = re.findall(
            r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"?(https?://[^\" >]+)", page.read_text(encoding="utf-8")
        )
        assert loaded == [], page.name

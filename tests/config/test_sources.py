"""Local sources: relative ones count from the config's folder, then from the working directory, and become absolute once."""

from __future__ import annotations

from pathlib import Path

import pytest

from agile_classifier.config.files import load_config, read_parameters
from agile_classifier.errors import InputError

ADDRESSES = (
    "https://example.org/texts.csv",
    "hf://datasets/owner/name",
    "package://name==1.0/data/texts.csv",
    "/somewhere/texts.csv",
)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The config's folder, and the working directory beside it."""
    monkeypatch.delenv("AGILE_MIRROR", raising=False)
    config, here = tmp_path / "config", tmp_path / "here"
    config.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    return config, here


def write(folder: Path, *, data: str, model: str = "owner/name") -> Path:
    path = folder / "mine.yaml"
    sections = f"{{data: {{source: '{data}', columns: {{score: s}}}}, model: {{source: '{model}'}}, registry: {{model_name: mine}}}}"
    path.write_text(f"parameters: {sections}\n", encoding="utf-8")
    return path


def test_a_relative_source_counts_from_the_folder_of_the_config(folders: tuple[Path, Path]) -> None:
    config, here = folders
    for folder in folders:
        (folder / "texts.csv").touch()
    assert load_config(write(config, data="texts.csv")).data.source == str(config / "texts.csv")
    assert load_config(Path("../config/mine.yaml")).data.source == str(config / "texts.csv")
    (config / "texts.csv").unlink()
    assert load_config(config / "mine.yaml").data.source == str(here / "texts.csv")


def test_what_the_command_line_sets_is_located_too(folders: tuple[Path, Path]) -> None:
    config, here = folders
    (here / "others.csv").touch()
    path = write(config, data="gone.csv")
    assert load_config(path, overrides=("data.source=others.csv",)).data.source == str(here / "others.csv")


def test_a_file_within_an_archive_is_found_by_its_archive(folders: tuple[Path, Path]) -> None:
    config, _ = folders
    (config / "texts.zip").touch()
    found = load_config(write(config, data="texts.zip!/inner/texts.csv")).data.source
    assert found == f"{config / 'texts.zip'}!/inner/texts.csv"


def test_a_local_model_is_located_and_a_model_of_the_hub_is_let_be(folders: tuple[Path, Path]) -> None:
    config, _ = folders
    (config / "texts.csv").touch()
    path = write(config, data="texts.csv", model="owner/name")
    assert load_config(path).model.source == "owner/name"
    (config / "owner" / "name").mkdir(parents=True)
    assert load_config(path).model.source == str(config / "owner" / "name")


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses_and_absolute_paths_are_let_be(folders: tuple[Path, Path], address: str) -> None:
    assert load_config(write(folders[0], data=address)).data.source == address


def test_a_source_in_neither_place_is_one_line_that_names_both(folders: tuple[Path, Path]) -> None:
    config, here = folders
    path = write(config, data="texts.csv")
    with pytest.raises(InputError) as refused:
        load_config(path, needs_sources=True)
    said = f"{path}: data.source texts.csv: no such file or folder in {config} nor in {here}"
    assert str(refused.value) == said
    assert load_config(path).data.source == "texts.csv"


def test_a_model_folder_in_neither_place_is_refused_where_it_can_be_no_hub_id(folders: tuple[Path, Path]) -> None:
    config, _ = folders
    (config / "texts.csv").touch()
    with pytest.raises(InputError, match=r"model\.source \./model: no such file or folder in .*config nor in .*here"):
        load_config(write(config, data="texts.csv", model="./model"), needs_sources=True)


def test_a_mirror_may_hold_what_is_in_neither_place(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror"
    (mirror / "deep").mkdir(parents=True)
    monkeypatch.setenv("AGILE_MIRROR", str(mirror))
    path = write(folders[0], data="texts.csv")
    with pytest.raises(InputError, match=rf", nor in the mirror {mirror}$"):
        load_config(path, needs_sources=True)
    (mirror / "deep" / "texts.csv").touch()
    assert load_config(path, needs_sources=True).data.source == "texts.csv"


def test_a_run_that_another_process_starts_counts_from_where_it_will_stand(folders: tuple[Path, Path]) -> None:
    config, here = folders
    (here / "texts.csv").touch()
    path = write(config, data="texts.csv")
    with pytest.raises(InputError, match=f"in {config} nor in {config.parent}$"):
        load_config(path, here=config.parent, needs_sources=True)


def test_what_is_no_section_is_left_to_the_validation(folders: tuple[Path, Path]) -> None:
    path = folders[0] / "odd.yaml"
    path.write_text("parameters: {data: [a], model: {source: 3}}\n", encoding="utf-8")
    assert read_parameters(path) == {"data": ["a"], "model": {"source": 3}}

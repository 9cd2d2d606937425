"""Addresses of registered versions, and what `model.start_from` allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agile_classifier.config.addresses.version import VersionAddress, read_version_address
from agile_classifier.config.files import load_config, parse_config
from agile_classifier.errors import InputError

SECTIONS: dict[str, Any] = {
    "data": {"source": "a.csv", "columns": {"text": "text", "score": "score"}},
    "model": {"source": "models/mini"},
    "registry": {"model_name": "a"},
}


def parse(start: str, **fine_tune: Any) -> Any:
    sections = {**SECTIONS, "model": {"source": "m", "start_from": start}, "fine_tune": fine_tune}
    return parse_config(sections, name="a.yaml")


def test_an_address_names_an_alias_or_a_number() -> None:
    assert read_version_address("models:/my model@champion") == VersionAddress("my model", "champion", None)
    assert read_version_address("models:/a/12") == VersionAddress("a", None, "12")
    assert read_version_address("exports/a") is None


@pytest.mark.parametrize(
    "address", ["models:/a", "models:/a/0", "models:/a@", "models://a/1", "models:/a/1@b", "s3://b/a"]
)
def test_an_address_of_another_form_is_one_line(address: str) -> None:
    with pytest.raises(InputError, match=r"model\.start_from.*models:/NAME@ALIAS or models:/NAME/VERSION"):
        parse(address)


def test_a_start_and_loftq_exclude_each_other() -> None:
    with pytest.raises(InputError, match="both say what the adapter starts at"):
        parse("models:/a@champion", initialization="loftq")


def test_a_folder_counts_from_the_config_s_own_and_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, texts = tmp_path / "a.yaml", tmp_path / "a.csv"
    texts.write_text("text,score\n")
    (tmp_path / "starts" / "mine").mkdir(parents=True)
    monkeypatch.chdir("/")
    written = "parameters:\n  data: {source: a.csv, columns: {text: text, score: score}}\n  registry: {model_name: a}\n"
    config.write_text(written + "  model: {source: some/model, start_from: starts/mine}\n")
    loaded = load_config(config, needs_sources=True)
    assert loaded.model.start_from == str((tmp_path / "starts" / "mine").resolve())
    config.write_text(written + "  model: {source: some/model, start_from: 'models:/mine@champion'}\n")
    assert load_config(config, needs_sources=True).model.start_from == "models:/mine@champion"
    config.write_text(written + "  model: {source: some/model, start_from: starts/other}\n")
    with pytest.raises(InputError, match=r"model\.start_from starts/other: no such file or folder"):
        load_config(config, needs_sources=True)

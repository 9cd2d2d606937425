"""Damaged files: a short sample of `python -m benchmarks.front_door.fuzz`, and that it notices a word that is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.formats.row import Row
from benchmarks.front_door.fuzz import Fault, check, fuzz, require_words, write_seeds


def test_damaged_files_are_read_or_refused_by_a_line(tmp_path: Path) -> None:
    found = fuzz(tmp_path, n_files=300, seed=1)
    assert found.faults == []
    assert sum(found.outcomes.values()) == 300
    assert set(found.outcomes) == {"read", "refused", "with a row refused"}


def test_every_sound_file_is_read(tmp_path: Path) -> None:
    for suffix, content in write_seeds():
        path = tmp_path / f"rows{suffix}"
        path.write_bytes(content)
        assert check(path) == "read", suffix


def test_a_word_that_is_lost_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text\nlovely day\nawful day\n")
    with pytest.raises(Fault, match="awful"):
        require_words(path, Dialect(), ["text"], [Row(1, {"text": "lovely day"})])

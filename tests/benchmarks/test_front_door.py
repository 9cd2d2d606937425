"""`agile init` on files of the kinds that people bring: what is right stands in `benchmarks/front_door/guesses.yaml`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from agile_classifier.cli.app import main
from benchmarks.front_door.guesses import FILES, Ended, Guess, examine, read_guesses

GUESSES = read_guesses()


@pytest.mark.parametrize("guess", GUESSES, ids=[guess.file for guess in GUESSES])
def test_init_reads_a_stranger_s_file_rightly_or_asks(
    guess: Guess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def run(words: Sequence[str]) -> Ended:
        monkeypatch.setattr("sys.argv", ["agile", *words])
        monkeypatch.setattr("sys.stdin", io.StringIO())
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capfd.readouterr()
        return Ended(int(ended.value.code or 0), printed.out + printed.err)

    assert examine(guess, tmp_path, run) == ""


def test_every_kind_of_file_is_tried() -> None:
    """The others need a trained version: `python -m benchmarks.front_door` tries them from end to end."""
    tried = {Path(guess.file).parts[0] for guess in GUESSES}
    assert {folder.name for folder in FILES.iterdir()} - tried == {
        "bom", "default-column", "gold-column", "readme-joins-files", "roberta-514",
        "schedule-relative-source", "score-other-encoding", "tsv-quotes-score",
    }  # fmt: skip

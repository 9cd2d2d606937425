"""Failures: which error becomes which exit code, and what a person reads."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest
from docker.errors import ContainerError

from agile_classifier.errors import GateRefused, InputError, leaks, redact
from agile_classifier.ops.runs.failures import explain


def chained(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def met_on_the_way(error: Exception, context: Exception) -> Exception:
    error.__context__ = context
    return error


FULL = OSError(errno.ENOSPC, "No space left on device")
NO_ROOM = [
    ("a full disk", FULL),
    ("a read-only disk", OSError(errno.EROFS, "Read-only file system")),
    ("a full quota", OSError(errno.EDQUOT, "Disk quota exceeded")),
    ("a full database", sqlite3.OperationalError("database or disk is full")),
    ("a full disk behind a library's error", chained(ValueError("cannot save"), FULL)),
    ("a full disk on the way to another error", met_on_the_way(KeyError("step"), FULL)),
    ("a full disk two errors down", chained(ValueError("b"), met_on_the_way(KeyError("a"), FULL))),
    ("a full disk told by a child process", RuntimeError("failed:\nI/O error: No space left on device (os error 28)")),
]
CODES = [
    ("bad input", InputError("row 3: no text"), 2, False),
    (
        "bad input behind a library's error",
        chained(RuntimeError("step failed"), InputError("row 3: no text")),
        2,
        False,
    ),
    ("a gate", GateRefused("p95 is 80 ms, 50 ms are allowed"), 3, False),
    ("a file that is gone", FileNotFoundError(errno.ENOENT, "No such file", "x"), 1, False),
    ("a server that is down", chained(RuntimeError("cannot connect"), ConnectionRefusedError("refused")), 1, False),
    ("a defect", KeyError("label"), 1, True),
    ("a defect met while bad input was handled", met_on_the_way(KeyError("label"), InputError("row 3")), 1, True),
]


@pytest.mark.parametrize(("error"), [error for _, error in NO_ROOM], ids=[name for name, _ in NO_ROOM])
def test_no_room_names_the_state_folder_wherever_it_hides(
    error: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AGILE_HOME", str(tmp_path))
    failure = explain(error)
    assert failure.exit_code == 2
    assert not failure.is_defect
    assert f"AGILE_HOME {tmp_path}" in failure.line
    assert "\n" not in failure.line


@pytest.mark.parametrize(
    ("error", "exit_code", "is_defect"), [case[1:] for case in CODES], ids=[case[0] for case in CODES]
)
def test_an_error_has_the_exit_code_of_its_kind(error: Exception, exit_code: int, is_defect: bool) -> None:
    failure = explain(error)
    assert (failure.exit_code, failure.is_defect) == (exit_code, is_defect)
    assert "\n" not in failure.line


def test_a_sentence_of_the_project_itself_is_no_defect_and_a_library_s_runtime_error_is() -> None:
    from agile_classifier.config.split import SplitConfig
    from agile_classifier.data.splits import split_shuffle
    from agile_classifier.ops.state.home import _run

    with pytest.raises(RuntimeError) as stated:
        _run(["false"])
    assert not explain(stated.value).is_defect
    assert explain(stated.value).line.startswith("false failed")
    with pytest.raises(TypeError) as defect:
        split_shuffle("many", SplitConfig())  # type: ignore[arg-type]
    assert explain(defect.value).is_defect


def test_an_error_that_is_its_own_cause_ends() -> None:
    error = ValueError("round and round")
    error.__context__ = chained(KeyError("a"), error)
    assert explain(error).exit_code == 1


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter22")
    monkeypatch.setenv("HF_TOKEN", "hf_abcdef")
    shown = redact(
        "http://ann:geheim@host:5000/a?token=hf_abcdef refused hunter22, sqlite:///home/a.db and https://h/x@y"
    )
    assert shown == "http://***@host:5000/a?token=*** refused ***, sqlite:///home/a.db and https://h/x@y"
    assert "hunter22" not in explain(OSError("hunter22")).line


def test_words_that_only_look_like_secrets_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setenv("EMPTY_TOKEN", "")
    assert redact("it is false") == "it is false"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://example.org/?key=sentinel-key", ["TOY_API_KEY"]),
        ("word", ["TOY_PASSWORD"]),
        ("a word in a sentence", []),
        ("https://user:word@example.org", ["an address with credentials"]),
        ("https://example.org", []),
    ],
)
def test_a_text_gives_away_a_secret_of_the_environment(
    text: str, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_API_KEY", "sentinel-key")
    monkeypatch.setenv("TOY_PASSWORD", "word")  # so short that it may stand in any text
    assert leaks(text) == found


def in_container(printed: str, exit_status: int = 1) -> Exception:
    """What the engine raises for a step of the pipeline."""
    command = ["--snapshot_id", "5ea950a4", "--step_name", "ingest"]
    return ContainerError(None, exit_status, command, "agile-classifier/steps", printed.encode())


@pytest.mark.parametrize(
    ("error", "exit_code", "line"),
    [
        (
            in_container("Traceback\nagile_classifier.errors.InputError: row 3: no text\n"),
            2,
            "step ingest: row 3: no text",
        ),
        (in_container("agile_classifier.errors.GateRefused: 80 ms"), 3, "step ingest: 80 ms"),
        (in_container("Traceback\nKeyError: 'label'"), 1, "step ingest: KeyError: 'label'"),
        (in_container("", 137), 1, "step ingest: its container was killed"),
    ],
    ids=["bad input", "a gate", "a defect", "no memory"],
)
def test_an_error_in_a_step_s_container_is_told_as_if_it_were_here(error: Exception, exit_code: int, line: str) -> None:
    failure = explain(error)
    assert (failure.exit_code, failure.is_defect) == (exit_code, False)
    assert failure.line.startswith(line)


def test_a_full_disk_is_told_from_a_step_s_container_too() -> None:
    assert "no room left" in explain(in_container("OSError: [Errno 28] No space left on device")).line

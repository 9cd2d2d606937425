"""The run that scores a place: its steps, the processes that score side by side, and what each of the commands says."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from agile_classifier.config.reading import ReadingOptions
from agile_classifier.errors import InputError
from tests.toys.toy_places import TEXTS, Store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]


@pytest.fixture(autouse=True)
def _store_of_children(registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that a run starts find the registry of the test."""
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow.get_tracking_uri())


def agile(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    from agile_classifier.cli import app as cli

    monkeypatch.setattr(sys, "argv", ["agile", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def command(store: Store, *more: str) -> list[str]:
    return ["score", "--input", store.address("in/"), "--output", store.address("out/"), "--model", "toy", *more]


def scored(store: Store) -> dict[str, bytes]:
    return {name: store.read(name) for name in store.names() if name.startswith("out/") and "/_" not in name}


def test_a_place_is_scored_by_a_run_and_by_two_processes_to_the_same_rows(
    bucket: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from zenml.client import Client

    assert agile(monkeypatch, *command(bucket)) == 0
    said = capsys.readouterr()
    assert said.out.startswith("6 rows of 3 parts scored into s3://words/out/ by toy version 1 (")
    assert "s3://words/in/: 3 parts, 3 to score" in said.err
    assert "1/3 monday.csv: 3 rows, 1 rejected, in " in said.err
    (run_id,) = {part["run_id"] for part in json.loads(bucket.read("out/_manifest.json"))["parts"]}
    run = Client().get_pipeline_run(run_id)
    assert run.pipeline is not None
    assert run.pipeline.name == "scoring_parts"
    facts = run.steps["gather_parts"].outputs["scored_parts"][0].load()
    assert (facts["n_parts"], facts["n_rows"], facts["n_rejected"]) == (3, 7, 1)
    assert "parts" not in facts
    alone = scored(bucket)

    assert agile(monkeypatch, *command(bucket)) == 0
    assert capsys.readouterr().out == "s3://words/out/: all 3 parts are scored already; nothing to do\n"

    for name in bucket.names():
        if name.startswith("out/"):
            bucket.delete(name)
    assert agile(monkeypatch, *command(bucket, "--parts", "2", "--stack", "local")) == 0
    (other,) = {part["run_id"] for part in json.loads(bucket.read("out/_manifest.json"))["parts"]}
    assert {name: content.replace(other.encode(), run_id.encode()) for name, content in scored(bucket).items()} == alone
    steps = Client().get_pipeline_run(other).steps
    assert sum(name.startswith(("map:score_parts", "score_parts")) for name in steps) >= 2


def test_a_place_in_an_emulated_store_is_scored_by_a_run(
    emulated: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert agile(monkeypatch, *command(emulated)) == 0
    out = emulated.address("out/")
    assert capsys.readouterr().out.startswith(f"6 rows of 3 parts scored into {out} by toy version 1 (")
    assert agile(monkeypatch, *command(emulated)) == 0
    assert capsys.readouterr().out == f"{out}: all 3 parts are scored already; nothing to do\n"
    assert (
        agile(monkeypatch, *command(emulated)[:2], emulated.address("gone/"), "--output", out) == InputError.exit_code
    )
    assert (
        capsys.readouterr().err.splitlines()[-1].startswith(f"agile: error: {emulated.address('gone/')}: there is no ")
    )


def test_a_part_that_cannot_be_scored_fails_the_run_in_a_line_and_the_same_command_goes_on(
    folder: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.put("in/broken.csv", "id,text\n1,\n")
    assert agile(monkeypatch, *command(folder)) == InputError.exit_code
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert complaint.startswith(f"agile: error: {folder.address('in/')}: 1 part could not be scored: ")
    assert "broken.csv: no row of 1 could be scored" in complaint
    folder.delete("in/broken.csv")
    assert agile(monkeypatch, *command(folder)) == 0
    assert "3 parts (3 of them before) scored into" in capsys.readouterr().out


def test_mistakes_at_the_terminal_are_one_line(
    folder: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mistakes = [
        (command(folder, "--evaluate"), "--evaluate: goes with --input of a file of this machine"),
        (command(folder, "--prediction-ids"), "--prediction-ids: goes with --input of a file of this machine"),
        (command(folder, "--parts", "0"), "Invalid value for '--parts'"),
        (command(folder, "--stack", "kubernets"), "no stack 'kubernets' in"),
        (["monitor", folder.address("in/"), "--model", "toy"], "in/: holds no _manifest.json"),
        (["monitor", folder.address("in/monday.csv"), "--stack", "local"], "--stack: goes with a folder or prefix"),
    ]
    for words, said in mistakes:
        assert agile(monkeypatch, *words) == InputError.exit_code
        complaint = capsys.readouterr().err.splitlines()[-1]
        assert said in complaint
    assert not [name for name in folder.names() if name.startswith("out/")]


def task_of(store: Store) -> Any:
    from agile_classifier.ops.scoring.parts.job import Task
    from agile_classifier.ops.scoring.parts.plan import begin, plan_job
    from agile_classifier.ops.scoring.parts.run import make_job

    job = make_job(
        store.address("in/"), store.address("out/"), options=ReadingOptions(), prefix=None, model_name="toy",
        version="1", strict=False, suffix="",
    )  # fmt: skip
    return Task(job=job, run_id=begin(job, "run-1"), begun=0.0, n_processes=2, parts=plan_job(job).parts)


def test_a_process_that_is_killed_is_told_of_and_what_it_had_done_stays(
    folder: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.scoring.parts import work

    task, dying = task_of(folder), "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with monkeypatch.context() as patch:
        patch.setattr(work, "module_command", lambda _: [sys.executable, "-c", dying])
        with pytest.raises(RuntimeError, match=r"a process that scored 3 parts of .*in/ ended by signal SIGKILL"):
            work.score_apart(task)
    assert [outcome.name for outcome in work.score_apart(task)] == list(TEXTS)

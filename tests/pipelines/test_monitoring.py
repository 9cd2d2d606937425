"""Scoring and monitoring, whole: a real tiny model, trained once, scores files and is held against its reference."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.config.run import RunConfig
from agile_classifier.errors import GateRefused, InputError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]

NAME = "watched"


@pytest.fixture(scope="module")
def trained(
    config_of: Callable[..., RunConfig],
    tiny_model: Path,
    tiny_examples: pd.DataFrame,
    tmp_path_factory: pytest.TempPathFactory,
) -> RunConfig:
    """A champion that was judged on 160 rows: enough to hold a batch against."""
    from mlflow import MlflowClient

    from pipelines.training import training

    folder = tmp_path_factory.mktemp("watched")
    data = folder / "examples.csv"
    more = pd.concat([tiny_examples.assign(text=tiny_examples["text"] + end) for end in ("", " day", " song")])
    more.assign(id=range(len(more))).to_csv(data, index=False)
    config = config_of(data, NAME, model__source=str(shutil.copytree(tiny_model, folder / "base")), split__train=180,
        split__validation=20, data_quality={"leaks_limit": None, "duplicates_limit": None},
        fine_tune={"epochs": 6, "rank": 4, "learning_rate": 1e-2, "batch_size": 16}, monitoring={"min_rows": 60, "length_psi": 1.0})  # fmt: skip
    training(**{section: getattr(config, section) for section in RunConfig.model_fields})
    MlflowClient().set_registered_model_alias(NAME, "champion", "1")  # whatever its baselines can do on a toy
    return config


@pytest.fixture
def batch(tiny_examples: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "batch.csv"
    tiny_examples.assign(text=tiny_examples["text"] + " day")[["id", "text"]].to_csv(path, index=False)
    return path


def agile(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    from agile_classifier.cli import app as cli

    monkeypatch.setattr(sys, "argv", ["agile", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def look(path: Path, on_drift: str | None = None) -> Any:
    from agile_classifier.ops.scoring import drift_response

    return drift_response.look(path, model_name=NAME, on_drift=on_drift)


def test_a_file_is_scored_by_a_run_on_the_dashboard_as_texts_are_scored_alone(
    trained: RunConfig, batch: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from zenml.client import Client

    from agile_classifier.ops.scoring.champion import score_texts

    batch.write_text(batch.read_text() + "121,\n")
    output = batch.with_name("scored.jsonl")
    assert agile(monkeypatch, "score", "--input", str(batch), "--output", str(output), "--model", NAME) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"120 rows scored into {output} by {NAME} version 1 (")
    assert f"1 row could not be scored: {batch.with_name('scored.rejected.jsonl')}" in said
    scored = pd.read_json(output, lines=True, dtype=False)
    alone = score_texts(list(scored["text"]), model_name=NAME)
    assert list(scored["label"]) == list(alone["label"])
    probabilities = [name for name in scored if name.startswith("probability_")]
    assert np.allclose(scored[probabilities], alone[probabilities], atol=1e-5)
    (run_id,) = set(scored["run_id"])
    run = Client().get_pipeline_run(run_id)
    assert run.pipeline is not None
    assert run.pipeline.name == "scoring"
    facts = run.steps["score_file"].outputs["scored_file"][0].load()
    assert (facts["n_rows"], facts["n_rejected"], facts["model_version"]) == (121, 1, "1")
    assert run.steps["score_file"].run_metadata["n_scored"] == 120


def test_a_file_is_read_as_the_options_say_and_a_config_would(
    trained: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ['"schön is the day', 'a "fine" film', "dull and cold,"]
    source, output = tmp_path / "batch.txt", tmp_path / "scored.jsonl"
    source.write_bytes("".join(f"{number}|{text}\n" for number, text in enumerate(texts)).encode("cp1252"))
    how = ("--delimiter", "|", "--encoding", "cp1252", "--no-quoting", "--column-names", "id,text")
    assert agile(monkeypatch, "score", "--input", str(source), "--output", str(output), "--model", NAME, *how) == 0
    assert list(pd.read_json(output, lines=True, dtype=False)["text"]) == texts
    queue = ["queue", "--pool", str(source), "--output", str(tmp_path / "next.csv"), "--model", NAME]
    assert agile(monkeypatch, *queue, *how) == 0
    assert "3 of 3 rows chosen by watched version 1" in capsys.readouterr().out
    assert agile(monkeypatch, "monitor", str(source), "--model", NAME, *how) == InputError.exit_code
    assert "3 rows; fewer than monitoring.min_rows" in capsys.readouterr().err


@pytest.fixture
def trained_on_a_spreadsheet(trained: RunConfig) -> Iterator[None]:
    """The version as one that learnt from a semicolon-separated cp1252 file whose texts stand in `comment`."""
    from agile_classifier.ops.registry import versions as registry
    from agile_classifier.ops.registry.contents import version_files

    recorded = version_files.read_config(NAME, "1")
    how = {"source": "excel.csv", "delimiter": ";", "encoding": "cp1252", "columns": {"text": "comment"}}
    registry.tag_version(NAME, "1", {"config": json.dumps({**recorded, "data": {**recorded["data"], **how}})})
    yield
    registry.tag_version(NAME, "1", {"config": json.dumps(recorded)})


def test_every_command_reads_a_file_as_the_version_was_trained_and_says_so(
    trained: RunConfig,
    trained_on_a_spreadsheet: None,
    tiny_examples: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from agile_classifier.ops.registry.contents import version_files

    texts, names = list(tiny_examples["text"] + " schön"), version_files.read_spec(NAME, "1").class_names
    gold = [names[int(score >= 0.5)] for score in tiny_examples["score"]]
    lines = [f"{number};{text};{label}\r\n" for number, (text, label) in enumerate(zip(texts, gold, strict=True))]
    source, output = tmp_path / "neu.csv", tmp_path / "scored.csv"
    source.write_bytes("".join(["n;comment;label\r\n", *lines]).encode("cp1252"))
    to = ["--output", str(output), "--model", NAME]
    assert agile(monkeypatch, "score", "--input", str(source), *to, "--evaluate") == 0
    said = capsys.readouterr()
    how = "read as the config of watched version 1 says: delimiter ';', encoding cp1252, column 'comment'"
    assert f"{source}: {how}" in said.err
    assert said.out.splitlines()[-1].startswith("against column 'label', 120 rows: accuracy ")
    assert output.read_bytes().startswith(b"\xef\xbb\xbfn;comment;label;predicted_label;probability_")
    scored = pd.read_csv(output, sep=";")
    assert list(scored["comment"]) == texts
    assert list(scored["label"].astype(str)) == gold
    queue = ["queue", "--pool", str(source), "--output", str(tmp_path / "next.csv"), "--model", NAME, "--count", "3"]
    assert agile(monkeypatch, *queue) == 0
    assert f"{source}: {how}" in capsys.readouterr().err
    assert set(pd.read_csv(tmp_path / "next.csv", sep=";")["comment"]) < set(texts)
    found = [look(path) for path in (source, output)]
    assert [seen.sentence.replace(str(output), str(source)) for seen in found] == [found[0].sentence] * 2


def test_a_mistake_at_the_terminal_is_one_line_and_no_traceback(
    trained: RunConfig, batch: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    batch.write_text(batch.read_text() + "121,\n")
    to = ["--output", str(batch.with_name("scored.csv")), "--model", NAME]
    mistakes = [
        (["score", "--input", "gone.csv", *to], "gone.csv: no such file"),
        (["score", "--input", str(batch), *to, "--version", "9"], "no version 9"),
        (["score", "--input", str(batch), *to, "--strict"], "row 121 (line 122): column 'text': the text is ''"),
        (
            ["score", "--input", str(batch), *to, "--evaluate"],
            "no column 'label' (--label-column); there are 'id', 'text'",
        ),
        (
            ["score", "--input", str(batch), *to, "--column", "txt"],
            "no column 'txt' (--column); there are 'id', 'text'",
        ),
        (["monitor", str(batch), "--model", NAME, "--on-drift", "maybe"], "--on-drift maybe: allowed are"),
    ]
    for arguments, said in mistakes:
        assert agile(monkeypatch, *arguments) == InputError.exit_code
        complaint = capsys.readouterr().err
        assert complaint.splitlines()[-1].startswith("agile: error: ")
        assert said in complaint.splitlines()[-1]
        assert "Traceback" not in complaint
    assert [path.name for path in batch.parent.iterdir()] == ["batch.csv"]


def test_a_batch_like_the_test_rows_has_not_drifted_and_one_of_other_words_has(
    trained: RunConfig, batch: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], receiver: Any
) -> None:
    found = look(batch)
    assert not found.is_drift, found.sentence
    assert found.report.read_text(encoding="utf-8").startswith("<!doctype html>")
    other = batch.with_name("other.csv")
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(["fine", "lovely", "warm", "zebra", "quark"], 30)) for _ in range(100)]
    pd.DataFrame({"text": texts}).to_csv(other, index=False)
    assert agile(monkeypatch, "monitor", str(other), "--model", NAME) == 0
    warned = capsys.readouterr()
    assert "Drift in " in warned.out
    assert "agile: warning: Drift in " in warned.err
    assert "unknown tokens" in warned.err
    assert agile(monkeypatch, "monitor", str(other), "--model", NAME, "--on-drift", "refuse") == GateRefused.exit_code
    assert "monitoring.on_drift is refuse" in capsys.readouterr().err
    assert receiver.kinds() == ["drift.found", "drift.found"]
    assert [notice["data"]["response"] for notice in receiver.notices] == ["warn", "refuse"]


def test_scored_parts_are_held_against_the_reference_as_one_file_of_the_same_rows(
    trained: RunConfig, batch: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, parts, scored = pd.read_csv(batch, dtype=str), batch.with_name("in"), batch.with_name("out")
    (parts / "later").mkdir(parents=True)
    rows[:50].to_csv(parts / "a.csv", index=False)
    rows[50:].to_csv(parts / "later" / "b.csv", index=False)
    to = ["--input", f"{parts}/", "--output", f"{scored}/", "--model", NAME]
    assert agile(monkeypatch, "score", *to) == 0
    whole = look(batch)
    capsys.readouterr()
    assert agile(monkeypatch, "monitor", f"{scored}/", "--model", NAME) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == whole.sentence.replace(batch.name, f"2 parts of {scored}/")
    assert said[2] == whole.quality
    assert agile(monkeypatch, "monitor", f"{scored}/", "--model", "other") == InputError.exit_code
    assert f"was scored by {NAME}, not by --model other" in capsys.readouterr().err


def test_drift_trains_again_as_the_version_was_trained(trained: RunConfig) -> None:
    from agile_classifier.ops.scoring import drift_response, monitoring

    asked: list[RunConfig] = []
    seen = drift_response.Seen("Drift in scores", True, Path("report.html"), "train", NAME, "1", "none")
    drift_response.respond(seen, lambda config: asked.append(config))
    assert asked == [trained]
    assert monitoring.settings_of(NAME, "1", on_drift=None) == trained.monitoring
    other = trained.model_copy(update={"monitoring": MonitoringConfig(min_rows=7)})
    assert monitoring.settings_of(NAME, "1", on_drift="refuse", config=other) == MonitoringConfig(
        min_rows=7, on_drift="refuse"
    )
    drift_response.respond(replace(seen, config=other), lambda config: asked.append(config))
    assert asked.pop() == other
    with pytest.raises(InputError, match="--on-drift maybe: allowed are warn, refuse, train"):
        monitoring.settings_of(NAME, "1", on_drift="maybe")
    drift_response.respond(drift_response.Seen("", False, Path(), "train", NAME, "1", "none"), asked.append)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("is_drift", "is_decay", "on_drift", "on_decay", "n_trainings", "told"),
    [
        (False, True, "warn", "train", 1, ["decay.found"]),
        (False, True, "warn", "warn", 0, ["decay.found"]),
        (False, True, "refuse", "warn", 0, ["decay.found"]),
        (True, True, "train", "train", 1, ["drift.found", "decay.found"]),
        (False, False, "train", "train", 0, []),
    ],
)
def test_decay_is_warned_of_or_trains_once(
    trained: RunConfig, receiver: Any, capsys: pytest.CaptureFixture[str], is_drift: bool, is_decay: bool, on_drift: str,
    on_decay: str, n_trainings: int, told: list[str],
) -> None:  # fmt: skip
    from agile_classifier.ops.scoring import drift_response

    asked: list[RunConfig] = []
    seen = drift_response.Seen(
        "Drift in scores", is_drift, Path("report.html"), on_drift, NAME, "1", f"run {on_drift}", trained,
        quality="Decay: recall", is_decay=is_decay, on_decay=on_decay,
    )  # fmt: skip
    drift_response.respond(seen, asked.append)
    assert asked == [trained] * n_trainings
    assert receiver.kinds() == told
    assert ("agile: warning: Decay: recall" in capsys.readouterr().err) == is_decay


def test_verdicts_on_a_scored_file_are_told_beside_its_drift(
    trained: RunConfig, batch: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from agile_classifier.ops.registry.contents import version_files

    output, judged = batch.with_name("scored.csv"), batch.with_name("judged.csv")
    to = ["--output", str(output), "--model", NAME, "--prediction-ids"]
    assert agile(monkeypatch, "score", "--input", str(batch), *to) == 0
    scored, names = pd.read_csv(output, dtype=str), version_files.read_spec(NAME, "1").class_names
    scored.assign(verdict=names[0]).to_csv(judged, index=False)
    assert agile(monkeypatch, "feedback", str(judged), "--person", "mo", "--sampling-probability", "1") == 0
    assert f"{judged}: 120 verdicts stored" in capsys.readouterr().out
    assert agile(monkeypatch, "monitor", str(output), "--model", NAME, "--on-decay", "warn") == 0
    said = capsys.readouterr()
    assert f"Decay: precision of {names[1]!r} 0.00 [0.00, 0." in said.out
    assert "agile: warning: Decay: " in said.err
    report = Path(said.out.split("report: ")[-1].strip())
    assert "verdict bad" in report.read_text(encoding="utf-8")
    for arguments, line in (
        (["feedback", str(output)], "no column 'verdict' (--verdict-column)"),
        (["feedback", str(judged), "--sampling-probability", "2"], "Invalid value for '--sampling-probability'"),
        (["monitor", str(output), "--model", NAME, "--on-decay", "refuse"], "--on-decay refuse: allowed are warn, train"),
        (["score", "a text", "--prediction-ids"], "--prediction-ids goes with --input"),
    ):  # fmt: skip
        assert agile(monkeypatch, *arguments) == InputError.exit_code
        assert line in capsys.readouterr().err


def test_the_training_that_drift_starts_is_a_run_of_the_training_pipeline(trained: RunConfig) -> None:
    from agile_classifier.ops.promotion.runs import train
    from agile_classifier.ops.scoring import monitoring

    run = train(monitoring.config_to_train_again(NAME, "1"))
    assert run.status.is_successful
    reused = {name for name, step in run.steps.items() if step.status.value == "cached"}
    assert {"fine_tune", "evaluate", "register"} <= reused  # the data are the same: nothing is learnt twice


REFUSED = [
    ("few rows", lambda rows: rows.head(5), "5 rows; fewer than monitoring.min_rows (60)"),
    ("two versions", lambda rows: rows.assign(model_version=["1"] * 60 + ["2"] * 60), "rows of versions 1, 2"),
    ("a version that is not there", lambda rows: rows.assign(model_version="9"), "no version 9"),
    ("a probability that is none", lambda rows: rows.assign(probability_0="much"), "row 1 (line 2): no numbers in"),
    ("an unknown label", lambda rows: rows.assign(label="maybe"), "label 'maybe'"),
    ("no texts", lambda rows: rows.drop(columns="text"), "no text in column 'text'"),
]


@pytest.mark.parametrize(("change", "said"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_cannot_be_compared_is_refused(
    trained: RunConfig, batch: Path, change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    from agile_classifier.ops.registry.contents import version_files
    from agile_classifier.ops.scoring import monitoring
    from agile_classifier.ops.scoring.champion import score_texts

    rows = pd.read_csv(batch, dtype=str)
    names = version_files.read_spec(NAME, "1").class_names
    scored = pd.concat([rows, score_texts(list(rows["text"]), model_name=NAME)], axis=1)
    changed = change(scored.rename(columns={f"probability_{names[0]}": "probability_0"}))
    changed = changed.rename(columns={"probability_0": f"probability_{names[0]}"})
    path = batch.with_name("changed.csv")
    changed.to_csv(path, index=False)
    with pytest.raises(InputError) as refused:
        monitoring.measure(path, model_name=NAME, settings=trained.monitoring)
    assert said in str(refused.value)


def test_a_version_without_a_reference_says_so(trained: RunConfig, batch: Path, tmp_path: Path) -> None:
    from agile_classifier.ops.scoring import monitoring

    with pytest.raises(InputError, match="version 1 holds no reference to compare with"):
        monitoring.read_reference(tmp_path, NAME, "1")

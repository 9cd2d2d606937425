"""The benchmarks themselves, on tiny models: every contender answers, and all that should agree do."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from transformers import AutoTokenizer

from benchmarks import __main__ as everything
from benchmarks import batch_scoring, scoring, training, waiting
from benchmarks.blending import __main__ as blending
from benchmarks.compared.comparison import OURS, Outcome, Row, compare, missed
from benchmarks.front_door import duplicates
from benchmarks.training import write_gemma

ALLOWED = {"float32": 1e-4, "bfloat16": 1e-2}
"""Largest difference of a probability, by the number format of this machine."""
TRICKS = {
    "classification": {"+ sorted, budget of tokens"},
    "label_tokens": {"+ sorted, budget of tokens", "+ label columns alone", "+ packed, prefix once"},
}


def test_the_command_that_runs_every_benchmark_knows_every_benchmark() -> None:
    folder = Path(everything.__file__).parent
    runs = 'if __name__ == "__main__":'
    files = [path for path in folder.rglob("*.py") if runs in path.read_text(encoding="utf-8")]
    names = {
        ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix("__main__").rstrip(".") for path in files
    }
    ours = {name for name in names - {""} if not name.startswith("peers.")}
    assert ours == {*everything.BENCHMARKS, *everything.LEFT_OUT}
    assert len(ours) == len(everything.BENCHMARKS) + len(everything.LEFT_OUT)


def test_every_benchmark_is_run_and_those_that_failed_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(everything, "BENCHMARKS", ("no_such_benchmark", "nor_this"))
    assert everything.main() == 1
    assert capsys.readouterr().out.splitlines()[-1] == "failed, or missed a target: no_such_benchmark, nor_this"


@pytest.fixture(params=list(TRICKS))
def config(request: pytest.FixtureRequest, tmp_path: Path, tiny_examples: pd.DataFrame) -> Path:
    model = request.getfixturevalue("tiny_model" if request.param == "classification" else "tiny_language_model")
    source = tmp_path / "texts.csv"
    tiny_examples[["text", "score"]].to_csv(source, index=False)
    prompt = {"labels": ["no", "yes"]}
    parameters = {
        "data": {"source": str(source), "columns": {"text": "text", "score": "score"}},
        "model": {"source": str(model), "head": request.param, "max_length": 48, "quantization": "none"}
        | ({"prompt": prompt} if request.param == "label_tokens" else {}),
        "registry": {"model_name": "tiny"},
    }
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump({"parameters": parameters}), encoding="utf-8")
    return path


def test_every_way_to_score_gives_the_same_probabilities(config: Path, tmp_path: Path) -> None:
    code = scoring.main(
        ["--config", str(config), "--texts", "12", "--repeats", "2", "--json", str(tmp_path / "found.json")]
    )
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    rows = {row["name"]: row for row in found["rows"]}
    head = yaml.safe_load(config.read_text(encoding="utf-8"))["parameters"]["model"]["head"]
    assert set(rows) == {"one by one", "padded to full length", "batches of 32", OURS} | TRICKS[head]
    assert all(row["largest difference"] < ALLOWED[found["compute_dtype"]] for row in rows.values())
    assert rows[OURS]["ratio"] == 1
    assert 0 < found["share_of_peak"] < 1
    slower = min(rows[name]["ratio"] / target for name, target in scoring.TARGETS.items())
    assert code == int(slower < 1)


def test_every_way_to_train_learns(config: Path, tmp_path: Path) -> None:
    training.main(["--config", str(config), "--texts", "32", "--epochs", "2", "--json", str(tmp_path / "found.json")])
    found = json.loads((tmp_path / "found-tiny.json").read_text(encoding="utf-8"))
    rows = {row["name"]: row for row in found["rows"]}
    assert set(rows) >= {"padded to full length", "Trainer's defaults", "Trainer, our batch size", OURS}
    assert all(row["examples_per_second"] > 0 and np.isfinite(row["AUC"]) for row in rows.values())


def test_a_model_of_gemmas_shape_and_random_weights_can_be_trained(
    tmp_path: Path, tiny_language_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
        "intermediate_size": 64, "vocab_size": 128,
    }  # fmt: skip
    write_gemma(tmp_path, tokenizer=AutoTokenizer.from_pretrained(tiny_language_model), shape=shape)
    assert json.loads((tmp_path / "config.json").read_text())["hidden_size"] == 32
    assert (tmp_path / "model.safetensors").exists()


def test_contenders_are_compared_by_medians_and_ours_is_the_measure() -> None:
    took = {"slow": iter([9.0, 3.0, 4.0]), OURS: iter([1.0, 2.0, 2.0])}
    runs = {name: lambda name=name: Outcome(np.zeros((4, 2)), next(took[name])) for name in took}
    rows = {row.name: row for row in compare(runs, repeats=3, n_examples=4, n_tokens=40)}
    assert rows["slow"].ratio == 2
    assert rows[OURS].examples_per_second == 2
    assert rows[OURS].tokens_per_second == 20
    assert rows[OURS].peak_gigabytes > 0


def test_a_missed_target_is_a_sentence() -> None:
    rows = [Row("one by one", 1, 1, 11.5, 0.1, np.zeros(1)), Row("batches of 32", 1, 1, 3.5, 0.1, np.zeros(1))]
    assert missed(rows, {"one by one": 12, "batches of 32": 3}) == ["12 times faster than one by one: 11.50"]


def test_a_streamed_file_is_scored_as_one_frame_is(tmp_path: Path) -> None:
    folder = batch_scoring._write(tmp_path / "texts", 300, None)
    streamed, plainly = batch_scoring.stream(folder, None), batch_scoring.plain(folder, None)
    assert len(streamed["first"]) == len(plainly["first"]) == 300
    assert batch_scoring._difference(streamed, plainly) < 1e-5
    assert np.std(streamed["first"]) > 1e-3
    assert set(streamed["memory"]) == {"10%", "50%", "100%"}


def test_waiting_counts_what_a_command_computes_and_what_it_starts_and_no_time_in_which_it_sleeps() -> None:
    work = "import time; time.sleep(0.5); began = time.process_time()\nwhile time.process_time() - began < 0.3: pass"
    started = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True)"
    for code in (work, started):
        assert 0.3 <= waiting.spend([sys.executable, "-c", code], os.environ) < 0.8


def test_waiting_tells_the_steps_apart_by_what_zenml_says() -> None:
    said = [
        "Step `fine_tune` has started.",
        "fine_tune: 3 %\rStep `fine_tune` has finished in `1m46s`.",
        "Step by step",
    ]
    found = [waiting.STEP.search(line) for line in said]
    assert [step and step.group("name", "what") for step in found] == [
        ("fine_tune", "started"),
        ("fine_tune", "finished"),
        None,
    ]


@pytest.mark.parametrize(
    ("file", "n_different", "largest"), [("survey", 201, 200), ("chat", None, None), ("form", 400, 1)]
)
def test_the_files_with_duplicates_have_the_copies_that_they_are_made_for(
    file: str, n_different: int | None, largest: int | None
) -> None:
    measured = duplicates.measure(file, 400)
    assert measured["rows"] == 400
    if largest is None:
        assert measured["largest"] > 20
        assert measured["groups"] > 20
    else:
        assert (measured["different"], measured["largest"]) == (n_different, largest)


def test_every_weighting_of_a_blend_adds_up_and_the_one_that_leaves_a_guesser_out_is_best() -> None:
    weightings = blending.list_weightings(3)
    assert len(weightings) == 66
    assert np.allclose(weightings.sum(axis=1), 1)
    y_true = np.array([0.0, 0.0, 1.0, 1.0])
    log_odds = np.array([[-2.0, 9.0], [-1.0, -9.0], [1.0, 3.0], [2.0, -8.0]])
    of_two = blending.list_weightings(2)
    found = blending.weigh(y_true, log_odds, of_two)
    assert found.max() == 1
    assert of_two[found.argmax()][0] > 0.8

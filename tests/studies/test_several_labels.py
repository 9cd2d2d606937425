"""Studies of several labels: cells keep the answer to each, and pages show means over the labels."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from agile_classifier.config.run import RunConfig
from agile_classifier.errors import InputError
from agile_classifier.metrics.metrics import evaluate_scores
from agile_classifier.studies.blend import Result, with_blends
from agile_classifier.studies.cells import FinishedCell, Made, Trial, read_cells, write_cells
from agile_classifier.studies.file import Study
from agile_classifier.studies.grid import Place, list_cells
from agile_classifier.studies.report.frame import over_splits, to_frame
from agile_classifier.studies.report.markdown import write_report
from agile_classifier.studies.search import Search
from agile_classifier.studies.trial import run_trial
from tests.conftest import BLAME, PRAISE

pytestmark = pytest.mark.slow

CONTENDERS: dict[str, Any] = {
    "tuned": {"config": "toy"}, "tfidf": {"config": "toy", "baseline": "tfidf"},
    "frozen": {"config": "toy", "baseline": "frozen"},
}  # fmt: skip
STUDY = Study.model_validate({"title": "A toy", "reference": "tfidf", "contenders": CONTENDERS})
BLENDED = Study.model_validate({
    "title": "A toy", "reference": "tfidf", "contenders": {**CONTENDERS, "both": {"blend": ["tuned", "tfidf"]}}
})  # fmt: skip


@pytest.fixture(scope="module")
def parameters(tiny_model: Path, tiny_examples: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("labels") / "examples.csv"
    words = [set(text.split()) for text in tiny_examples["text"]]
    columns = {"praise": PRAISE, "blame": BLAME}
    carried = {name: [int(bool(each & set(told))) for each in words] for name, told in columns.items()}
    tiny_examples[["id", "text"]].assign(**carried).to_csv(file, index=False)
    return {
        "data": {"source": str(file), "columns": {"text": "text", "id": "id"}},
        "labels": {"rule": "many", "columns": ["praise", "blame"]},
        "split": {"train": 60, "validation": 20, "test": 40},
        "model": {"source": str(tiny_model), "max_length": 32, "quantization": "none"},
        "fine_tune": {"epochs": 2, "rank": 2, "batch_size": 8, "learning_rate": 0.01},
        "registry": {"model_name": "toy"},
    }


@pytest.fixture(scope="module")
def config(parameters: Any) -> RunConfig:
    return RunConfig.model_validate(parameters)


@pytest.fixture(scope="module")
def trials(config: RunConfig) -> dict[str, Trial]:
    return {name: run_trial(config, baseline=one.baseline) for name, one in STUDY.contenders.items()}


def test_a_trial_holds_the_answer_to_each_label_and_a_cut_for_each(trials: dict[str, Trial]) -> None:
    for trial in trials.values():
        assert (trial.n_labels, trial.decision_threshold, len(trial.label_thresholds)) == (2, None, 2)
        assert trial.truth("test").shape == trial.score("test").shape == (40, 2)
        assert trial.truth("validation").shape == trial.score("validation").shape == (20, 2)
        again = evaluate_scores(y_true=trial.truth("test"), y_score=trial.score("test"), decision_threshold=trial.cut)
        assert again == pytest.approx(trial.metrics, abs=1e-5)
    assert trials["tfidf"].metrics["roc_auc"] > 0.8
    assert trials["tfidf"].y_true == trials["tuned"].y_true


def test_a_file_of_cells_gives_them_back(trials: dict[str, Trial], tmp_path: Path) -> None:
    made = Made(command="agile study", commit="0" * 40, time=datetime.now(UTC).isoformat())
    cells = [FinishedCell(**trial.model_dump(), key=name, decides={}, made=made) for name, trial in trials.items()]
    write_cells(tmp_path / "toy.parquet", cells)
    assert read_cells(tmp_path / "toy.parquet") == sorted(cells, key=lambda cell: cell.key)


def test_a_page_tells_means_over_the_labels_and_counts_texts_and_no_labels(trials: dict[str, Trial]) -> None:
    results = [
        Result(Place(contender=name, split=split), trial, f"{name} {split}")
        for name, trial in trials.items() for split in (0, 1)
    ]  # fmt: skip
    frame = to_frame(results)
    tfidf = frame[frame["contender"] == "tfidf"]
    assert over_splits(tfidf, "roc_auc").mean == pytest.approx(trials["tfidf"].metrics["roc_auc"])
    page = write_report(STUDY, results, command="agile study toy.yaml")
    assert f"{trials['tuned'].metrics['roc_auc']:.3f}" in page
    assert "nan" not in page
    assert {len(truth) for truth in frame["y_true"]} == {40}


def test_what_knows_no_sets_of_labels_says_so(config: RunConfig, trials: dict[str, Trial], parameters: Any) -> None:
    with pytest.raises(InputError, match=r"^baseline member: tells two classes, one a text; found labels\.rule many$"):
        run_trial(config, baseline="member")
    with pytest.raises(InputError, match=r"^external .*mine: tells two classes, one a text; found labels\.rule many$"):
        run_trial(config, external=Path("mine"))
    results = [Result(Place(contender=name), trial, name) for name, trial in trials.items()]
    with pytest.raises(InputError, match=r"^blend both: averages classifiers of two classes; .* model\.members"):
        with_blends(BLENDED, results)
    with pytest.raises(InputError, match=r"a search tries classifiers of one label; found labels\.rule many"):
        Search(parameters, name="toy", metric="roc_auc", folds=2, folder=Path(parameters["data"]["source"]).parent)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"both": {"blend": ["tuned", "tfidf"]}}, "contender both: blend"),
        ({"mine": {"config": "toy", "external": "mine"}}, "contender mine: external"),
        ({"linear": {"config": "toy", "baseline": "member"}}, "contender linear: baseline member"),
    ],
)
def test_a_study_says_so_before_any_cell_is_run(
    parameters: Any, tmp_path: Path, more: dict[str, Any], said: str
) -> None:
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump({"parameters": parameters}), encoding="utf-8")
    program = tmp_path / "studies" / "mine"
    program.mkdir(parents=True)
    for name in ("run.py", "requirements.txt"):
        (program / name).touch()
    study = Study.model_validate({"title": "A toy", "reference": "tfidf", "contenders": {**CONTENDERS, **more}})
    with pytest.raises(InputError, match=rf"^{said} tells two classes, one a text; found labels\.rule many$"):
        list_cells(study, folder=tmp_path / "studies")


def test_scores_of_one_label_are_of_two_classes() -> None:
    trial = Trial(
        metrics={}, decision_threshold=0.5, y_true=[0, 1], y_score=[0.25, 0.75], y_true_validation=[],
        y_score_validation=[], n_train=1, train_seconds=1, seconds=1, peak_gigabytes=1,
    )  # fmt: skip
    assert np.array_equal(trial.score("test"), [[0.75, 0.25], [0.25, 0.75]])
    assert trial.truth("validation").shape == (0,)
    assert trial.cut == 0.5

"""Trial: an ensemble of two members is what its network and its linear machine are by themselves, averaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from agile_classifier.config.run import RunConfig
from agile_classifier.studies.blend import Result, with_blends
from agile_classifier.studies.file import Study
from agile_classifier.studies.grid import Place
from agile_classifier.studies.trial import run_trial

STUDY = Study.model_validate({
    "title": "A toy", "reference": "network",
    "contenders": {
        "network": {"config": "toy"}, "member": {"config": "toy", "baseline": "member"},
        "both": {"blend": ["network", "member"], "calibrate": False},
    },
})  # fmt: skip


def test_a_blend_of_network_and_member_is_the_classifier_that_is_shipped(
    tiny_model: Path, tiny_examples: pd.DataFrame, tmp_path: Path
) -> None:
    tiny_examples.to_csv(tmp_path / "examples.csv", index=False)
    tuning = {"epochs": 1, "rank": 2, "batch_size": 8, "learning_rate": 0.01}
    config: dict[str, Any] = {
        "data": {"source": str(tmp_path / "examples.csv"), "columns": {"text": "text", "score": "score", "id": "id"}},
        "split": {"train": 60, "validation": 20, "test": 40},
        "model": {"source": str(tiny_model), "max_length": 32, "quantization": "none"},
        "fine_tune": tuning, "registry": {"model_name": "toy"},
    }  # fmt: skip
    together = {**config, "model": {**config["model"], "members": [{"kind": "tfidf_svm"}]}}
    trials = {
        "network": run_trial(RunConfig.model_validate(config)),
        "member": run_trial(RunConfig.model_validate(config), baseline="member"),
    }
    results = [Result(Place(contender=name), trial, name) for name, trial in trials.items()]
    blend = with_blends(STUDY, results)[-1].trial
    shipped = run_trial(RunConfig.model_validate(together))
    said = expit(np.mean([logit(trial.y_score) for trial in trials.values()], axis=0))
    assert shipped.y_score == pytest.approx(said, abs=1e-5), "cells keep six digits"
    assert blend.y_score == pytest.approx(shipped.y_score, abs=1e-5)
    assert blend.y_score_validation == pytest.approx(shipped.y_score_validation, abs=1e-5)
    assert np.abs(np.subtract(shipped.y_score, trials["network"].y_score)).max() > 0.01

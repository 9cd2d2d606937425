"""A version that undoes what was done to a text: every way to ask it reads an attacked text as the plain one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agile_classifier.data.evasion.attacks import attack
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import ClassifierSpec
from tests.toys.toy_version import DECISION, register_version

TEXTS = ["a lovely day", "the awful song", "this room"]
HIDDEN = [attack(text, "zero_width", strength=1) for text in TEXTS]
ALIKE = ["a lоvеly day", "thе аwful song", "this rооm"]
"""With letters of another alphabet."""
COLUMNS = ["probability_blame", "probability_praise"]


@pytest.fixture(scope="module")
def normalized(registry: str, adapter: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter of an ensemble whose members undo both, registered as version 1 of `mood`."""
    folder = shutil.copytree(adapter, tmp_path_factory.mktemp("normalized") / "adapter")
    replace(ClassifierSpec.load(folder), normalize=("zero_width", "confusables")).save(folder)
    assert register_version(folder, registry) == "1"
    return folder


def test_pyfunc_estimator_and_predictor_read_an_attacked_text_as_the_plain_one(normalized: Path, base: Path) -> None:
    from agile_classifier.ops.registry.loading import load_classifier
    from agile_classifier.ops.registry.scorer import Scorer

    scorer, estimator, predictor = (
        Scorer("mood", "1"),
        load_classifier("models:/mood/1"),
        Predictor.load(normalized, base=base),
    )
    expected = DECISION.calibration.apply(predictor.score(TEXTS))
    for texts in (TEXTS, HIDDEN, ALIKE):
        assert scorer(texts)[COLUMNS].to_numpy() == pytest.approx(expected)
        assert estimator.predict_proba(texts) == pytest.approx(expected)
    assert estimator.get_params()["normalize"] == ("zero_width", "confusables")


def test_without_it_an_attacked_text_is_another_one(adapter: Path, base: Path) -> None:
    predictor = Predictor.load(adapter, base=base)
    assert np.abs(predictor.score(HIDDEN) - predictor.score(TEXTS)).max() > 0.01


def test_drift_is_measured_on_what_is_read(normalized: Path, base: Path) -> None:
    from agile_classifier.evaluation.reference import make_reference

    of_plain, of_hidden = (
        make_reference(normalized, base=base, texts=texts, y_score=np.full((3, 2), 0.5), decision_threshold=0.5)
        for texts in (TEXTS, HIDDEN)
    )
    assert np.array_equal(of_plain.unknown, of_hidden.unknown)
    assert np.array_equal(of_plain.embeddings, of_hidden.embeddings)


def test_the_version_asks_for_the_table_of_lookalikes_only_where_it_needs_it(normalized: Path) -> None:
    from agile_classifier.ops.registry.contents.version_files import download_version
    from agile_classifier.ops.registry.packing import FOR_CONFUSABLES, REQUIREMENTS

    asked = (download_version("mood", "1") / "requirements.txt").read_text(encoding="utf-8")
    assert f"{FOR_CONFUSABLES}==" in asked
    assert FOR_CONFUSABLES not in REQUIREMENTS
    assert "mlflow==" in asked

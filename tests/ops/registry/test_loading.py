"""Loading: a registered version as an estimator, and what is said of an address where none stands."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agile_classifier.config.ensemble.members import list_members
from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.errors import InputError
from agile_classifier.metrics.bands import Bands, Promise
from agile_classifier.metrics.calibration import average_log_odds
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import ClassifierSpec, Start
from tests.toys.toy_version import DECISION, TUNING, register_version

TEXTS = ["a lovely day", "the awful song", "this room"]


def load(address: str) -> Any:
    from agile_classifier.ops.registry.loading import load_classifier

    return load_classifier(address)


def test_a_version_by_number_or_alias_answers_as_it_does_for_agile_score(versions: str) -> None:
    from agile_classifier.ops.registry.scorer import Scorer

    expected = Scorer("mood", "1")(TEXTS)
    for address in ("models:/mood/1", "models:/mood@candidate"):
        loaded = load(address)
        assert loaded.classes_.tolist() == ["blame", "praise"]
        assert np.array_equal(loaded.predict_proba(TEXTS), expected[["probability_blame", "probability_praise"]])
        assert loaded.predict(TEXTS).tolist() == expected["label"].tolist()
        assert loaded.decision_threshold_ == 0.97


def test_all_members_of_a_version_answer_together(versions: str, adapter: Path, base: Path) -> None:
    network = Predictor.load(adapter, base=base)
    together, (machine, other) = network.score(TEXTS), network.members
    loaded = load("models:/mood/1")
    assert loaded.predict_proba(TEXTS) == pytest.approx(DECISION.calibration.apply(together))
    alone = [network.score_alone(TEXTS), machine.score(TEXTS), other.score(TEXTS)]
    assert together == pytest.approx(average_log_odds(*alone))
    assert min(np.abs(one - together).max() for one in alone) > 0.01  # or members that say the same would do


def test_a_versions_members_are_fitted_anew_with_its_estimator(versions: str) -> None:
    parameters = load("models:/mood/1").get_params()
    assert [member.get("kind", "network") for member in parameters["members"]] == ["tfidf_svm", "network"]
    members = list_members(ModelConfig(source="any", members=parameters["members"]), FineTuneConfig())
    assert members[2].model.source == parameters["base_model"]
    assert members[2].fine_tune.rank == parameters["rank"]


def test_its_parameters_are_those_of_the_run_that_trained_it(versions: str, base: Path) -> None:
    parameters = load("models:/mood/1").get_params()
    assert parameters["base_model"] == str(base)
    assert (parameters["quantization"], parameters["max_length"], parameters["head"]) == ("none", 32, "classification")
    recorded = {name: value for name, value in TUNING.model_dump(mode="json").items() if name in parameters}
    assert {"rank", "alpha", "epochs", "learning_rate", "target_modules", "seed"} < set(recorded)
    assert {name: parameters[name] for name in recorded} == recorded


def test_a_version_that_holds_its_base_model_needs_no_other(versions: str, base: Path, tmp_path: Path) -> None:
    by_reference, inside = load("models:/mood/1"), load("models:/mood/2")
    expected = by_reference.predict_proba(TEXTS)
    away = base.rename(tmp_path / "away")
    try:
        assert np.array_equal(inside.predict_proba(TEXTS), expected)
        with pytest.raises(InputError, match="no such"):
            pickle.loads(pickle.dumps(inside)).predict_proba(TEXTS)  # elsewhere it is fetched by its pin
    finally:
        away.rename(base)


def test_another_base_model_than_the_one_it_was_trained_on_is_refused(versions: str, base: Path) -> None:
    loaded = load("models:/mood/1")
    extra = base / "extra.json"
    extra.write_text("{}")
    try:
        with pytest.raises(InputError, match="the adapter was trained on"):
            loaded.predict(TEXTS)
    finally:
        extra.unlink()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mood", "address 'mood': expected models:/NAME@ALIAS or models:/NAME/VERSION"),
        ("models:/mood", "expected models:/NAME@ALIAS or models:/NAME/VERSION"),
        ("models:/mood/latest", "expected models:/NAME@ALIAS or models:/NAME/VERSION"),
        ("models:/mood/0", "expected models:/NAME@ALIAS or models:/NAME/VERSION"),
        ("models:/m-0123", "expected models:/NAME@ALIAS or models:/NAME/VERSION"),
        ("models:/mod@champion", "no registered model 'mod'; there are: bare, mood, toy"),
        ("models:/toy@best", "model toy: no version has the alias 'best'; aliases: candidate (version 2), champion (version 1)"),
        ("models:/bare@champion", "model bare: no version has the alias 'champion'; aliases: none"),
        ("models:/toy/3", "model toy: no version 3; there are: 1, 2"),
        ("models:/bare/1", "model bare: no version 1; there are: none"),
        ("models:/toy@champion", "model toy: version 1 is no classifier of this project"),
    ],
)  # fmt: skip
def test_an_address_where_no_classifier_stands_is_refused_in_one_line(versions: str, address: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        load(address)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_version_with_bands_decides_alike_in_a_file_on_the_server_and_in_a_notebook(
    versions: str, registry: str, adapter: Path, base: Path, tmp_path: Path
) -> None:
    from agile_classifier.ops.registry.scorer import Scorer
    from agile_classifier.ops.scoring.batch import score_file
    from agile_classifier.ops.serving.versions import LoadedVersion

    raw = np.sort(Predictor.load(adapter, base=base).score(TEXTS)[:, 1])
    cut = {"n": 100, "n_wrong": 0}
    bands = Bands(
        class_number=1, class_name="praise", confidence=0.9, n_rows=200, n_positive=100,
        removal=Promise(level=0.9, cut=float(raw[1:].mean()), **cut),
        release=Promise(level=0.1, cut=float(raw[:2].mean()), **cut),
    )  # fmt: skip
    number = register_version(adapter, registry, decision=DECISION.model_copy(update={"bands": bands}))
    scorer = Scorer("mood", number)
    answered = scorer(TEXTS)
    assert scorer.columns == ("label", "probability_blame", "probability_praise", "decision")
    assert tuple(answered.columns) == scorer.columns
    expected = answered["decision"].tolist()
    assert sorted(expected) == ["release", "remove", "review"]
    assert load(f"models:/mood/{number}").decide(TEXTS).tolist() == expected
    assert [row["decision"] for row in LoadedVersion("mood", number).score(TEXTS)] == expected
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    pd.DataFrame({"text": TEXTS, "decision": ["mine"] * 3}).to_csv(source, index=False)
    for again in (source, output):
        given = shutil.copy(again, tmp_path / "given.csv")
        score_file(Path(given), output=output, model_name="mood", version=number, run_id="7")
        written = pd.read_csv(output)
        assert written["predicted_decision"].tolist() == expected
        assert written["decision"].tolist() == ["mine"] * 3
        assert list(written.columns)[-4:] == ["probability_praise", "predicted_decision", "model_version", "run_id"]
    with pytest.raises(InputError, match="no bands; those of a version"):
        load("models:/mood/1").decide(TEXTS)
    assert "decision" not in Scorer("mood", "1").columns


def test_a_clone_of_a_version_that_went_on_from_another_names_that_one(
    versions: str, registry: str, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.base import clone

    from agile_classifier.ops.registry.contents import version_files
    from tests.toys.toy_version import register_version

    started = shutil.copytree(adapter, tmp_path / "started")
    spec = ClassifierSpec.load(started)
    replace(spec, starts=(Start("edos", "3", "a" * 64, None, ()),)).save(started)
    number = register_version(started, registry)
    recorded = version_files.read_config(versions, number)
    monkeypatch.setattr(
        version_files, "read_config", lambda *_: {**recorded, "model": {"start_from": "models:/edos@champion"}}
    )
    loaded = load(f"models:/{versions}/{number}")
    assert clone(loaded).get_params()["start_from"] == "models:/edos/3", "the alias may have moved"
    with pytest.raises(InputError) as refused:
        clone(loaded).fit(["a", "b", "c", "d"], ["x", "y", "x", "y"])
    assert str(refused.value).startswith("AgileClassifier: it went on from edos version 3 (digest aaaaaaaaaaaaaaaa): ")
    assert "`agile export --output FOLDER` writes it; set start_from to the folder of an adapter" in str(refused.value)

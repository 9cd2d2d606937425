"""AgileClassifier beside what scikit-learn asks of a classifier, as far as its input can be text."""

from __future__ import annotations

import inspect
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks

from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.errors import InputError
from agile_classifier.training.estimator import AgileClassifier

CHECKS = (
    "check_no_attributes_set_in_init",
    "check_get_params_invariance",
    "check_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
)
"""Those of scikit-learn's checks that fit no numbers."""


@pytest.fixture(scope="module")
def words(tiny_examples: pd.DataFrame) -> pd.Series:
    return pd.Series(np.where(tiny_examples["score"] >= tiny_examples["score"].median(), "praise", "blame"))


@pytest.fixture(scope="module")
def fitted(tiny_model: Path, tiny_examples: pd.DataFrame, words: pd.Series) -> AgileClassifier:
    classifier = AgileClassifier(str(tiny_model), epochs=15, batch_size=8, learning_rate=5e-3, max_length=32)
    return classifier.fit(tiny_examples["text"][:80], words[:80])


@pytest.mark.parametrize("name", CHECKS)
def test_what_scikit_learn_asks_of_any_estimator_holds(tiny_model: Path, name: str) -> None:
    getattr(estimator_checks, name)("AgileClassifier", AgileClassifier(str(tiny_model)))


def test_it_learns_and_answers_in_the_classes_it_was_given(
    fitted: AgileClassifier, tiny_examples: pd.DataFrame, words: pd.Series
) -> None:
    assert fitted.classes_.tolist() == ["blame", "praise"]
    probabilities = fitted.predict_proba(tiny_examples["text"][80:])
    assert probabilities.shape == (40, 2)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert set(fitted.predict(["awful ugly", "lovely warm"])) <= {"blame", "praise"}
    assert fitted.score(tiny_examples["text"][80:], words[80:]) > 0.7


def test_a_pickle_answers_the_same_and_holds_no_base_model(fitted: AgileClassifier, tiny_model: Path) -> None:
    stored = pickle.dumps(fitted)
    assert pickle.loads(stored).predict_proba(["a fine day"]) == pytest.approx(fitted.predict_proba(["a fine day"]))
    assert sum(map(len, fitted.adapter_.values())) < len(stored) < 2 * sum(map(len, fitted.adapter_.values())) + 10_000


def test_it_goes_on_from_the_folder_of_another_and_records_it(
    fitted: AgileClassifier, tiny_model: Path, tiny_examples: pd.DataFrame, words: pd.Series, tmp_path: Path
) -> None:
    folder = tmp_path / "first"
    for name, content in fitted.adapter_.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    fields = {name: value for name, value in fitted.get_params().items() if name not in ("base_model", "start_from")}
    later = AgileClassifier(str(tiny_model), start_from=str(folder), **{**fields, "epochs": 1})
    later.fit(tiny_examples["text"][:16], words[:16])
    (start,) = json.loads(later.adapter_["classifier.json"])["starts"]
    assert (start["name"], start["version"]) == ("first", None)
    for address in ("models:/mood@champion", str(tmp_path)):
        with pytest.raises(InputError, match=r"model\.start_from"):
            AgileClassifier(str(tiny_model), start_from=address).fit(tiny_examples["text"][:16], words[:16])


@pytest.fixture(scope="module")
def started(
    fitted: AgileClassifier, tiny_model: Path, tiny_examples: pd.DataFrame, words: pd.Series,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Path]:  # fmt: skip
    """Folders of the classifier `first`, and of one that went on from it."""
    first, later = (tmp_path_factory.mktemp("started") / name for name in ("first", "later"))
    write(fitted, first)
    classifier = AgileClassifier(str(tiny_model), start_from=str(first), epochs=1, max_length=32)
    write(classifier.fit(tiny_examples["text"][:16], words[:16]), later)
    return first, later


def write(classifier: AgileClassifier, folder: Path) -> None:
    for name, content in classifier.adapter_.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_a_clone_goes_on_from_the_start_of_the_version_or_says_why_it_cannot(
    started: tuple[Path, Path], tiny_examples: pd.DataFrame, words: pd.Series, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    first, later = started
    monkeypatch.chdir(tmp_path)
    texts = tiny_examples["text"][:16], words[:16]
    digest = json.loads((later / "classifier.json").read_text())["starts"][0]["digest"]
    told = f"AgileClassifier: it went on from the folder first (digest {digest[:16]})"

    nowhere = clone(AgileClassifier.from_adapter(later, epochs=1))
    with pytest.raises(InputError) as refused:
        nowhere.fit(*texts)
    assert str(refused.value).startswith(f"{told}: model.start_from first: no such folder")
    assert str(refused.value).endswith(
        "; set start_from to the folder of an adapter, or to None to train without a start"
    )
    assert json.loads(nowhere.set_params(start_from=None).fit(*texts).adapter_["classifier.json"])["starts"] == []

    again = clone(clone(AgileClassifier.from_adapter(later, epochs=1, start_from=str(first)))).fit(*texts)
    (start,) = json.loads(again.adapter_["classifier.json"])["starts"]
    assert (start["name"], start["digest"]) == ("first", digest)

    shutil.copytree(later, tmp_path / "first")  # another adapter under the name of the start
    with pytest.raises(InputError) as refused:
        clone(AgileClassifier.from_adapter(later, epochs=1)).fit(*texts)
    assert str(refused.value).startswith(f"{told}, and start_from first has digest ")
    assert "\n" not in str(refused.value)


def test_a_clone_is_unfitted_and_keeps_the_parameters(fitted: AgileClassifier) -> None:
    again = clone(fitted)
    assert again.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        again.predict(["a fine day"])


def test_label_tokens_are_a_head_of_it(
    tiny_language_model: Path, tiny_examples: pd.DataFrame, words: pd.Series
) -> None:
    classifier = AgileClassifier(
        str(tiny_language_model), head="label_tokens", prompt={"labels": ("no", "yes")}, max_length=64, epochs=1
    )
    probabilities = classifier.fit(tiny_examples["text"][:32], words[:32]).predict_proba(["a fine day", ""])
    assert probabilities.sum(axis=1) == pytest.approx(1)


def test_its_parameters_and_defaults_are_those_of_the_sections_of_a_config(tiny_model: Path) -> None:
    given = AgileClassifier(str(tiny_model)).get_params()
    assert (given.pop("base_model"), given.pop("checkpoint"), given.pop("normalize")) == (str(tiny_model), "best", ())
    model, settings = dict(ModelConfig(source="x")), dict(FineTuneConfig())
    assert model.pop("source") == "x"
    assert given == {**model, **settings}
    signature = inspect.signature(AgileClassifier)
    assert next(iter(signature.parameters)) == "base_model"
    assert signature.parameters["learning_rate"].default == settings["learning_rate"]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"head": "label_tokens", "head_start": "linear_probe"}, "head_start linear_probe needs model.head"),
        ({"initialization": "loftq", "quantization": "none"}, "loftq needs quantization nf4, found none"),
        ({"initialization": "loftq", "start_from": "starts/mine"}, "both say what the adapter starts at"),
    ],
)
def test_sections_that_contradict_each_other_are_refused_as_in_a_config(
    parameters: dict[str, Any], said: str, tiny_model: Path
) -> None:
    with pytest.raises(InputError, match=said):
        AgileClassifier(str(tiny_model), **parameters).fit(["good", "bad"], [1, 0])


def test_a_parameter_that_no_section_has_is_refused_as_python_does(tiny_model: Path) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'rnak'"):
        AgileClassifier(str(tiny_model), rnak=4)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'base_model'"):
        AgileClassifier()  # type: ignore[call-arg]


def test_early_stopping_is_a_mapping_of_its_fields(
    tiny_model: Path, tiny_examples: pd.DataFrame, words: pd.Series
) -> None:
    stopping = {"patience": 1, "min_delta": 0.9}
    classifier = AgileClassifier(str(tiny_model), epochs=30, learning_rate=1e-6, max_length=32, early_stopping=stopping)
    classifier.fit(tiny_examples["text"][:16], words[:16], validation=(tiny_examples["text"][16:40], words[16:40]))
    assert len(json.loads(classifier.adapter_["history.json"])["epochs"]) < 30


def test_what_cannot_be_fitted_is_named(tiny_model: Path) -> None:
    with pytest.raises(ValueError, match="row 1 is 3; a text is needed"):
        AgileClassifier(str(tiny_model)).fit(["a", 3], [0, 1])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="found 1 class"):
        AgileClassifier(str(tiny_model)).fit(["a", "b"], [1, 1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        AgileClassifier(str(tiny_model)).fit(["a", "b"], [1])
    with pytest.raises(InputError, match="rank"):
        AgileClassifier(str(tiny_model), rank=0).fit(["a", "b"], [0, 1])

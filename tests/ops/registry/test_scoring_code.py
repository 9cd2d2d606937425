"""Scoring code: a version carries all that scores it and no more, and is scored by nothing else, whatever a process has imported."""

from __future__ import annotations

import ast
import importlib
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import agile_classifier
from agile_classifier.errors import InputError
from agile_classifier.ops.registry import scoring_code
from agile_classifier.ops.registry.scoring_code import ScoringCode, scoring_package, write_scoring_code
from tests.ops.runs.test_caching import executed

pytestmark = pytest.mark.usefixtures("warm_module")

PROJECT = Path(agile_classifier.__file__).parents[1]
TEXTS = ["a lovely day", "the awful song", "this room"]
OTHER_CODE = {
    "metrics/metrics.py": "\n\ndef predict(y_score, decision_threshold=None):\n    return np.ones(len(y_score), dtype=np.int64)\n",
    "models/predictor.py": "\n\nPredictor.score = lambda self, texts, encoded=None: np.full((len(texts), self.spec.n_classes), 0.5)\n",
}
"""What another version of the package ends its modules with: every text is of class 1, every probability one half."""
SCORE = """
import json, sys
import agile_classifier.metrics.metrics, agile_classifier.models.predictor
import mlflow, numpy, pandas
assert agile_classifier.metrics.metrics.predict(numpy.array([[0.9, 0.1]]), 0.5).tolist() == [1]  # the other version
frame = mlflow.pyfunc.load_model(sys.argv[1]).predict(pandas.DataFrame({"text": sys.argv[2:]}))
print(frame.to_json(orient="split", double_precision=15))
"""


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> ScoringCode:
    return write_scoring_code(tmp_path_factory.mktemp("code"))


@pytest.fixture(scope="module")
def other_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of another version of the package."""
    folder = tmp_path_factory.mktemp("other")
    package = shutil.copytree(
        PROJECT / "agile_classifier", folder / "agile_classifier", ignore=shutil.ignore_patterns("__pycache__")
    )
    for file, more in OTHER_CODE.items():
        (package / file).write_text((package / file).read_text(encoding="utf-8") + more, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def other_version(versions: str, registry: str, adapter: Path, other_package: Path) -> Iterator[str]:
    """The same adapter as that of versions 1 and 2, registered by another version of the package as 3."""
    command = ["-m", "tests.toys.toy_version", str(adapter), registry]
    run_python(command, other_package, PROJECT)
    return "3"


def run_python(command: list[str], *path: Path) -> str:
    """Standard output of a fresh process that finds packages in these folders first."""
    import mlflow

    found = {"PYTHONPATH": os.pathsep.join(map(str, path)), "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri()}
    done = subprocess.run(
        [sys.executable, *command], env={**os.environ, **found}, cwd=path[0], text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported(path: Path) -> set[str]:
    """Modules that a file names in an import that is run, wherever in it that stands."""
    nodes = list(executed(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}


def test_the_code_holds_every_module_that_it_imports_and_names_nothing_outside(code: ScoringCode) -> None:
    files = [code.model_file, *code.package.rglob("*.py")]
    assert code.package.name == scoring_package()
    named = set[str]().union(*map(imported, files))
    ours = {name for name in named if name.partition(".")[0] == code.package.name}
    assert len(ours) > 20
    for name in ours:
        path = code.package.parent / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), name
        assert all((folder / "__init__.py").is_file() for folder in path.parents if folder.is_relative_to(code.package))
    assert not any("agile_classifier" in file.read_text(encoding="utf-8") for file in files)


def test_the_code_leaves_out_what_scoring_does_not_need(code: ScoringCode) -> None:
    rooms = {path.name for path in code.package.iterdir() if path.is_dir()}
    assert rooms == {"data", "metrics", "models"}
    assert len(list(code.package.rglob("*.py"))) < 51
    assert not {"zenml", "great_expectations", "fastapi"} & set[str]().union(*map(imported, code.package.rglob("*.py")))


def test_the_package_is_named_by_its_content(code: ScoringCode, other_package: Path) -> None:
    ask = ["-c", "from agile_classifier.ops.registry.scoring_code import scoring_package; print(scoring_package())"]
    assert run_python(ask, PROJECT).strip() == code.package.name
    other = run_python(ask, other_package).strip()
    assert other.startswith(scoring_code.PREFIX)
    assert other != code.package.name


def test_logging_leaves_nothing_of_the_passing_copy_behind(code: ScoringCode, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == code.package.name]:
        monkeypatch.delitem(sys.modules, name)  # of a version that another test has loaded
    with code.importable():
        errors = importlib.import_module(f"{code.package.name}.errors")
        assert Path(str(errors.__file__)) == code.package / "errors.py"
        assert errors.InputError is not InputError
    assert not any(name.startswith(code.package.name) for name in sys.modules)
    assert str(code.package.parent) not in sys.path


def test_a_process_with_another_version_of_the_package_and_one_with_none_score_alike(
    versions: str, other_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.registry.packing import score_in_fresh_process
    from agile_classifier.ops.registry.scorer import Scorer

    here = Scorer(versions, "1")(TEXTS)
    beside = json.loads(run_python(["-c", SCORE, "models:/mood/1", *TEXTS], other_package))
    answered = pd.DataFrame(beside["data"], columns=beside["columns"])
    assert answered["label"].tolist() == here["label"].tolist() == ["blame"] * 3  # the threshold of 0.97
    probabilities = here.filter(like="probability_").to_numpy()
    assert np.allclose(answered.filter(like="probability_").to_numpy(dtype=np.float64), probabilities, atol=1e-12)

    (tmp_path / "agile_classifier").mkdir()
    (tmp_path / "agile_classifier" / "__init__.py").write_text("raise AssertionError('the project was imported')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow.get_tracking_uri())
    fresh = score_in_fresh_process("models:/mood/1", TEXTS, class_names=("blame", "praise"))
    assert np.allclose(fresh, probabilities, atol=1e-12)


def test_two_versions_with_other_code_score_side_by_side_each_by_its_own(versions: str, other_version: str) -> None:
    from agile_classifier.ops.registry.scorer import Scorer

    ours, other = Scorer(versions, "1"), Scorer(versions, other_version)
    before = ours(TEXTS)
    assert other(TEXTS)["label"].tolist() == ["praise"] * 3
    assert len({*other(TEXTS)["probability_praise"]}) == 1
    assert ours(TEXTS).equals(before)
    assert before["label"].tolist() == ["blame"] * 3
    assert before["probability_praise"].nunique() == 3
    assert Scorer(versions, "2")(TEXTS).equals(before)


def test_each_copy_of_the_code_has_an_attention_of_its_own(versions: str, code: ScoringCode) -> None:
    from transformers import AttentionInterface

    from agile_classifier.models.network import packing
    from agile_classifier.ops.registry.scorer import Scorer

    Scorer(versions, "1")
    own = sys.modules[f"{code.package.name}.models.network.packing"]
    registered = AttentionInterface()
    assert registered[packing.ATTENTION] is packing.packed_attention
    assert registered[own.ATTENTION] is own.packed_attention is not packing.packed_attention


def test_a_refusal_of_a_versions_code_is_an_input_error_here(versions: str, base: Path, tmp_path: Path) -> None:
    from agile_classifier.ops.registry.scorer import Scorer

    away = base.rename(tmp_path / "away")
    try:
        with pytest.raises(InputError, match="no such"):
            Scorer(versions, "1")
    finally:
        away.rename(base)


def test_an_estimator_says_where_it_scores_by_other_code_than_its_version(versions: str, other_version: str) -> None:
    from agile_classifier.ops.registry.loading import load_classifier

    with pytest.warns(UserWarning, match=r"models:/mood/3: version 3 was registered with other scoring code"):
        load_classifier(f"models:/{versions}/{other_version}")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        load_classifier(f"models:/{versions}/1")


def test_a_graph_that_scores_other_than_the_version_by_its_own_code_is_not_exported(
    versions: str, other_version: str, tmp_path: Path
) -> None:
    from agile_classifier.ops.registry.export import export

    asked = {"model_name": versions, "format": "onnx", "force": False}
    assert export(**asked, version="1", output=str(tmp_path / "ours")).version == "1"
    with pytest.raises(RuntimeError, match="registered with other code"):
        export(**asked, version=other_version, output=str(tmp_path / "other"))
    assert not (tmp_path / "other").exists()

"""The wheel: what a person gets who has no checkout.

It is built, and installed into an empty environment, which finds the 2 GB of dependencies through a path file to those of this
interpreter: an honest stand-in for installing them once more. The checkout is kept out: path files of an editable install
are read in folders of site-packages alone, and a folder that a path file names is none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from agile_classifier.ops.project import LOCK, PACKAGE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

CHECKOUT = PACKAGE.parent
BUILT_FROM = (PACKAGE.name, "pipelines", "steps", "configs", LOCK, "pyproject.toml", "setup.py", "README.md", "LICENSE")
SHORT = (
    "split.train=100", "split.validation=60", "split.test=240", "fine_tune.epochs=1", "model.quantization=none",
    "evaluation.n_resamples=200", "data.limit=400",
)  # fmt: skip
"""Of the quickstart: few rows, one epoch and the base model unquantized, as its probe has it, so that the version is promoted."""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in BUILT_FROM:
        if (CHECKOUT / name).is_dir():
            shutil.copytree(CHECKOUT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(CHECKOUT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(target), str(source)], check=True, capture_output=True)
    (found,) = target.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def run(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a command of the environment in a folder, with an empty home."""
    environment, home = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("home")
    venv.create(environment)
    paths = {"base": str(environment), "platbase": str(environment)}
    packages = Path(sysconfig.get_path("purelib", scheme="venv", vars=paths))
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    python = str(environment / "bin" / "python")
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, str(wheel)], check=True, capture_output=True)
    dropped = ("AGILE_HOME", "AGILE_PROJECT", "MLFLOW_", "PYTHON", "VIRTUAL_ENV", "ZENML_")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    variables |= {"HOME": str(home), "AGILE_HOME": str(home / "state"), "COLUMNS": "200"}
    variables |= {"PATH": f"{environment / 'bin'}{os.pathsep}{os.defpath}"}

    def run_in(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=folder, env=variables, text=True, capture_output=True, check=False)

    where = run_in(home, "python", "-c", "import agile_classifier; print(agile_classifier.__file__)").stdout.strip()
    assert Path(where).is_relative_to(packages), f"{where} is not the installed package"
    return run_in


def printed(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, f"{done.args}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def test_the_wheel_holds_one_package_and_the_project_as_its_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [Path(name) for name in archive.namelist()]
    assert {name.parts[0] for name in names if not name.parts[0].endswith(".dist-info")} == {"agile_classifier"}
    carried = {path.relative_to(CHECKOUT) for folder in ("pipelines", "steps", "configs") for path in _files(folder)}
    inside = Path("agile_classifier", "_project")
    assert {name.relative_to(inside) for name in names if name.is_relative_to(inside)} == {*carried, Path(LOCK)}
    files = {path.relative_to(CHECKOUT) for path in _files("agile_classifier")}
    assert files <= set(names), "templates, styles and stubs too"


@pytest.mark.network
def test_an_empty_environment_makes_a_project_and_trains_and_scores_in_it(run: Run, tmp_path: Path) -> None:
    assert printed(run(tmp_path, "agile", "--version")).startswith("agile 0.")
    assert "agile train configs/quickstart.yaml" in printed(run(tmp_path, "agile", "new", "demo"))
    demo = tmp_path / "demo"
    overrides = [word for override in SHORT for word in ("--set", override)]
    trained = run(demo, "agile", "train", "configs/quickstart.yaml", *overrides)
    assert "model quickstart version 1" in printed(trained)
    assert "the copy in the package" not in trained.stderr
    assert "Positive" in printed(run(demo, "agile", "score", "what a lovely day"))
    printed(run(demo, "python", "-c", "from agile_classifier import AgileClassifier, load_classifier"))
    made = {path.name for path in demo.iterdir() if path.name != "__pycache__"}
    assert made == {"pipelines", "steps", "configs", LOCK, "README.md"}, "a run leaves nothing in the project"


def test_a_config_of_ones_own_is_trained_from_a_folder_that_is_no_project(
    run: Run, tmp_path: Path, tiny_model: Path, tiny_examples: pd.DataFrame
) -> None:
    mine, elsewhere = tmp_path / "mine", tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(tiny_model, mine / "model")
    tiny_examples.to_csv(mine / "texts.csv", index=False)
    parameters = {
        "data": {"source": "texts.csv", "columns": {"text": "text", "score": "score"}},
        "model": {"source": "./model", "max_length": 48, "quantization": "none"},
        "fine_tune": {"epochs": 1},
        "evaluation": {"n_resamples": 100},
        "registry": {"model_name": "mine"},
    }
    (mine / "my.yaml").write_text(yaml.safe_dump({"parameters": parameters}), encoding="utf-8")
    trained = run(elsewhere, "agile", "train", "../mine/my.yaml")
    assert "model mine version 1" in printed(trained)
    assert trained.stderr.count("_project: the copy in the package; agile new FOLDER makes one of your own\n") == 1
    assert list(elsewhere.iterdir()) == []


def test_a_first_config_is_guessed_by_the_vocabularies_that_the_wheel_carries(run: Run, tmp_path: Path) -> None:
    rows = (f"{'hier' if row % 2 else 'dort'} steht Satz {row},{'ja' if row % 3 else 'nein'}\n" for row in range(60))
    (tmp_path / "mine.csv").write_text(f"kommentar,etikett\n{''.join(rows)}", encoding="utf-8")
    drafted = printed(run(tmp_path, "agile", "init", "mine.csv", "--label", "etikett"))
    config = yaml.safe_load(drafted)["parameters"]
    assert config["data"]["columns"] == {"text": "kommentar"}
    assert config["labels"]["names"] == ["nein", "ja"]


def test_what_is_not_installed_is_said_in_one_line(run: Run, tmp_path: Path) -> None:
    done = run(tmp_path, "agile", "bench", "scoring")
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr
        == "agile: error: bench scoring: benchmarks are not installed; run it with the package of a checkout\n"
    )


def _files(folder: str) -> list[Path]:
    found = (CHECKOUT / folder).rglob("*")
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]

"""External contenders: a program in an environment of its own sees the rows of a cell, and no label of test."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from agile_classifier.errors import InputError
from agile_classifier.studies.external import ask_external, prepare_environment, require_external
from agile_classifier.studies.file import Contender, load_study
from agile_classifier.studies.grid import list_cells
from agile_classifier.studies.trial import run_trial

READS = """
import json, sys
job, answer = sys.argv[1:]
told = json.load(open(job, encoding="utf-8"))
"""
ANSWERS = f"""{READS}
assert set(told) == {{"base", "max_length", "seed", "train", "validation", "test"}}
assert set(told["train"]) == set(told["validation"]) == {{"text", "label"}}
assert set(told["test"]) == {{"text"}}
try:
    import torch
except ImportError:
    pass
else:
    raise SystemExit("the caller's packages are here")
from collections import Counter
seen = Counter()
for text, label in zip(told["train"]["text"], told["train"]["label"]):
    seen.update({{(word, label) for word in text.split()}})
lean = lambda word: (seen[word, 1] - seen[word, 0]) / ((seen[word, 1] + seen[word, 0]) or 1)
score = lambda text: (1 + sum(map(lean, text.split())) / (len(text.split()) or 1)) / 2
said = {{part: [score(text) for text in told[part]["text"]] for part in ("validation", "test")}}
json.dump({{**said, "train_seconds": 0.5, "cpu_seconds": 0.75}}, open(answer, "w"))
"""
Write = Callable[[str], Path]


@pytest.fixture(scope="module", autouse=True)
def one_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder for all: an environment takes seconds to make."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("AGILE_HOME", str(home))
        yield home


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a program that needs no package, and return its folder."""

    def write(program: str) -> Path:
        folder = tmp_path / "mine"
        folder.mkdir(exist_ok=True)
        (folder / "run.py").write_text(program, encoding="utf-8")
        (folder / "requirements.txt").write_text("# nothing\n", encoding="utf-8")
        return folder

    return write


@pytest.fixture
def parts() -> dict[str, pd.DataFrame]:
    def rows(*labelled: tuple[str, int]) -> pd.DataFrame:
        return pd.DataFrame(labelled, columns=["text", "label"])

    return {
        "train": rows(("so kind 🙂", 1), ("so “bad”\n", 0)),
        "validation": rows(("kind", 1), ("“bad”", 0)),
        "test": rows(("kind words", 1), ("", 0), ("“bad” words", 0)),
    }


def test_it_learns_from_train_and_answers_the_rest(write: Write, parts: dict[str, pd.DataFrame]) -> None:
    said = ask_external(write(ANSWERS), parts, base=Path("/base"), max_length=32, seed=3)
    assert said.validation == [1.0, 0.0]
    assert said.test == [0.75, 0.5, 0.25]
    assert (said.train_seconds, said.cpu_seconds) == (0.5, 0.75)


def test_an_environment_is_made_once_for_all_that_want_the_same(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(ANSWERS)
    python = prepare_environment(folder)
    capsys.readouterr()
    shutil.copytree(folder, tmp_path / "other")
    assert prepare_environment(tmp_path / "other") == python
    assert capsys.readouterr().err == ""


def test_an_environment_that_was_left_half_made_is_made_anew(write: Write) -> None:
    place = prepare_environment(write(ANSWERS)).parents[1]
    (place / "ready").unlink()
    (place / "bin" / "python").unlink()
    assert prepare_environment(write(ANSWERS)).exists()
    assert (place / "ready").exists()


WRONG = [
    ("import sys; sys.exit('no such thing')", r"mine/run\.py: exit status 1: no such thing$"),
    ("raise ValueError('a\\nb')", r"mine/run\.py: exit status 1: b$"),
    ("", r"mine/run\.py: has written no answer to its second argument$"),
    (f"{READS}open(answer, 'w').write('[')", r"mine/run\.py: its answer: "),
    (
        f"{READS}json.dump({{'validation': [2, 0], 'test': [0, 0, 0], 'train_seconds': 1, 'cpu_seconds': 1}}, open(answer, 'w'))",
        r"its answer: validation.*less than or equal to 1",
    ),
    (
        f"{READS}json.dump({{'validation': [1], 'test': [0, 0, 0], 'train_seconds': 1, 'cpu_seconds': 1}}, open(answer, 'w'))",
        r"mine/run\.py: 1 answers to the 2 texts of validation$",
    ),
    (f"{READS}open(answer, 'w').write('{{\"test\": [NaN]}}')", r"its answer: "),
]


@pytest.mark.parametrize(("program", "said"), WRONG)
def test_what_it_does_wrong_is_one_line(write: Write, parts: dict[str, pd.DataFrame], program: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        ask_external(write(program), parts, base=Path("/base"), max_length=32, seed=0)
    assert "\n" not in str(refused.value)


def test_requirements_that_cannot_be_installed_are_one_line_and_leave_no_environment(
    write: Write, one_home: Path
) -> None:
    folder = write(ANSWERS)
    (folder / "requirements.txt").write_text("./nowhere.whl\n", encoding="utf-8")
    before = sorted(one_home.rglob("ready"))
    for _ in range(2):
        with pytest.raises(InputError, match=r"mine/requirements\.txt: cannot be installed: .*nowhere\.whl"):
            prepare_environment(folder)
    assert sorted(one_home.rglob("ready")) == before


@pytest.mark.parametrize("name", ["run.py", "requirements.txt"])
def test_a_folder_that_is_not_whole_is_named(write: Write, name: str) -> None:
    folder = write(ANSWERS)
    (folder / name).unlink()
    with pytest.raises(InputError, match=rf"external .*mine: no {name} in it; needed are run.py and requirements.txt"):
        require_external(folder)


def test_it_stands_in_place_of_a_tuned_model_alone() -> None:
    with pytest.raises(ValueError, match="either baseline or external may stand in place of a tuned model"):
        Contender(config="toy", baseline="tfidf", external="mine")
    with pytest.raises(ValueError, match="external belongs to a config"):
        Contender(blend=("a", "b"), external="mine")


def test_a_cell_is_known_by_program_rows_base_model_and_seed(write: Write, study_folder: Path, tmp_path: Path) -> None:
    study = load_study(study_folder / "studies" / "toy.yaml")
    mine = write(ANSWERS)
    contender = Contender(config="toy", external=str(mine), seeds=(0, 1))
    study = study.model_copy(update={"contenders": {"mine": contender}, "sizes": (70,), "splits": (0,)})
    one, other = list_cells(study, folder=study_folder / "studies")
    assert one.key != other.key
    assert set(one.decides) == {"data", "split", "model", "external", "seed"}
    slower = one.config.fine_tune.model_copy(update={"epochs": 9})
    assert replace(one, config=one.config.model_copy(update={"fine_tune": slower})).key == one.key
    shutil.copytree(mine, tmp_path / "moved")
    assert replace(one, external=tmp_path / "moved").key == one.key
    (tmp_path / "moved" / "run.py").write_text(f"{ANSWERS}\n", encoding="utf-8")
    assert replace(one, external=tmp_path / "moved").key != one.key
    shutil.copytree(mine, tmp_path / "helped")
    (tmp_path / "helped" / "helper.py").write_text("", encoding="utf-8")
    assert replace(one, external=tmp_path / "helped").key != one.key, "a module beside the program is part of it"


@pytest.mark.slow
def test_a_trial_of_it_is_judged_as_every_other(write: Write, study_folder: Path) -> None:
    study = load_study(study_folder / "studies" / "toy.yaml")
    contender = Contender(config="toy", external=str(write(ANSWERS)), sizes=(70,), splits=(0,))
    (cell,) = list_cells(study.model_copy(update={"contenders": {"mine": contender}}), folder=study_folder / "studies")
    trial = run_trial(cell.config, external=cell.external)
    assert trial.metrics["roc_auc"] > 0.8
    assert (trial.train_seconds, trial.cpu_seconds) == (0.5, 0.75)
    assert len(trial.y_score) == 40
    assert json.loads(trial.model_dump_json())["cpu_seconds"] == 0.75

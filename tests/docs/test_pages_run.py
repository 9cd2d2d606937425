"""The guides as a person follows them: every block of commands that is marked `run` is run, on few rows, page by page.

`quickstart` blocks share a state folder in which the quickstart has two versions and a champion; `fresh` ones have a
folder of their own, in which nothing was trained. Trainings of the shipped configs are cut down by a stand-in for
`agile` that adds options to them.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from agile_classifier.config.files import load_config
from agile_classifier.data.fetch.sources import fetch_file
from agile_classifier.data.tables import read_table
from agile_classifier.environment import mirror
from tests.docs.pages import GUIDES, PROJECT, Block, blocks
from tests.toys.waiting import LONGEST

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.timeout(1800)]

NewHome = Callable[[Path], Path]
PAGES = {path.stem: path for path in GUIDES if any(block.mark == "run" for block in blocks(path, "bash"))}
FEWER = {
    "configs/quickstart.yaml": [
        *("--limit", "400", "--set", "split.train=100", "--set", "split.validation=60", "--set", "split.test=240"),
        *("--set", "fine_tune.epochs=1", "--set", "model.quantization=none"),
        *("--set", "evaluation.n_resamples=100"),
    ],
    "configs/quickstart-llm.yaml": [
        *("--limit", "400", "--set", "split.train=24", "--set", "split.validation=12"),
        *("--set", "split.test=40", "--set", "fine_tune.epochs=1", "--set", "evaluation.n_resamples=100"),
    ],
}
"""Options that make a training of a shipped config short; unquantized the quickstart is promoted still, as its base is in the probe."""
SHORT = ["--set", "fine_tune.epochs=1", "--set", "evaluation.n_resamples=100"]
"""Options that make a training of any other config short."""
AFTERWARDS = {"configs/quickstart-llm.yaml": ["promote", "1", "--model", "quickstart-llm", "--force"]}
"""Commands after such a training: so short, it need not beat its baselines, as the whole one does."""


@pytest.fixture(scope="module")
def tools(warm_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the commands `agile` and `python`, first on the path; both start with the libraries imported."""
    folder = tmp_path_factory.mktemp("tools")
    python = f'#!/bin/sh\nexec "{warm_python}" "$@"\n'  # a link to it would not find the packages of its environment
    for name, script in {"agile": _stand_in(warm_python), "python": python}.items():
        (folder / name).write_text(script, encoding="utf-8")
        (folder / name).chmod(stat.S_IRWXU)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Downloads of all state folders, so that each thing is fetched once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def empty_home(new_home: NewHome, cache: Path) -> NewHome:
    """Make a folder a state folder in which nothing has run, and whose downloads lie in `cache`."""

    def make(folder: Path) -> Path:
        (new_home(folder) / "cache").symlink_to(cache)
        return folder

    return make


@pytest.fixture(scope="module")
def tweets(cache: Path) -> pd.DataFrame:
    """The quickstart's tweets, as a person's comments: text, a score from 0 to 1, a thread."""
    data = load_config(PROJECT / "configs" / "quickstart.yaml").data
    path = fetch_file(data.source, sha256=data.sha256, revision=None, cache=cache, mirror=mirror())
    frame = read_table(path, data)
    scores = (frame["valence"].astype(float) + 4) / 8
    return pd.DataFrame({"comment": frame["text"], "toxicity": scores.round(3), "thread": frame.index // 3})


@pytest.fixture(scope="module")
def trained(empty_home: NewHome, tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder in which the quickstart has two versions, the first the champion; no gain is enough later."""
    home = empty_home(tmp_path_factory.mktemp("trained"))
    for options in ("", " --set fine_tune.epochs=2 --set promotion.smallest_gain=1"):
        _run(f"agile train configs/quickstart.yaml{options}", folder=PROJECT, home=home, tools=tools)
    return home


def _stand_in(python: str) -> str:
    """A script that stands in for `agile`: it adds options to trainings."""
    return f"""#!{sys.executable} -IS
import subprocess, sys
words, fewer, short, afterwards = sys.argv[1:], {json.dumps(FEWER)}, {json.dumps(SHORT)}, {json.dumps(AFTERWARDS)}
agile = [{python!r}, "-m", "agile_classifier"]
config = words[1] if words[:1] == ["train"] else ""
if config:
    words[2:2] = fewer.get(config, short)
code = subprocess.run([*agile, *words]).returncode
if code == 0 and config in afterwards:
    subprocess.run([*agile, *afterwards[config]])
sys.exit(code)
"""


def _run(code: str, *, folder: Path, home: Path, tools: Path) -> str:
    """Standard output of some shell commands, each of which must succeed."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "MLFLOW_"))},
        "AGILE_HOME": str(home),
        "AGILE_PROJECT": str(PROJECT),
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def _lay_out(folder: Path, tweets: pd.DataFrame) -> None:
    """The files that the guides speak of."""
    (folder / "configs").symlink_to(PROJECT / "configs")
    tweets[:600].to_csv(folder / "comments.csv", index=False)
    new = tweets[["comment"]]
    new[1000:1200].to_csv(folder / "new.csv", index=False)
    new[1000:1050].to_csv(folder / "excel.csv", index=False, sep=";", encoding="cp1252", errors="replace")
    new[1000:1050].rename(columns={"comment": "text"}).to_json(folder / "new.jsonl", orient="records", lines=True)
    new[2000:2300].rename(columns={"comment": "text"}).to_csv(folder / "unlabelled.csv", index=False)
    labelled = tweets[:400].rename(columns={"comment": "text", "toxicity": "valence"})
    labelled[["text", "valence"]].to_csv(folder / "labelled.csv", index=False)


def _fill_in(folder: Path, tweets: pd.DataFrame) -> None:
    """What annotators do between two blocks of the page on what to label next."""
    queue = folder / "to_label.csv"
    if queue.exists():
        scores = tweets.drop_duplicates("comment").set_index("comment")["toxicity"]
        frame = pd.read_csv(queue)
        frame.assign(valence=frame["text"].map(scores)).to_csv(queue, index=False)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_s_commands_do_what_it_says(
    page: str, request: pytest.FixtureRequest, tools: Path, empty_home: NewHome, tweets: pd.DataFrame, tmp_path: Path
) -> None:
    homes = {"fresh": empty_home(tmp_path / "fresh")}
    if any(block.detail == "quickstart" for block in _marked(page)):
        homes["quickstart"] = request.getfixturevalue("trained")
    work = tmp_path / "work"
    work.mkdir()
    _lay_out(work, tweets)
    for block in _marked(page):
        _run(block.code, folder=work, home=homes[str(block.detail)], tools=tools)
        _fill_in(work, tweets)


def _marked(page: str) -> list[Block]:
    return [block for block in blocks(PAGES[page], "bash") if block.mark == "run"]


def test_the_notebook_runs_from_its_first_cell_to_its_last(
    new_home: NewHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    monkeypatch.setenv("AGILE_HOME", str(new_home(tmp_path / "home")))
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    path = PROJECT / "docs" / "tutorials" / "notebook.ipynb"
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=None,
        startup_timeout=LONGEST,
        iopub_timeout=LONGEST,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "tuned MiniLM: ROC AUC 0." in printed

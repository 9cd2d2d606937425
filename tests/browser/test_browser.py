"""What a person sees, in a real browser: the steps, the report, Data Docs, a question answered, aliases, a training launched, a study.

    make test-ui

trains the quickstart once, in a state folder of its own. With PICTURES=1 (`make pictures`) what is seen becomes the manual's pictures.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.browser.commands import Command
from tests.toys.waiting import LONGEST

pytestmark = pytest.mark.browser
playwright = pytest.importorskip("playwright.sync_api")
playwright.expect.set_options(timeout=1000 * LONGEST)

STEPS = (
    "ingest",
    "ingest_base_model",
    "keep_threshold",
    "validate",
    "label_and_split",
    "fine_tune",
    "evaluate",
    "register",
    "promote",
)


class Life:
    """A training that ended in a question, and the servers whose pages show it."""

    def __init__(self, home: Path) -> None:
        ports = [str(_free_port()) for _ in range(2)]
        self.training = Command(
            home, "train", "configs/quickstart.yaml", "--set", "promotion.approval=person", "--set", "promotion.wait=900"
        )  # fmt: skip
        self.training.until("Step `compare_versions` has finished")
        self.pages = Command(home, "ui", "--zenml-port", ports[0], "--mlflow-port", ports[1])
        self.launcher = Command(home, "deploy", "--port", "0")
        self.launch_page = self.launcher.until("launcher for the stack default: ")
        self.zenml = self.pages.until("ZenML: ").partition("/projects/")[0]
        self.mlflow = self.pages.until("MLflow: ").partition("/#/")[0]
        self.run_name = self.training.until("\nrun ")

    def page_of(self, run_name: str) -> str:
        (run,) = requests.get(f"{self.zenml}/api/v1/runs", params={"name": run_name}, timeout=LONGEST).json()["items"]
        return f"{self.zenml}/projects/default/runs/{run['id']}"

    def asked(self) -> str:
        query = {"pipeline": "promotion"}
        found = requests.get(f"{self.zenml}/api/v1/runs", params=query, timeout=LONGEST).json()["items"]
        return f"{self.zenml}/projects/default/runs/{found[0]['id']}"

    def end(self) -> None:
        for command in (self.training, self.launcher, self.pages):
            command.end()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    life = Life(tmp_path_factory.mktemp("browser") / "home")
    yield life
    life.end()


def test_the_dashboard_asks_nothing_and_shows_every_step(
    life: Life, page: playwright.Page, picture: Callable[[str], None]
) -> None:
    page.goto(life.page_of(life.run_name))
    for step in STEPS:
        playwright.expect(page.locator(".react-flow").get_by_text(step, exact=True).first).to_be_visible()
    playwright.expect(page.get_by_text("completed", exact=True).first).to_be_visible()
    picture("run")


@pytest.mark.parametrize(
    ("artifact", "words"), [("report", "ROC AUC"), ("validation_report", "Expectation")], ids=["report", "data docs"]
)
def test_a_page_of_the_run_opens_in_the_dashboard(
    life: Life, page: playwright.Page, picture: Callable[[str], None], artifact: str, words: str
) -> None:
    page.goto(life.page_of(life.run_name))
    page.locator(".react-flow").get_by_text(artifact, exact=True).first.click()
    page.get_by_role("tab", name="Visualization").last.click()
    page.get_by_role("button", name="Load Preview").click()
    frame = page.frame_locator("iframe")
    playwright.expect(frame.get_by_text(words).first).to_be_visible()
    picture(artifact)


def test_a_person_says_yes_on_the_dashboard_and_mlflow_shows_the_champion(
    life: Life, page: playwright.Page, picture: Callable[[str], None]
) -> None:
    page.goto(life.asked())
    playwright.expect(page.get_by_text("Shall version 1 of quickstart become champion")).to_be_visible()
    picture("approval")
    page.get_by_role("button", name="Continue", exact=True).click()
    assert life.training.process.wait(LONGEST) == 0, life.training.said()
    page.goto(f"{life.mlflow}/#/models/quickstart")
    playwright.expect(page.get_by_text("@ champion")).to_be_visible()
    playwright.expect(page.get_by_text("@ candidate")).to_be_visible()
    playwright.expect(page.get_by_text("History of the champion")).to_be_visible()
    playwright.expect(page.get_by_role("cell", name="promoted", exact=True)).to_be_visible()
    assert not page.get_by_text("mlflow.agile.").count(), "tags of the history are hidden"
    if os.environ.get("PICTURES"):
        page.set_viewport_size({"width": 1440, "height": 590})  # without the tags of every version
    picture("history")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{life.mlflow}/#/models/quickstart/versions/1")
    playwright.expect(page.get_by_role("link", name=f"ZenML run {life.run_name}")).to_be_visible()
    picture("version")


def test_mlflow_opens_an_experiment_on_its_training_runs_below_no_pop_up(
    life: Life, page: playwright.Page, picture: Callable[[str], None]
) -> None:
    page.goto(f"{life.mlflow}/#/experiments")
    page.get_by_role("link", name="quickstart", exact=True).click()
    playwright.expect(page.get_by_role("link", name=re.compile("^training-")).first).to_be_visible()
    assert "/runs?" in page.url
    assert not page.get_by_text("Detect Issues").count()
    page.get_by_role("link", name=re.compile("^training-")).first.click()
    page.get_by_role("tab", name="Model metrics").click()
    playwright.expect(page.get_by_text("best", exact=True)).to_be_visible()
    picture("metrics")


def test_the_report_opens_with_the_decision_fits_a_phone_and_its_contents_lead_on(
    life: Life, page: playwright.Page, picture: Callable[[str], None]
) -> None:
    page.set_viewport_size({"width": 375, "height": 812})
    page.goto(Path(life.training.until("report: ")).as_uri())
    playwright.expect(page.get_by_text("1 of quickstart", exact=True)).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    picture("report_on_a_phone")
    page.get_by_role("link", name="Slices", exact=True).click()
    playwright.expect(page.get_by_role("heading", name="Slices")).to_be_in_viewport()


def test_a_training_is_launched_by_the_form_and_found_on_the_dashboard(life: Life, page: playwright.Page) -> None:
    page.goto(life.launch_page)
    page.get_by_text("Configs that come with the project").click()
    page.locator("#configs").get_by_role("link", name="quickstart", exact=True).click()
    page.get_by_text("All other settings").click()
    page.get_by_text("evaluation", exact=True).click()
    page.locator("[name='evaluation.n_resamples']").fill("200")
    page.locator("[name='fine_tune.epochs']").fill("0")
    page.get_by_role("button", name="Run").click()  # the browser itself refuses it
    assert page.url.endswith("/configs/quickstart")
    page.locator("[name='fine_tune.epochs']").fill("1")
    page.get_by_role("button", name="Run").click()
    playwright.expect(page.locator("h1")).to_have_text("quickstart: done", timeout=1000 * LONGEST)
    name = page.get_by_role("link", name=re.compile("^training-")).inner_text()
    page.goto(life.page_of(name))
    playwright.expect(page.get_by_text("completed", exact=True).first).to_be_visible()


def test_a_study_says_first_which_contender_is_best(
    page: playwright.Page, picture: Callable[[str], None], tmp_path: Path
) -> None:
    """Of the finished cells that the repository holds; nothing is trained."""
    home, arguments = tmp_path / "home", ("configs/studies/unfair-tos.yaml", "--only", "majority")
    subprocess.run(
        [sys.executable, "-m", "agile_classifier", "study", *arguments, "--output", str(tmp_path / "RESULTS.md")],
        check=True, env={**os.environ, "AGILE_HOME": str(home)},
    )  # fmt: skip
    page.goto((home / "reports" / "study-unfair-tos.html").as_uri())
    playwright.expect(page.locator("h2").first).to_contain_text("Best")
    playwright.expect(page.get_by_text("split by split").first).to_be_visible()
    picture("study")

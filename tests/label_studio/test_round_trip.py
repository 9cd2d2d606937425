"""The whole way in a browser: from the queue to annotators, to a training that their labels start, to the next champion.

    make test-label-studio

With PICTURES=1 what is seen becomes the manual's pictures.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import requests
import yaml

from agile_classifier.data.fetch.sources import fetch_file
from agile_classifier.data.label_studio.connection import Connection
from agile_classifier.data.label_studio.projects import find_project, list_tasks
from agile_classifier.environment import cache, mirror
from tests.toys.label_studio_server import FIRST, LEGACY_TOKEN, PASSWORD, Person, free_port
from tests.toys.waiting import LONGEST, until, until_said

pytestmark = [pytest.mark.label_studio, pytest.mark.network, pytest.mark.usefixtures("warm_module")]
playwright = pytest.importorskip("playwright.sync_api")
playwright.expect.set_options(timeout=1000 * LONGEST)

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TOKEN = "sentinel-token-of-the-launcher"
TITLE = "to label"
N_HASTY, N_PUSHED, LEAST = 90, 90, 60


class Workshop:
    """A project of one's own, with its state folder, whose commands know the server of Label Studio."""

    def __init__(self, folder: Path, server: str) -> None:
        self.folder, self.server = folder / "work", server
        self.environment = {
            **os.environ, "AGILE_HOME": str(folder / "home"), "AGILE_PROJECT": str(self.folder),
            "LABEL_STUDIO_URL": server, "LABEL_STUDIO_API_KEY": LEGACY_TOKEN, "AGILE_LAUNCH_TOKEN": TOKEN,
            "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        self.port = free_port()
        self.launcher: subprocess.Popen[bytes] | None = None

    @property
    def launch_page(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def agile(self, *words: str, exit_code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "agile_classifier", *words], env=self.environment, cwd=self.folder.parent,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == exit_code, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout if exit_code == 0 else done.stderr

    def deploy(self) -> None:
        log = self.folder / "deploy.txt"
        with log.open("wb") as file:
            self.launcher = subprocess.Popen(
                [sys.executable, "-m", "agile_classifier", "deploy", "--port", str(self.port)], env=self.environment,
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
        until_said("launcher for the stack", self.launcher, self.said)

    def said(self) -> str:
        return (self.folder / "deploy.txt").read_text(encoding="utf-8")

    def launches(self) -> list[dict[str, str]]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        found: list[dict[str, str]] = requests.get(
            f"{self.launch_page}/launches", headers=headers, timeout=LONGEST
        ).json()
        return found

    def end(self) -> None:
        if self.launcher is not None and self.launcher.poll() is None:
            self.launcher.send_signal(signal.SIGTERM)
            self.launcher.wait(LONGEST)

    def write_config(self, *sources: str) -> None:
        """The config: tweets, named Negative and Positive, on the quickstart's base model."""
        quickstart = yaml.safe_load((ROOT / "configs" / "quickstart.yaml").read_text(encoding="utf-8"))["parameters"]
        sections = {
            "data": {
                "sources": [{"name": f"part-{number}", "source": source} for number, source in enumerate(sources)],
                "columns": {"text": "text", "id": "id"},
            },
            "validation": {"min_rows": 40, "min_class_rows": 5},
            "labels": {"rule": "given", "columns": ["mood"], "names": ["Negative", "Positive"]},
            "split": {"method": "stable", "train": 0.5, "validation": 0.15, "test": None},
            "model": quickstart["model"],
            "fine_tune": {"epochs": 3},
            "evaluation": {"n_resamples": 200},
            "promotion": {"min_rows": 20},
            "registry": {"model_name": "mood"},
            "schedule": {"min_new_labels": LEAST},
        }
        head = "# Mood of tweets, labelled in Label Studio.\n"
        text = head + yaml.safe_dump({"parameters": sections}, sort_keys=False)
        (self.folder / "configs" / "mood.yaml").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def tweets() -> pd.DataFrame:
    """Tweets of a clear mood, as their raters found it, in a random order."""
    data = yaml.safe_load((ROOT / "configs" / "quickstart.yaml").read_text(encoding="utf-8"))["parameters"]["data"]
    file = fetch_file(data["source"], sha256=data["sha256"], cache=cache(), mirror=mirror())
    frame = pd.read_csv(file, sep="\t", names=["id", "valence", "text"], quoting=3, dtype={"text": str})
    clear = frame[frame["valence"].abs() > 0.8].sample(frac=1, random_state=1, ignore_index=True)
    return clear.assign(mood=np.where(clear["valence"] > 0, "Positive", "Negative"))


@pytest.fixture(scope="module")
def workshop(server: str, tweets: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """With a champion that has learnt from a hasty person, who might as well have tossed a coin."""
    workshop = Workshop(tmp_path_factory.mktemp("round-trip"), server)
    workshop.agile("new", str(workshop.folder))
    hasty = tweets[:N_HASTY]
    is_wrong = np.random.default_rng(0).random(N_HASTY) < 0.45
    mood = np.where(is_wrong ^ (hasty["mood"] == "Positive"), "Positive", "Negative")
    hasty.assign(mood=mood)[["id", "text", "mood"]].to_csv(workshop.folder / "hasty.csv", index=False)
    tweets[N_HASTY:][["id", "text"]].to_csv(workshop.folder / "pool.csv", index=False)
    workshop.write_config("../hasty.csv")
    workshop.agile("train", str(workshop.folder / "configs" / "mood.yaml"))
    workshop.agile(
        "promote", "1", "--model", "mood", "--force", "--reason", "the gate refuses a coin; there is no other"
    )
    yield workshop
    workshop.end()


@pytest.fixture
def page() -> Iterator[playwright.Page]:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(1000 * LONGEST)
        yield page
        browser.close()


@pytest.fixture
def picture(page: playwright.Page) -> Callable[[str], None]:
    """Keeps what is seen, where pictures are asked for."""

    def keep(name: str) -> None:
        if os.environ.get("PICTURES"):
            page.wait_for_timeout(2000)  # what moves has come to rest
            page.screenshot(path=PICTURES / f"label_studio_{name}.png")

    return keep


def test_from_the_queue_to_the_next_champion(
    workshop: Workshop, connection: Connection, first: Person, second: Person, tweets: pd.DataFrame,
    page: playwright.Page, picture: Callable[[str], None],
) -> None:  # fmt: skip
    config = str(workshop.folder / "configs" / "mood.yaml")
    push = ("label", "push", config, "--project", TITLE, "--pool", str(workshop.folder / "pool.csv"))
    said = workshop.agile(*push, "--count", str(N_PUSHED))
    assert f"{N_PUSHED} tasks" in said
    project = find_project(connection, TITLE)
    assert f"{N_PUSHED} texts were in it already" in workshop.agile(*push, "--count", str(N_PUSHED))
    workshop.write_config(f"label-studio://{project.id}")

    workshop.deploy()
    connected = workshop.agile("label", "connect", "--project", TITLE, "--url", workshop.launch_page)
    assert f"predicts by {workshop.launch_page}" in connected
    _log_in(page, workshop.server)
    page.goto(f"{workshop.server}/projects/{project.id}/settings/ml")
    playwright.expect(page.get_by_text("agile champion").first).to_be_visible()
    playwright.expect(page.get_by_text("Connected").first).to_be_visible()
    picture("model")

    truth = dict(zip(tweets["text"], tweets["mood"], strict=True))
    tasks = sorted(list_tasks(connection, project), key=lambda task: int(task["id"]))
    assert len(tasks) == N_PUSHED
    task = tasks[0]
    page.goto(f"{workshop.server}/projects/{project.id}/data?task={task['id']}")
    playwright.expect(page.get_by_text(task["data"]["text"][:40]).first).to_be_visible()
    playwright.expect(page.get_by_text(task["data"]["reason"]).first).to_be_visible()
    playwright.expect(page.locator("input[type=checkbox][name]:checked")).to_have_count(1)  # what the champion says
    picture("task")
    choice = page.locator(f"input[name='{truth[task['data']['text']]}']")
    if not choice.is_checked():
        choice.click()
    page.get_by_role("button", name="Submit").click()
    until(lambda: any(one["annotations"] for one in list_tasks(connection, project)), "an annotation of the browser")

    for number, one in enumerate(tasks[1:]):
        person = (first, second)[number % 2]
        person.annotate(int(one["id"]), truth[one["data"]["text"]], name="mood")
    for _ in range(3):
        _start_training(first, project.id)  # as its button does
    until(lambda: [one for one in workshop.launches() if one["state"] != "running"], workshop.said)
    until(lambda: all(one["state"] != "running" for one in workshop.launches()), workshop.said)
    launches = workshop.launches()
    assert {one["state"] for one in launches} == {"done"}, launches
    assert len(launches) <= 2, launches  # a second one for labels that came while the first one ran, and no third

    history = workshop.agile("history", "--model", "mood")
    assert re.search(r"version [23]\b.*(promoted|champion)", history), history
    chosen = {"selectedItems": {"all": False, "included": [tasks[-1]["id"]]}}  # Retrieve predictions, of a ticked task
    first.ask("POST", f"/api/dm/actions/?id=retrieve_tasks_predictions&project={project.id}", chosen)
    page.goto(f"{workshop.server}/projects/{project.id}/data?task={tasks[-1]['id']}")
    playwright.expect(page.get_by_text(re.compile(r"mood version [23]")).first).to_be_visible()
    picture("again")
    page.set_extra_http_headers({"Authorization": f"Bearer {TOKEN}"})
    page.goto(f"{workshop.launch_page}/launches/{launches[-1]['id']}")
    playwright.expect(page.locator("h1")).to_contain_text("done")
    picture("launch")

    pulled = workshop.agile("label", "pull", "--project", TITLE, "--output", str(workshop.folder / "labels.csv"))
    assert f"{N_PUSHED} labels of {N_PUSHED} texts by 2 annotators" in pulled
    labels = pd.read_csv(workshop.folder / "labels.csv")
    assert (labels["mood"] == labels["text"].map(truth)).all()


def test_wrong_names_and_tokens_are_a_line_each(workshop: Workshop) -> None:
    pull = ("label", "pull", "--output", str(workshop.folder / "none.csv"), "--project")
    assert re.fullmatch(
        r"agile: error: project 'nothing': no such project at http://127\.0\.0\.1:\d+; there are: .*\n",
        workshop.agile(*pull, "nothing", exit_code=2),
    )
    workshop.environment["LABEL_STUDIO_API_KEY"] = "sentinel-of-nobody"
    said = workshop.agile(*pull, TITLE, exit_code=2)
    assert re.fullmatch(r"agile: error: LABEL_STUDIO_API_KEY: http://\S+ refuses the token \(401: .*\n", said), said
    workshop.environment["LABEL_STUDIO_URL"] = f"http://127.0.0.1:{free_port()}"
    said = workshop.agile(*pull, TITLE, exit_code=2)
    assert re.fullmatch(r"agile: error: LABEL_STUDIO_URL: http://\S+ does not answer \(ConnectionError\).*\n", said), (
        said
    )


def _log_in(page: playwright.Page, server: str) -> None:
    page.goto(f"{server}/user/login")
    page.locator("[name=email]").fill(FIRST)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name=re.compile("log in", re.IGNORECASE)).click()
    page.wait_for_url(lambda url: "login" not in url)


def _start_training(person: Person, project: int) -> None:
    (backend,) = person.ask("GET", f"/api/ml/?project={project}")
    person.ask("POST", f"/api/ml/{backend['id']}/train", {})

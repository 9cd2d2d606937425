"""The way of a person without a terminal, in a real browser: a stranger's file, what is made of it, a run, its report, its promotion.

Every page is held against axe-core's rules, by keyboard, and on a phone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from agile_classifier.config.files import load_config
from agile_classifier.data.examples import read_examples
from agile_classifier.ops import project
from tests.browser.commands import Command
from tests.toys.waiting import LONGEST, until

pytestmark = pytest.mark.browser
playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
playwright.expect.set_options(timeout=1000 * LONGEST)

PHONE = {"width": 375, "height": 812}
DESKTOP = {"width": 1280, "height": 900}
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("way") / "home"


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """The launcher, really served, over an empty state folder."""
    launcher = Command(home, "deploy", "--port", "0")
    yield launcher.until("launcher for the stack default: ")
    launcher.end()


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    """800 tweets and how glad they are, as somebody's spreadsheet would save them."""
    config = load_config(project.configs() / "quickstart.yaml")
    examples = read_examples(config.data).head(800)
    frame = pd.DataFrame({"Nr": examples["id"], "Tweet": examples["text"], "Mood": examples["score"]})
    path = tmp_path / "Mood of tweets.csv"
    frame.to_csv(path, sep=";", index=False)
    return path


@pytest.fixture
def complaints(page: playwright.Page) -> Iterator[list[str]]:
    """What the browser complains of; in the end nothing."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield said
    assert said == []


def require_usable(page: playwright.Page) -> None:
    """No rule of axe-core is broken in light and dark, and nothing is wider than a phone."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = axe.Axe().run(page, options=RULES).response["violations"]
        assert not found, [(each["id"], scheme, [node["html"] for node in each["nodes"]][:3]) for each in found]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    wide = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.wide, pre, .unseen, svg')).map(e => e.outerHTML.slice(0, 100))"
    )
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert axe.Axe().run(page, options=RULES).violations_count == 0
    page.set_viewport_size(DESKTOP)


def require_reached_by_keyboard(page: playwright.Page, name: str) -> None:
    """A button is reached by the tab key from the top of the page, and shows where one stands."""
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            break
    assert page.evaluate("document.activeElement.textContent.trim()") == name
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def both(page: playwright.Page, picture: Callable[[str], None], name: str) -> None:
    """A picture as on a desk, and as on a phone."""
    page.set_viewport_size(DESKTOP)
    picture(name)
    page.set_viewport_size(PHONE)
    picture(f"{name}_phone")
    page.set_viewport_size(DESKTOP)


def test_a_strangers_file_becomes_a_champion(
    address: str, page: playwright.Page, picture: Callable[[str], None], tweets: Path, complaints: list[str]
) -> None:
    page.goto(address)
    require_usable(page)
    require_reached_by_keyboard(page, "Look at it")
    both(page, picture, "launcher")
    page.get_by_label("File of the texts").set_input_files(tweets)
    page.get_by_role("button", name="Look at it").press("Enter")

    playwright.expect(page.get_by_role("heading", level=1)).to_have_text("Mood_of_tweets.csv")
    assert page.get_by_label("Column that holds the texts").locator("option:checked").inner_text() == "Tweet"
    assert page.get_by_label("What you look for").locator("option:checked").inner_text() == "high scores"
    assert page.locator("[data-label=text]").count() == 10
    require_usable(page)
    require_reached_by_keyboard(page, "Run")
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    both(page, picture, "launcher_file")

    page.get_by_label("Name of the classifier").fill("mood")
    page.get_by_label("How often to go through the texts").fill("3")
    page.get_by_label("Who decides whether it goes into service").select_option("person")
    page.get_by_role("button", name="Run").press("Enter")
    stop = page.get_by_role("button", name="Stop the run")
    playwright.expect(stop).to_be_visible()
    playwright.expect(page.locator(".steps .running")).to_contain_text("train")
    require_usable(page)
    both(page, picture, "launcher_run")

    playwright.expect(page.locator("#sentence")).to_contain_text("All steps are done")
    page.get_by_role("link", name=re.compile("Versions, champion and history")).click()
    question = page.get_by_role("heading", name="Shall version 1 go into service?")
    until(lambda: page.reload() and question.count(), "nobody is asked")
    require_usable(page)
    both(page, picture, "launcher_question")
    page.get_by_role("button", name="Yes, put it into service").click()
    playwright.expect(page.get_by_role("heading", level=1)).to_contain_text("done")

    page.goto(address)
    page.locator("#runs").get_by_role("link").last.click()
    playwright.expect(page.get_by_role("heading", level=1)).to_contain_text("done")
    report = page.frame_locator("iframe[title='Report of the run']")
    playwright.expect(report.get_by_text("ROC AUC").first).to_be_visible()
    require_usable(page)
    both(page, picture, "launcher_report")

    page.get_by_role("link", name=re.compile("Versions, champion and history")).click()
    playwright.expect(page.get_by_text("In service: version 1")).to_be_visible()
    playwright.expect(page.locator(".history")).to_contain_text("version 1 promoted")
    playwright.expect(page.get_by_text("There is no champion before to roll back to.")).to_be_visible()
    require_usable(page)
    both(page, picture, "launcher_model")


def test_a_question_is_answered_and_a_run_is_stopped(
    address: str, page: playwright.Page, tmp_path: Path, complaints: list[str]
) -> None:
    from tests.drafts.strangers import STRANGERS

    chat = next(stranger for stranger in STRANGERS if stranger.name == "chat with the other speaker's turns")
    chat.frame(300).to_csv(tmp_path / "Chat of <us>.csv", index=False)
    page.goto(address)
    page.get_by_label("File of the texts").set_input_files(tmp_path / "Chat of <us>.csv")
    page.get_by_role("button", name="Look at it").click()
    playwright.expect(page.get_by_role("group", name="Which is right?")).to_be_visible()
    require_usable(page)
    while page.get_by_role("group", name="Which is right?").count():
        page.get_by_role("radio").first.press("Space")
        page.get_by_role("button", name="Go on").click()
        page.wait_for_load_state()
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Stop the run").click()
    playwright.expect(page.get_by_role("heading", level=1)).to_contain_text("stopped")
    playwright.expect(page.get_by_role("status")).not_to_be_empty()


def test_a_file_that_is_no_table_is_refused_in_words(address: str, page: playwright.Page, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04")
    page.goto(address)
    page.get_by_label("File of the texts").set_input_files(tmp_path / "model.pkl")
    page.get_by_role("button", name="Look at it").click()
    playwright.expect(page.get_by_role("status")).to_contain_text("may be a pickle")
    require_usable(page)

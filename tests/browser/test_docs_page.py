"""The page `/docs` of the scoring server in a real browser: nothing from elsewhere, no complaint, and a request that is answered."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import uvicorn

from agile_classifier.ops.serving.guard import Guard
from agile_classifier.ops.serving.listening import address, listen
from tests.toys.live_server import scoring
from tests.toys.waiting import LONGEST, until

pytestmark = pytest.mark.browser
playwright = pytest.importorskip("playwright.sync_api")
playwright.expect.set_options(timeout=1000 * LONGEST)

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TOKEN = "sentinel-token-of-the-page"


@pytest.fixture(params=[None, TOKEN], ids=["open", "with a token"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a server whose model answers with the texts themselves."""
    with scoring(token=request.param) as (app, _), run_beside(app, request.param) as found:
        yield found


@contextmanager
def run_beside(app: Guard, token: str | None) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
    with listen("127.0.0.1", 0, token=token, variable="AGILE_TEST_TOKEN") as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        until(lambda: server.started, "the server does not start")
        yield address(listener)
        server.should_exit = True
        thread.join(LONGEST)


def test_the_page_describes_every_endpoint_and_tries_one(server: str) -> None:
    browser_path = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": 1200, "height": 1600}, http_credentials={"username": "anybody", "password": TOKEN}
        )
        page.set_default_timeout(1000 * LONGEST)
        asked, complaints = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(f"{server}/docs")
        for path in ("/ping", "/health", "/version", "/metrics", "/invocations"):
            playwright.expect(page.locator(f"[data-path='{path}']")).to_be_visible()
        page.locator("[data-path='/invocations']").click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        playwright.expect(page.locator(".live-responses-table .response-col_status").last).to_have_text("200")
        playwright.expect(page.locator(".live-responses-table")).to_contain_text('"label": "what a lovely day"')
        browser.close()
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {urlsplit(server).netloc}
    assert complaints == []

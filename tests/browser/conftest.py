"""A page of a real browser, and what is seen in it kept as the manual's pictures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.toys.waiting import LONGEST

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def page() -> Iterator[Any]:
    """A page of a browser of this machine, else of playwright's own (`playwright install chromium`)."""
    from playwright import sync_api as playwright

    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(1000 * LONGEST)
        yield page
        browser.close()


@pytest.fixture
def picture(page: Any) -> Callable[[str], None]:
    """Keeps what is seen, where pictures are asked for."""

    def keep(name: str) -> None:
        if os.environ.get("PICTURES"):
            PICTURES.mkdir(exist_ok=True)
            page.wait_for_timeout(1500)  # what moves has come to rest
            page.screenshot(path=PICTURES / f"{name}.png")

    return keep

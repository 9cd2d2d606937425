"""The validation page as a person and a browser get it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from agile_classifier.data.expectations.page import shown
from agile_classifier.data.expectations.run import Suite, evaluate_expectations, read_suite

SUITE = """
expectations:
  - {type: expect_column_values_to_hold_visible_text, kwargs: {column: text}, severity: critical, reason: "a < b & c"}
  - {type: expect_column_values_to_be_unique_after_normalisation, kwargs: {column: text},
     severity: warning, reason: twice}
  - {type: expect_column_values_to_hold_at_most_words, kwargs: {column: text, max_words: {$PARAMETER: max_words}},
     severity: warning, reason: long}
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    path = tmp_path_factory.mktemp("suite") / "suite.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return read_suite(path)


def page_of(*texts: object, suite: Suite) -> str:
    examples = pd.DataFrame({"id": [f"c{number}" for number in range(len(texts))], "text": texts})
    return evaluate_expectations(examples, suite=suite, parameters={"max_words": 9}, provisional_label=None).html


class Tags(HTMLParser):
    """The tags of a page, and the values of its attributes that load, link or run something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [f"{name}={value}" for name, value in attrs if name in LOADING or name.startswith("on")]


LOADING = {"src", "href", "srcset", "action", "data", "background", "poster", "xlink:href"}


def test_the_page_loads_nothing_and_runs_nothing_whatever_the_texts_hold(suite: Suite) -> None:
    hostile = "<script src='https://evil.example/x.js'>alert(1)</script><img src=x onerror=alert(1)> $x ${y} {{ z }}"
    found = Tags(page := page_of(hostile, hostile, " ", suite=suite))
    assert "table" in found.tags
    assert not found.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "svg"}
    assert found.links == []
    assert "&lt;script src=" in page
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'\"" in page
    [style] = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    assert not re.search(r"url\(|@import|https?:", style)


def test_the_page_shows_verdict_demands_values_and_examples(suite: Suite) -> None:
    page = page_of("\u200b", "fine", "long " * 10, suite=suite)
    assert "Refused: 1 critical failure, 1 warning." in page
    for part in ("expect_column_values_to_hold_visible_text", r"&#x27;\u200b&#x27;", "c0", "c2", "long (max_words 9)"):
        assert part in page
    assert page.count("a &lt; b &amp; c") == 2


def test_warnings_alone_are_accepted(suite: Suite) -> None:
    assert "Accepted: 0 critical failures, 1 warning." in page_of("twice", "Twice ", suite=suite)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (" a\n\u200bé", r"' a\n\u200bé'"),
        ("x" * 61, "'" + "x" * 60 + "'…"),
        (None, "null"),
        (np.nan, "null"),
        (0.25, "0.25"),
        (("a", 1), "'a', 1"),
    ],
)
def test_a_value_is_shown_on_one_line_with_what_cannot_be_seen(value: object, line: str) -> None:
    assert shown(value) == line

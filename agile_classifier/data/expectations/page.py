"""Great Expectations' own validation page, as one file that needs no network.

Data Docs load their styles, icons and scripts from content networks, and leave values unescaped. Here the page around
Great Expectations' sections is ours: our stylesheet inside, no script, every value shortened and escaped.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, DictLoader

MAX_CHARACTERS = 60
"""Longest value shown, in characters."""

TEMPLATES = {
    "page.j2": """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Validation of the examples</title>
<style>{{ stylesheet }}</style>
</head>
<body>
<main>
<h1>Validation of the examples</h1>
<p class="verdict {{ 'refused' if critical else 'accepted' }}">{{ verdict }}</p>
{% for severity, sentences in (("critical", critical), ("warning", warnings)) if sentences %}
<ul class="sentences {{ severity }}">{% for sentence in sentences %}<li>{{ sentence | e }}</li>{% endfor %}</ul>
{% endfor %}
{% for section in sections %}{% set section_loop = loop %}{% include "section.j2" %}{% endfor %}
<footer>Data Docs of Great Expectations {{ ge_version }}</footer>
</main>
</body>
</html>
""",
    "collapse.j2": "",
}
"""Templates that replace two of Great Expectations': the page itself, and tracebacks, which only a script could
unfold."""


def render_validation_page(
    result: ExpectationSuiteValidationResult, *, critical: Sequence[str], warnings: Sequence[str]
) -> str:
    """Render the validation page as HTML: verdict and failures first, then Great Expectations' section for each column.

    Parameters
    ----------
    result : ExpectationSuiteValidationResult
        In the COMPLETE format, failing rows as `{"example": name}`; changed in place (values shortened and escaped),
        for the renderer reads them from it.
    critical, warnings : one sentence a failure
    """
    for expectation_result in result.results:
        _prepare(expectation_result)
    renderer = ValidationResultsPageRenderer(run_info_at_end=True)
    document = renderer.render(result)
    overview, *sections = (section for section in document.sections if section.section_name != "Run Info")
    overview.content_blocks = [block for block in overview.content_blocks if block.content_block_type == "table"]
    document.sections = [*sections, overview]
    page = _view().render(  # type: ignore[no-untyped-call]  # Great Expectations leaves it untyped
        document,
        stylesheet=Path(__file__).with_suffix(".css").read_text(encoding="utf-8"),
        verdict=_verdict(len(critical), len(warnings)),
        critical=critical,
        warnings=warnings,
    )
    return str(page)


def shown(value: object) -> str:
    """Show a value on one line of at most 60 characters; text in quotes, invisible characters as escape sequences."""
    if isinstance(value, (tuple, list)):
        return ", ".join(shown(part) for part in value)
    if isinstance(value, str):
        return repr(value[:MAX_CHARACTERS]) + ("…" if len(value) > MAX_CHARACTERS else "")
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "null" if missing else str(value)[:MAX_CHARACTERS]


@cache
def _view() -> DefaultJinjaPageView:
    """Great Expectations' page view with our templates first; made once, since compiling it takes longest."""
    view = DefaultJinjaPageView()
    view.env.loader = ChoiceLoader([DictLoader(TEMPLATES), *([view.env.loader] if view.env.loader else [])])
    return view


def _verdict(n_critical: int, n_warnings: int) -> str:
    verdict = "Refused" if n_critical else "Accepted"
    failures, warnings = _plural("critical failure", n_critical), _plural("warning", n_warnings)
    return f"{verdict}: {failures}, {warnings}."


def _plural(noun: str, number: int) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _prepare(result: ExpectationValidationResult) -> None:
    """Mark severities, and escape values, which Great Expectations would put into the page as they are."""
    config, values = result.expectation_config, result.result
    if config is None:
        raise ValueError("Great Expectations returned a result without its expectation")
    severity = FailureSeverity(config.severity).value
    config.description = (
        f'<b class="{severity}">{severity}</b> {html.escape(config.description or "")} <code>{config.type}</code>'
    )
    if "observed_value" in values:
        values["observed_value"] = _safe(values["observed_value"])
    values["unexpected_list"] = [_safe(shown(value)) for value in values["unexpected_list"]]
    values["unexpected_index_column_names"] = ["example"]
    values["unexpected_index_list"] = [
        {"value": value, "example": _safe(row["example"])}
        for value, row in zip(values["unexpected_list"], values["unexpected_index_list"], strict=True)
    ]
    values["partial_unexpected_list"] = values["unexpected_list"]
    values["partial_unexpected_counts"] = [
        {**entry, "value": _safe(shown(entry["value"]))} for entry in values.get("partial_unexpected_counts", ())
    ]


def _safe(value: Any) -> Any:
    return html.escape(value) if isinstance(value, str) else value

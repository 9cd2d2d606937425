"""Rendering: the launcher's pages, which escape everything, and headers that let a browser do no more than they need.

A page has its own style by its digest, and one script, which comes as a file of this server.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agile_classifier.ops.serving.docs import allow_by_digest

FOLDER = Path(__file__).parent
STYLE, SCRIPT = "launcher.css", "launcher.js"
SCRIPT_PATH = f"/assets/{SCRIPT}"
POLICY = (
    "default-src 'none'; style-src {style}; script-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content security policy of a page: its own style, this server's script and reports, and nothing else."""
OF_REPORT = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""Content security policy of a report: it runs nothing, and stands in a page of this server alone."""
NOT_KEPT = {"cache-control": "no-store"}


class Pages:
    """The pages of the launcher, on one stack."""

    def __init__(self, stack: str) -> None:
        environment = Environment(
            loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        style = (FOLDER / STYLE).read_text(encoding="utf-8")
        environment.globals.update(stack=stack, script=SCRIPT_PATH)
        self._environment, self._style = environment, style
        self._headers = {"content-security-policy": POLICY.format(style=allow_by_digest(style.encode())), **NOT_KEPT}
        self._script = (FOLDER / SCRIPT).read_bytes()

    def show(self, view: str, *, status: int = HTTPStatus.OK, **shown: Any) -> Response:
        """Render the template of a name as a page."""
        page = self._environment.get_template(f"{view}.html.j2").render(view=view, style=self._style, **shown)
        return HTMLResponse(page, status, headers=self._headers)

    def refuse(self, error: Exception, status: int) -> Response:
        """A page that says what is wrong."""
        return self.show("error", status=status, error=str(error))

    async def script(self) -> Response:
        """The script of every page."""
        return Response(self._script, media_type="text/javascript; charset=utf-8", headers=NOT_KEPT)


def show_report(report: str) -> Response:
    """A report, to be shown within a page or alone."""
    return HTMLResponse(report, headers={"content-security-policy": OF_REPORT, **NOT_KEPT})

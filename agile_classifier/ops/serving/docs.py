"""Page `/docs`: Swagger UI on an application's OpenAPI description.

Nothing is fetched from elsewhere, and the page may not.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles

DOCS, FILES, DESCRIPTION = "/docs", "/docs-files", "/openapi.json"
DOCS_PATHS = (DOCS, DESCRIPTION)
"""Beginnings of the paths of the page, its files and what it describes."""


def add_docs(app: FastAPI) -> None:
    """Add the page; its addresses are relative, so that it can stand behind a proxy's prefix."""
    page = get_swagger_ui_html(
        openapi_url=DESCRIPTION[1:],
        title=app.title,
        swagger_js_url=f"{FILES[1:]}/swagger-ui-bundle.js",
        swagger_css_url=f"{FILES[1:]}/swagger-ui.css",
        swagger_favicon_url=f"{FILES[1:]}/favicon.png",
        swagger_ui_parameters={"validatorUrl": None},  # by default the description is sent to swagger.io
    )
    page.headers["Content-Security-Policy"] = _policy(bytes(page.body))

    @app.get(DOCS, include_in_schema=False)
    async def docs() -> Response:
        return page

    app.mount(FILES, StaticFiles(packages=[("fastapi_offline", "static")]))


def allow_by_digest(content: bytes) -> str:
    """Source of a content security policy that allows one script or style in a page, by its digest."""
    return f"'sha256-{b64encode(sha256(content).digest()).decode()}'"


def _policy(page: bytes) -> str:
    """Files of this server alone, and of scripts in the page only its own, by their digest."""
    scripts = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    digests = " ".join(map(allow_by_digest, scripts))
    return (
        f"default-src 'none'; script-src 'self' {digests}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

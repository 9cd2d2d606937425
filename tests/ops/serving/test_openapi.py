"""The scoring server holds to its OpenAPI document."""

from __future__ import annotations

from pathlib import Path

from tests.toys.live_server import running, scoring
from tests.toys.openapi import require_conformance


def test_the_scoring_server_holds_to_its_document(tmp_path: Path) -> None:
    with scoring() as (app, limits), running(app, limits) as port:
        require_conformance(port, tmp_path)

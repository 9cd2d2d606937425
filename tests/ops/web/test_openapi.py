"""The launcher holds to its OpenAPI document; what is launched is a stand-in."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.toys.live_server import running
from tests.toys.openapi import require_conformance


def test_the_launcher_holds_to_its_document(says: Any, launches_folder: Path, tmp_path: Path) -> None:
    from agile_classifier.ops.web.launcher import LIMITS, make_app

    uploads = launches_folder.with_name("uploads")
    before = {*launches_folder.glob("*"), *uploads.glob("*")}
    says(b"run training-1\n")
    with running(make_app(token=None), LIMITS) as port:
        require_conformance(port, tmp_path)
    for folder in {*launches_folder.glob("*"), *uploads.glob("*")} - before:
        shutil.rmtree(folder)

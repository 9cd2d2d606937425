"""Verdicts in a team's database, really started: every question that is asked of the store is answered there too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agile_classifier.ops.project import root
from tests.ops.state.test_team_databases import INSTALL, MARIADB, PASSWORD, POSTGRES, mariadb, postgres

__all__ = ["mariadb", "postgres"]
pytestmark = pytest.mark.slow
WORDS = """
from tests.toys.toy_feedback import Desk, tell
from agile_classifier.ops.feedback.store import open_store
desk = Desk.of(open_store(), keep_texts=True)
desk.serve_and_judge(400, made=1_790_000_000, precision=0.9)
print(tell(desk.store))
"""


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(
            "mariadb", marks=pytest.mark.skipif(not (MARIADB and INSTALL), reason="no MariaDB on this machine")
        ),
        pytest.param("postgres", marks=pytest.mark.skipif(not POSTGRES, reason="no PostgreSQL on this machine")),
    ],
)
def test_verdicts_lie_in_the_teams_database(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    address = request.getfixturevalue(kind)
    variables = {**os.environ, "AGILE_HOME": str(tmp_path / "home"), "AGILE_FEEDBACK_URL": address}
    first, second = (
        subprocess.run(
            [sys.executable, "-c", WORDS], env=variables, cwd=root(), capture_output=True, text=True, check=False
        )
        for _ in range(2)
    )
    assert first.returncode == 0, first.stderr
    told = [dict(word.split("=") for word in done.stdout.split()) for done in (first, second)]
    n_verdicts = int(told[1]["verdicts"])
    assert told[0]["signers"] == told[1]["signers"] == "1"
    assert (told[0]["served"], told[1]["served"], told[1]["counted"]) == ("400", "800", "800")
    assert n_verdicts > int(told[0]["verdicts"]) > 40
    assert (told[1]["texts"], told[1]["judged"]) == (str(n_verdicts), str(n_verdicts))
    assert (told[1]["removed"], told[1]["left"]) == (str(800 - n_verdicts), str(n_verdicts))
    assert PASSWORD not in "".join(done.stdout + done.stderr for done in (first, second))
    assert not list(tmp_path.rglob("*.db"))

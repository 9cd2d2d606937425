"""A state folder and a crontab of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from agile_classifier.ops.scheduling import crontab
from tests.toys.toy_schedules import CRONTAB


@pytest.fixture
def tab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's crontab; the state folder beside it has no schedules yet."""
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "crontab").write_text(CRONTAB)
    (commands / "crontab").chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")
    monkeypatch.setenv("TAB", str(tmp_path / "tab"))
    monkeypatch.setenv("AGILE_HOME", str(tmp_path / "a % home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(crontab, "is_daemon_missing", lambda: False)  # whatever this machine runs
    return tmp_path / "tab"

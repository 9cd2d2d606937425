"""Schedules on a crontab command that keeps a file of the test's own."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from agile_classifier.ops.project import configs
from agile_classifier.ops.scheduling.file import read_schedules
from agile_classifier.ops.scheduling.local import apply

CRONTAB = """#!/bin/sh
case "$1" in
  -l) [ -f "$TAB" ] && exec cat "$TAB"; echo "no crontab for you" >&2; exit 1;;
  -r) rm "$TAB";;
  -) cat > "$TAB";;
esac
"""
"""The three things that are asked of crontab."""
ENTRY: dict[str, Any] = {
    "name": "nightly", "pipeline": "training", "config": str(configs() / "quickstart.yaml"),
    "cron": "0 3 * * *", "time_zone": "Europe/Paris",
}  # fmt: skip
TOMORROW = datetime.now(UTC) + timedelta(days=1)


def write_file(path: Path, *entries: dict[str, Any]) -> Path:
    """A schedules file with these entries."""
    path.write_text(yaml.safe_dump({"schedules": list(entries)}), encoding="utf-8")
    return path


def apply_file(path: Path, *entries: dict[str, Any], dry_run: bool = False) -> list[tuple[str, str]]:
    """Write these entries into a file and apply it; kind and name of each change."""
    changes = apply(read_schedules(write_file(path, *entries)), variables=os.environ, dry_run=dry_run)
    return [(change.kind, change.name) for change in changes]

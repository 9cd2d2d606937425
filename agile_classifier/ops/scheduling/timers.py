"""Timers of systemd that an earlier version made, one for each schedule."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from agile_classifier.environment import home


def remove_timers() -> list[str]:
    """Stop and remove those of this state folder; returns their names."""
    units = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "systemd" / "user"
    prefix = f"agile-{hashlib.sha256(str(home()).encode()).hexdigest()[:8]}-"
    timers = sorted(path.name for path in units.glob(f"{prefix}*.timer"))
    if timers:
        subprocess.run(["systemctl", "--user", "disable", "--now", *timers], capture_output=True, check=False)
        for unit in units.glob(f"{prefix}*"):
            unit.unlink()
    return timers

"""Places: where a machine keeps downloads, and what stands in for its network. The environment is read here alone."""

from __future__ import annotations

import os
from pathlib import Path

ZENML_PORT, MLFLOW_PORT = 8237, 5000
"""On loopback, of the pages that `agile ui` opens unless told otherwise."""
SERVED = ("http://", "https://")
"""How the address of a store begins that is a server already."""


SCHEDULE = "AGILE_SCHEDULE"
"""Variable that names the schedule to its run, which then leaves it to the schedule to tell of a failure."""


def home() -> Path:
    """The state folder, `AGILE_HOME`."""
    return Path(os.environ.get("AGILE_HOME") or "~/.local/share/agile-classifier").expanduser().absolute()


def cache() -> Path:
    """Downloads, by digest."""
    return home() / "cache"


def mirror() -> Path | None:
    """A folder that is looked in before the network, `AGILE_MIRROR`."""
    folder = os.environ.get("AGILE_MIRROR")
    return Path(folder).expanduser().absolute() if folder else None


def hub_token() -> str | None:
    """Access token of a gated hub model, `HF_TOKEN`; never from a config."""
    return os.environ.get("HF_TOKEN") or None


def n_processes_around() -> int:
    """Processes that a launcher such as torchrun has started to work with this one, `WORLD_SIZE`; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE") or 1)

"""Stores: which ZenML, MLflow and store of verdicts commands speak to, a team's or the databases in the state folder.

Asked before either library is imported, and as they will answer: the environment decides, else ZenML's own settings.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from agile_classifier.environment import FEEDBACK_URL, home
from agile_classifier.errors import InputError, one_line
from agile_classifier.ops.state.databases import FEEDBACK, MLFLOW, ZENML

SETTINGS = "zenml/config.yaml"
"""File in which ZenML keeps where its store is and which stack is active; it rewrites it with every process."""
SQLITE = "sqlite:///"


def embedded_databases(folder: Path) -> list[str]:
    """List the databases of a state folder that commands use, by their names below it; a team's store takes none."""
    addresses = {MLFLOW: mlflow_address(folder), ZENML: zenml_address(folder)}
    return [name for name, address in addresses.items() if address == f"{SQLITE}{folder / name}"]


def is_zenml_embedded() -> bool:
    """Whether ZenML's store is the database in the state folder."""
    return ZENML in embedded_databases(home())


def is_mlflow_embedded() -> bool:
    """Whether MLflow's store is the database in the state folder."""
    return MLFLOW in embedded_databases(home())


def mlflow_address(folder: Path) -> str:
    """Address of MLflow's store."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{folder / MLFLOW}"


def zenml_address(folder: Path) -> str:
    """Address of ZenML's store."""
    settings = Path(os.environ.get("ZENML_CONFIG_PATH") or folder / "zenml").resolve()
    named = os.environ.get("ZENML_STORE_URL") or read_store(settings / "config.yaml").get("url")
    return str(named or f"{SQLITE}{settings.parent / ZENML}")


def feedback_address(folder: Path) -> str:
    """Address of the store of served predictions and verdicts."""
    return os.environ.get(FEEDBACK_URL) or f"{SQLITE}{folder / FEEDBACK}"


def read_store(file: Path) -> dict[str, Any]:
    """Read what ZenML's settings say of its store; empty if they say nothing yet.

    Raises
    ------
    InputError
        The file is damaged.
    """
    try:
        settings = yaml.safe_load(file.read_text(encoding="utf-8")) or {}  # empty while ZenML writes it
        store = settings.get("store") or {}
        return dict(store)
    except FileNotFoundError:
        return {}
    except (OSError, AttributeError, TypeError, ValueError, yaml.YAMLError) as error:
        raise InputError(
            f"{file}: damaged: {one_line(error, longest=120)}; restore a backup (agile restore FILE --force), or remove"
            " the file and select your stack again (agile stack NAME): ZenML writes it anew"
        ) from None

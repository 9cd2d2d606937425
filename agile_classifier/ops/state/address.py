"""Address: where a state folder says that it lies, and who may use it where it is now.

ZenML's and MLflow's databases name files by absolute paths, and ZenML's settings name its database so. In a folder that
was moved or copied they lead to the old place, where the original may still be at work.
"""

from __future__ import annotations

from pathlib import Path

from agile_classifier.errors import InputError
from agile_classifier.ops.state import version as state_version
from agile_classifier.ops.state.databases import ZENML
from agile_classifier.ops.state.stores import SETTINGS, SQLITE, read_store


def find_addresses(folder: Path) -> list[str]:
    """List the places that a state folder names as its own; none for a new one, several if it was half moved.

    Raises
    ------
    InputError
        Its record or ZenML's settings are damaged.
    """
    recorded = state_version.read_record(folder).home
    store = str(read_store(folder / SETTINGS).get("url", ""))
    named = store.removeprefix(SQLITE).removesuffix(f"/{ZENML}")
    is_ours = store.startswith(SQLITE) and store.endswith(f"/{ZENML}")
    return list(dict.fromkeys([*([recorded] if recorded else []), *([named] if is_ours else [])]))


def require_address(folder: Path) -> None:
    """Refuse a state folder that was moved or copied.

    Raises
    ------
    InputError
        It names another place as its own; says which, and how to go on.
    """
    for address in find_addresses(folder):
        if address != str(folder):
            is_there = (Path(address) / "ready").is_file()
            way_back = f", or name {address} in AGILE_HOME" if is_there else ""
            raise InputError(
                f"AGILE_HOME {folder}: was {'copied' if is_there else 'moved or copied'} from {address}, where its"
                f" databases still look for their files; agile adopt makes it a state folder of its own{way_back}"
            )

"""Moving: a state folder is made to name the place where it lies now, in place of the one where it was.

ZenML's and MLflow's databases name files by absolute paths, as text, as addresses and in JSON. Registered versions name
none, and are left as they are: digests of their files were registered.
"""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Set
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from agile_classifier.files import write_whole
from agile_classifier.ops.state import version as state_version
from agile_classifier.ops.state.databases import DATABASES
from agile_classifier.ops.state.stores import SETTINGS

Moved = Callable[[str], str]


def move_addresses(folder: Path, old: Iterable[str], new: Path) -> None:
    """Rewrite the paths below the old places, in databases, ZenML's settings and the record, to ones below the new.

    The record comes last, so that a folder whose move was cut short still tells that it was moved; a second try ends
    it.

    Parameters
    ----------
    folder : Path
        Where the files are at this moment.
    """
    moved = mover(set(old), new)
    for name in DATABASES:
        if (folder / name).is_file():
            _move_in_database(folder / name, moved)
    settings = folder / SETTINGS
    if settings.is_file():
        found = yaml.safe_load(settings.read_text(encoding="utf-8"))
        write_whole(settings, yaml.safe_dump(_walk(found, moved)))
    if (folder / state_version.RECORD).is_file():
        state_version.write_record(folder, replace(state_version.read_record(folder), home=str(new)))


def mover(old: Set[str], new: Path) -> Moved:
    """Function that replaces folders by another in a text, URI or JSON, and leaves `/x/old` and `/old-2` alone."""
    places = {way(place) for place in old for way in (str, quote, _in_json, _in_json_of_any_letters)}
    quoted = {quote(place) for place in old} - set(old)
    wanted = "|".join(re.escape(place) for place in sorted(places, key=len, reverse=True))
    pattern = re.compile(rf"(?P<uri>file://)?(?<![\w.%-])(?P<place>{wanted})(?![\w.%-])")

    def moved(text: str) -> str:
        if not pattern.search(text):
            return text
        write = _in_json if _is_json(text) else str

        def place(match: re.Match[str]) -> str:
            is_uri = match["uri"] or match["place"] in quoted
            return f"{match['uri'] or ''}{write(quote(str(new)) if is_uri else str(new))}"

        return pattern.sub(place, text)

    return moved


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _in_json_of_any_letters(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _is_json(text: str) -> bool:
    if not text.startswith(("{", "[", '"')):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _walk(value: Any, moved: Moved) -> Any:
    if isinstance(value, dict):
        return {name: _walk(each, moved) for name, each in value.items()}
    if isinstance(value, list):
        return [_walk(each, moved) for each in value]
    return moved(value) if isinstance(value, str) else value


def _move_in_database(path: Path, moved: Moved) -> None:
    def moved_value(value: Any) -> Any:
        return _moved_bytes(value, moved) if isinstance(value, bytes) else moved(value)

    with closing(sqlite3.connect(path)) as database, database:
        database.create_function("moved", 1, moved_value, deterministic=True)
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for column in [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]:
                database.execute(
                    f'UPDATE "{table}" SET "{column}" = moved("{column}")'  # noqa: S608  # the database's names
                    f' WHERE typeof("{column}") IN (\'text\', \'blob\') AND "{column}" != moved("{column}")'
                )


def _moved_bytes(value: bytes, moved: Moved) -> bytes:
    """Move the paths in a value that ZenML stores as JSON in base64, as it does with a component's configuration."""
    try:
        text = base64.b64decode(value, validate=True).decode()
        json.loads(text)
    except ValueError:
        return value
    after = moved(text)
    return value if after == text else base64.b64encode(after.encode())

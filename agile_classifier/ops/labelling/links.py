"""Links: which model and which config a project in Label Studio belongs to, kept in the state folder.

`agile label push` writes one; the routes that Label Studio calls read it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import BaseModel

from agile_classifier.environment import home
from agile_classifier.files import parse_own, write_whole


class Link(BaseModel, frozen=True):
    """What a project in Label Studio is for."""

    address: str
    """Address of its server."""
    project: int
    title: str
    model_name: str
    """Registered model whose champion predicts."""
    config: str | None
    """Path of the config that a training reads; None where the model alone was named."""


def write_link(link: Link) -> None:
    """Keep a link, in place of an earlier one of the same project."""
    place(link.address, link.project).parent.mkdir(parents=True, exist_ok=True)
    write_whole(place(link.address, link.project), link.model_dump_json(indent=1))


def read_link(address: str, project: int) -> Link | None:
    """The link of a project of a server; None where none was pushed to from here."""
    file = place(address, project)
    if not file.is_file():
        return None
    return parse_own(file, Link.model_validate_json, way_on="agile label push writes it anew")


def list_links(address: str) -> list[Link]:
    """Every link to a server, by project."""
    numbers = sorted(int(file.stem.rpartition("-")[2]) for file in _folder().glob(f"{_server(address)}-*.json"))
    return [link for number in numbers if (link := read_link(address, number))]


def place(address: str, project: int, suffix: str = ".json") -> Path:
    """Path of what is kept about a project."""
    return _folder() / f"{_server(address)}-{project}{suffix}"


def _folder() -> Path:
    return home() / "label-studio"


def _server(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:12]

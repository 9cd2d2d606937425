"""Connecting: a project of Label Studio is told of `agile deploy`, which then predicts and hears of annotations.

The webhook is made before the backend: Label Studio makes one for each new backend, without the token, which the
launcher would refuse, and for events from which nothing follows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agile_classifier.data.label_studio.connection import Connection
from agile_classifier.data.label_studio.projects import Project, show_predictions
from agile_classifier.errors import InputError, redact
from agile_classifier.ops.labelling.backend import LABELLED
from agile_classifier.ops.labelling.push import BACKEND
from agile_classifier.ops.serving.listening import read_token

USER = "agile"
"""User of the backend's login; the launcher looks at the password alone."""
TOKEN = "AGILE_LAUNCH_TOKEN"  # noqa: S105  (the name of a variable)


def read_launcher_token(file: Path | None) -> str | None:
    """The launcher's token, from a file, else from `AGILE_LAUNCH_TOKEN`; None where it has none."""
    return read_token(file, variable=TOKEN)


def connect_project(connection: Connection, project: Project, *, url: str, token: str | None) -> str:
    """Make the webhook and the backend of a project, or bring them up to date; a sentence says what was done.

    Raises
    ------
    InputError
        The address is none, or Label Studio does not reach it, or is refused there; its own words say why.
    """
    address = url.rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise InputError(f"--url {redact(url)[:100]!r}: needed is the launcher's address, http(s)://HOST[:PORT]")
    _put(connection, "/api/webhooks/", _webhook(project, f"{address}/webhook", token), project, end="/")
    _put(connection, "/api/ml/", _backend(project, address, token), project, end="")
    show_predictions(connection, project, BACKEND)
    return f"{project.named}: predicts by {address}, which hears of every annotation"


def _webhook(project: Project, url: str, token: str | None) -> dict[str, Any]:
    return {
        "project": project.id, "url": url, "send_payload": True, "send_for_all_actions": False,
        "actions": sorted(LABELLED), "is_active": True,
        "headers": {"Authorization": f"Bearer {token}"} if token else {},
    }  # fmt: skip


def _backend(project: Project, url: str, token: str | None) -> dict[str, Any]:
    login = {"auth_method": "BASIC_AUTH", "basic_auth_user": USER, "basic_auth_pass": token} if token else {}
    return {"project": project.id, "url": url, "title": BACKEND, **(login or {"auth_method": "NONE"})}


def _put(connection: Connection, path: str, wanted: dict[str, Any], project: Project, *, end: str) -> None:
    """Make a thing of a project, or change the one of the same address; `end` ends the path of one thing."""
    there = connection.get(path, project=project.id)
    same = [one for one in there if one.get("url") == wanted["url"] and one.get("project") == project.id]
    if same:
        connection.patch(f"{path}{same[0]['id']}{end}", wanted)
    else:
        connection.post(path, wanted)

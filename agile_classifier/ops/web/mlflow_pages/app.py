"""MLflow's application with a first page that opens on training runs, unless its visitor has chosen otherwise.

MLflow 3.17 takes every new visitor for a developer of language agents: an experiment opens on its traces, whatever its
tag `mlflow.experimentKind` says, below a pop-up, beside an assistant. The choice is kept in the browser, and only there
can another be the first.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CHOICES = {"mlflow.workflowType_v1": '"machine_learning"', "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true"}
"""Key of the browser's storage → what MLflow's page finds there at the first visit."""
_CHOSEN = "".join(f"localStorage.getItem('{key}')||localStorage.setItem('{key}','{CHOICES[key]}');" for key in CHOICES)
SCRIPT = f"<script>try{{{_CHOSEN}}}catch(e){{}}</script>".encode()
HEAD = b"<head>"


def make_app() -> ASGIApp:
    """MLflow's application, open to whoever reaches it."""
    from mlflow.server.fastapi_app import app

    return OpenedOnRuns(app)


def make_app_with_login() -> ASGIApp:
    """MLflow's application that asks for a login."""
    from mlflow.server.auth import create_app

    return OpenedOnRuns(create_app())


class OpenedOnRuns:
    """An application whose page at `/` makes the choices of a first visit before its own scripts run."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; one for the page is given to MLflow whole, so that it is neither cached nor cut."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            return await self.app(scope, receive, send)
        conditions = (b"if-none-match", b"if-modified-since", b"range")
        whole = {**scope, "headers": [each for each in scope["headers"] if each[0].lower() not in conditions]}
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.app(whole, receive, keep)
        for message in _with_script(messages):
            await send(message)
        return None


def _with_script(messages: list[Message]) -> list[Message]:
    """The messages of an answer, with the script in its head; another answer than the page stays as it is."""
    body = b"".join(message.get("body", b"") for message in messages[1:])
    if not messages or HEAD not in body:
        return messages
    body = body.replace(HEAD, HEAD + SCRIPT, 1)
    changed = (b"content-length", b"etag", b"last-modified")
    headers = [each for each in messages[0]["headers"] if each[0].lower() not in changed]
    headers.append((b"content-length", str(len(body)).encode()))
    return [{**messages[0], "headers": headers}, {"type": "http.response.body", "body": body}]

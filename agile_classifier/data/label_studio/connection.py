"""Connection: requests to a Label Studio server, with either kind of its tokens, and errors in one line.

A legacy token is sent as it is. A personal access token is a JSON web token (three parts) that buys a short-lived one,
which is sent; when that has expired, a new one is bought.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests

from agile_classifier.environment import LABEL_STUDIO, LABEL_STUDIO_TOKEN, label_studio_address, label_studio_token
from agile_classifier.errors import LONGEST_WORDS, InputError, one_line, redact

TIMEOUT = (10.0, 300.0)
"""Timeouts in seconds: to connect, and between two pieces of an answer; the export of a large project takes minutes."""
PAGE = 100
"""Tasks or projects of one page of a list."""
OF_EVERY_ERROR = frozenset({"id", "status_code", "version", "detail", "exc_info"})
"""Keys of an error's JSON that name no field."""
WHERE_TOKENS_ARE = "Label Studio shows tokens under Account & Settings"


@dataclass
class Connection:
    """A Label Studio server and who asks it."""

    address: str
    """`https://labels.example.org`, with a path where the server stands below one, without a slash at the end."""
    token: str = field(repr=False)
    _session: requests.Session = field(default_factory=requests.Session, repr=False)
    _authorization: str = field(default="", repr=False)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at a path below the server's address; raises as `ask`."""
        return _as_json(self.ask("GET", path, params=query), self.address)

    def post(self, path: str, content: Any, **query: Any) -> Any:
        """Send JSON to a path; the answer's JSON."""
        return _as_json(self.ask("POST", path, json=content, params=query), self.address)

    def patch(self, path: str, content: Any) -> Any:
        """Send changed fields to a path; the answer's JSON."""
        return _as_json(self.ask("PATCH", path, json=content), self.address)

    def pages(self, path: str, *, holds: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every element of a list that comes in pages; `holds` is the key under which a page has its elements."""
        number, n_seen, total = 1, 0, 1
        while n_seen < total:
            page = self.get(path, page=number, page_size=PAGE, **query)
            yield from page[holds]
            n_seen, total = n_seen + len(page[holds]), page["total"] if "total" in page else page["count"]
            number += 1
            if not page[holds]:
                return

    def ask(self, method: str, path: str, **how: Any) -> requests.Response:
        """Send a request.

        Raises
        ------
        InputError
            The server does not answer, refuses the token, or answers with an error; `NotFound` where the path leads
            nowhere.
        """
        response = self._send(method, path, renew=False, **how)
        if response.status_code == HTTPStatus.UNAUTHORIZED and _is_personal(self.token):
            response = self._send(method, path, renew=True, **how)
        _require_success(response, self.address)
        return response

    def _send(self, method: str, path: str, *, renew: bool, **how: Any) -> requests.Response:
        if renew or not self._authorization:
            self._authorization = self._authorize()
        return self._exchange(method, path, headers={"Authorization": self._authorization}, **how)

    def _authorize(self) -> str:
        if not _is_personal(self.token):
            return f"Token {self.token}"
        answer = self._exchange("POST", "/api/token/refresh/", json={"refresh": self.token})
        _require_success(answer, self.address)
        return f"Bearer {_as_json(answer, self.address)['access']}"

    def _exchange(self, method: str, path: str, **how: Any) -> requests.Response:
        try:
            return self._session.request(method, f"{self.address}{path}", timeout=TIMEOUT, allow_redirects=False, **how)
        except requests.RequestException as error:
            raise InputError(
                f"{LABEL_STUDIO}: {shown(self.address)} does not answer"
                f" ({type(error).__name__}); is Label Studio running?"
            ) from None


class NotFound(InputError):
    """Label Studio has nothing under that path, or shows it to nobody with this token."""


def connect() -> Connection:
    """The server that the environment names.

    Raises
    ------
    InputError
        One of the two variables is missing, or the address is none.
    """
    address, token = label_studio_address(), label_studio_token()
    if address is None:
        raise InputError(f"{LABEL_STUDIO}: not set; needed is the address of Label Studio, as http://127.0.0.1:8080")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise InputError(f"{LABEL_STUDIO}: found {redact(address)[:100]!r}; needed is http(s)://HOST[:PORT][/PATH]")
    if token is None:
        raise InputError(f"{LABEL_STUDIO_TOKEN}: not set; {WHERE_TOKENS_ARE}")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(f"{LABEL_STUDIO_TOKEN}: holds a space or a character that no token has; {WHERE_TOKENS_ARE}")
    return Connection(address, token)


def shown(address: str) -> str:
    """Address for a message: without what may be secret in it."""
    return redact(address)


def _is_personal(token: str) -> bool:
    return token.count(".") == 2


def _require_success(response: requests.Response, address: str) -> None:
    status, place = response.status_code, shown(address)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise InputError(
            f"{LABEL_STUDIO_TOKEN}: {place} refuses the token ({status}: {_reason(response)}); {WHERE_TOKENS_ARE}"
        )
    if status == HTTPStatus.NOT_FOUND:
        raise NotFound(f"{place}{urlsplit(response.url).path}: Label Studio has no such thing")
    if response.is_redirect:
        raise InputError(f"{LABEL_STUDIO}: {place} sends to {response.headers['Location'][:100]}; name that server")
    if not response.ok:
        raise InputError(f"{place}: Label Studio answered {status}: {_reason(response)}")


def _as_json(response: requests.Response, address: str) -> Any:
    try:
        return response.json()
    except ValueError:
        kind = response.headers.get("Content-Type", "nothing")
        raise InputError(
            f"{LABEL_STUDIO}: {shown(address)} answered {kind[:60]} where JSON was asked for; is it Label Studio?"
        ) from None


def _reason(response: requests.Response) -> str:
    """What Label Studio says of an error: its sentence, and the fields that it finds fault with."""
    try:
        told = response.json()
    except ValueError:
        return response.reason or "no reason"
    if not isinstance(told, dict):
        return one_line(told, longest=LONGEST_WORDS)
    faults = told.get("validation_errors") or {name: told[name] for name in told if name not in OF_EVERY_ERROR}
    words = [str(told["detail"])] if told.get("detail") else []
    words += [
        f"{name}: {' '.join(map(str, said)) if isinstance(said, list) else said}" for name, said in faults.items()
    ]
    return one_line("; ".join(words) or response.reason, longest=LONGEST_WORDS)

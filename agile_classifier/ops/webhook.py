"""Webhook: one notice, signed as https://www.standardwebhooks.com says, posted to the address that the environment names.

Whoever receives it can tell our notices from others'. `text` is what Slack, Mattermost and their like show.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from standardwebhooks.webhooks import Webhook
from urllib3.util.retry import Retry

from agile_classifier.errors import InputError
from agile_classifier.ops.runs.failures import redact

URL, SECRET = "AGILE_WEBHOOK_URL", "AGILE_WEBHOOK_SECRET"
SHORTEST_KEY, LONGEST_KEY = 24, 64
"""Bytes; the standard's."""
SECRET_WANTED = f"`whsec_` and {SHORTEST_KEY} to {LONGEST_KEY} bytes in base64 are wanted"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
LONGEST_WAIT = 10.0
"""Seconds that a receiver has for an answer, at each try."""
RETRIES = Retry(
    total=2, backoff_factor=1.0, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None, raise_on_status=False
)
"""Two tries more, at once and after 2 s."""


@dataclass(frozen=True)
class Notice:
    """Something that somebody may want to hear of at once."""

    kind: str
    sentence: str
    facts: Mapping[str, Any]
    """By name, of kinds that JSON knows."""


@dataclass(frozen=True)
class Receiver:
    """Where notices go."""

    url: str
    signature: Webhook


def find_receiver() -> Receiver | None:
    """The webhook that the environment names; None where it names none.

    Raises
    ------
    InputError
        Its address is not https (http is for this machine alone), or there is no secret to sign with.
    """
    url, secret = os.environ.get(URL, ""), os.environ.get(SECRET, "")
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise InputError(f"{URL}: {redact(url)[:80]}: https://… is wanted; http only to this machine")
    if not secret:
        raise InputError(f"{SECRET}: not set; it signs what is sent to {URL}: {SECRET_WANTED}")
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise InputError(f"{SECRET}: no base64; {SECRET_WANTED}") from None
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise InputError(f"{SECRET}: {len(key)} bytes in base64; {SECRET_WANTED}")
    return Receiver(url, Webhook(key))


def send(notice: Notice) -> bool:
    """Post a notice; False where there is nobody to post it to.

    Raises
    ------
    InputError
        As `find_receiver`.
    RuntimeError
        The receiver refuses it; redirects are not followed.
    """
    receiver = find_receiver()
    if receiver is None:
        return False
    now, number = datetime.now(UTC), f"msg_{secrets.token_hex(12)}"
    document = {"type": notice.kind, "timestamp": now.isoformat(), "text": notice.sentence, "data": dict(notice.facts)}
    body = json.dumps(document, ensure_ascii=False)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": number,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": receiver.signature.sign(number, now, body),
    }
    with requests.Session() as session:
        session.mount("https://", HTTPAdapter(max_retries=RETRIES))
        session.mount("http://", HTTPAdapter(max_retries=RETRIES))
        answer = session.post(
            receiver.url, data=body.encode(), headers=headers, timeout=LONGEST_WAIT, allow_redirects=False
        )
    if not answer.ok or answer.is_redirect:
        raise RuntimeError(f"the receiver answered {answer.status_code} {answer.reason}")
    return True

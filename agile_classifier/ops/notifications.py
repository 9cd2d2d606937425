"""Notifications: a failed run, another champion, a question and drift are told to a webhook and to the alerter of the active ZenML stack.

A notice that cannot be delivered is a warning, never the end of a run.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from standardwebhooks.webhooks import Webhook
from urllib3.util.retry import Retry
from zenml import get_step_context
from zenml.client import Client

from agile_classifier.environment import SCHEDULE
from agile_classifier.errors import InputError
from agile_classifier.ops.registry import history
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.runs.failures import explain, redact

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

RUN_FAILED, CHAMPION_CHANGED, PERSON_ASKED, DRIFT_FOUND = (
    "run.failed",
    "champion.changed",
    "promotion.asked",
    "drift.found",
)
CHANGES = (history.PROMOTED, history.ROLLED_BACK, history.MOVED, history.REMOVED)
LONGEST_REASON = 300
"""Characters of what went wrong."""


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


def tell(notice: Notice) -> dict[str, bool]:
    """Send a notice to whoever there is; returns who that is, and whether it arrived. Where it did not, a warning says why."""
    told = {}
    for name, deliver in {"webhook": send, "alerter": _alert}.items():
        try:
            is_there = deliver(notice)
        except Exception as error:  # whatever a receiver does must not end the run that is told of
            said = redact(" ".join(str(error).split()))[:LONGEST_REASON]
            print(
                f"agile: warning: {notice.kind} could not be told to the {name}: {type(error).__name__}: {said}",
                file=sys.stderr,
            )
            told[name] = False
        else:
            told |= {name: True} if is_there else {}
    return told


def require_delivered(told: Mapping[str, bool]) -> str:
    """Who was told, in words.

    Raises
    ------
    RuntimeError
        Somebody was not.
    """
    if missed := [name for name, arrived in told.items() if not arrived]:
        raise RuntimeError(f"not delivered to the {' and the '.join(missed)}")
    there = " and the ".join(told)
    return f"told: the {there}" if told else f"told: nobody; {URL} is not set, and the active stack has no alerter"


@contextmanager
def failure_told(run_name: str) -> Iterator[None]:
    """Tell of the error that ends a run. The receiver is looked up before the run begins.

    Raises
    ------
    InputError
        As `find_receiver`.
    """
    find_receiver()
    try:
        yield
    except Exception as error:
        if SCHEDULE not in os.environ:
            failure = explain(error)
            facts = {"run": run_name, "exit_code": failure.exit_code}
            tell(Notice(RUN_FAILED, f"run {run_name}: {failure.line}", facts))
        raise


def tell_of_scheduled_failure(error: BaseException) -> None:
    """ZenML's hook of a failed step: where a cluster has started the run, no process of ours but the step's own sees the failure."""
    context = get_step_context()
    if context.pipeline_run.schedule is not None:
        failure = explain(error)
        facts = {"run": context.pipeline_run.name, "step": context.step_run.name, "exit_code": failure.exit_code}
        tell(
            Notice(RUN_FAILED, f"run {context.pipeline_run.name}: step {context.step_run.name}: {failure.line}", facts)
        )


def scheduled_changes_told(model_name: str) -> AbstractContextManager[None]:
    """`changes_told` within a step of a run that a cluster has started; elsewhere the process that started it tells."""
    return nullcontext() if get_step_context().pipeline_run.schedule is None else changes_told(model_name)


@contextmanager
def changes_told(model_name: str) -> Iterator[None]:
    """Tell of every change of a model's champion that is recorded meanwhile, whoever made it; the model may be a new one.

    The registry is asked only where there is somebody to tell: a machine that submits runs to a cluster may not reach it.
    """
    if find_receiver() is None and Client().active_stack.alerter is None:
        yield
        return
    n_known = len(_events(model_name))
    yield
    for event in _events(model_name)[n_known:]:
        if event.kind in CHANGES:
            tell(
                Notice(CHAMPION_CHANGED, f"{model_name}: {event.sentence}", {"model_name": model_name, **asdict(event)})
            )


def _events(model_name: str) -> list[history.Event]:
    return history.read_events(model_name) if registry.is_known(model_name) else []


def _alert(notice: Notice) -> bool:
    alerter = Client().active_stack.alerter
    if alerter is None:
        return False
    if not alerter.post(f"{notice.kind}: {notice.sentence}"):
        raise RuntimeError(f"alerter {alerter.name} says that it could not")
    return True

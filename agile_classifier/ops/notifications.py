"""Notifications of failed runs, new champions, questions and drift, to a webhook and the active stack's alerter.

A notice that cannot be delivered is a warning, never the end of a run. One that is sent again, say because nobody
knows whether a killed process had sent it, has the same number (`webhook-id`), by which a receiver knows it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from standardwebhooks.webhooks import Webhook
from urllib3.util.retry import Retry
from zenml import get_step_context
from zenml.client import Client

from agile_classifier.environment import SCHEDULE
from agile_classifier.errors import InputError, one_line, redact
from agile_classifier.ops.registry import history
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.runs.failures import explain

URL, SECRET = "AGILE_WEBHOOK_URL", "AGILE_WEBHOOK_SECRET"
SHORTEST_KEY, LONGEST_KEY = 24, 64
"""Shortest and longest signing key, in bytes, as the Standard Webhooks specification sets them."""
SECRET_WANTED = f"`whsec_` and {SHORTEST_KEY} to {LONGEST_KEY} bytes in base64 are wanted"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
LONGEST_WAIT = 10.0
"""Longest wait for a receiver's answer at each try, in seconds."""
RETRIES = Retry(
    total=2, backoff_factor=1.0, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None, raise_on_status=False
)
"""Retries after a failure: two, at once and after 2 s."""

RUN_FAILED, CHAMPION_CHANGED, PERSON_ASKED, DRIFT_FOUND, DECAY_FOUND = (
    "run.failed",
    "champion.changed",
    "promotion.asked",
    "drift.found",
    "decay.found",
)
CHANGES = (history.PROMOTED, history.ROLLED_BACK, history.MOVED, history.REMOVED)
LONGEST_REASON = 300
"""Longest error message in a notice, in characters."""


@dataclass(frozen=True)
class Notice:
    """A notice: an event that people may want to hear of at once, as a sentence and as facts."""

    kind: str
    sentence: str
    facts: Mapping[str, Any]
    """Values by name, of types that JSON knows."""
    about: str = ""
    """What the notice is about, once for its kind: the same notice has the same. Empty where each is another one."""

    @property
    def number(self) -> str:
        """Number by which a receiver knows the notice again."""
        known = hashlib.sha256(f"{self.kind}\0{self.about}".encode()).hexdigest()
        return f"msg_{known[:24] if self.about else secrets.token_hex(12)}"


@dataclass(frozen=True)
class Receiver:
    """Receiver of notices: its URL, and what signs them."""

    url: str
    signature: Webhook


def find_receiver(variables: Mapping[str, str] | None = None) -> Receiver | None:
    """Find the webhook that the environment, or these variables, name; None if they name none.

    Raises
    ------
    InputError
        The URL is not https (http is allowed to this machine alone), or no secret to sign with is set.
    """
    variables = os.environ if variables is None else variables
    url, secret = variables.get(URL, ""), variables.get(SECRET, "")
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
    """Post a notice to the webhook; returns False if none is set.

    Raises
    ------
    InputError
        As `find_receiver`.
    RuntimeError
        The receiver answers with an error or a redirect.
    """
    receiver = find_receiver()
    if receiver is None:
        return False
    now, number = datetime.now(UTC), notice.number
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
    """Send a notice to the webhook and the alerter, if set; returns for each whether it arrived, and warns if not."""
    told = {}
    for name, deliver in {"webhook": send, "alerter": _alert}.items():
        try:
            is_there = deliver(notice)
        except Exception as error:  # whatever a receiver does must not end the run that is told of
            kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
            said = redact(one_line(error))[:LONGEST_REASON]
            print(f"agile: warning: {notice.kind} could not be told to the {name}: {kind}{said}", file=sys.stderr)
            told[name] = False
        else:
            told |= {name: True} if is_there else {}
    return told


def require_delivered(told: Mapping[str, bool]) -> str:
    """Sentence that says who was told.

    Raises
    ------
    RuntimeError
        A notice did not arrive.
    """
    if missed := [name for name, arrived in told.items() if not arrived]:
        raise RuntimeError(f"not delivered to the {' and the '.join(missed)}")
    there = " and the ".join(told)
    return f"told: the {there}" if told else f"told: nobody; {URL} is not set, and the active stack has no alerter"


@contextmanager
def failure_told(run_name: str) -> Iterator[None]:
    """Context of a run whose failure is sent as a notice; a receiver that cannot be told is warned of at once."""
    _find_usable_receiver()
    try:
        yield
    except Exception as error:
        if SCHEDULE not in os.environ:
            failure = explain(error)
            facts = {"run": run_name, "exit_code": failure.exit_code}
            tell(Notice(RUN_FAILED, f"run {run_name}: {failure.line}", facts, about=run_name))
        raise


def tell_of_cluster_failure(error: BaseException) -> None:
    """Hook for a failed step: in a run that a cluster started, only the step's own process sees the failure."""
    context = get_step_context()
    if context.pipeline_run.schedule is not None:
        failure = explain(error)
        facts = {"run": context.pipeline_run.name, "step": context.step_run.name, "exit_code": failure.exit_code}
        name, step = context.pipeline_run.name, context.step_run.name
        tell(Notice(RUN_FAILED, f"run {name}: step {step}: {failure.line}", facts, about=f"{name} {step}"))


def cluster_changes_told(model_name: str) -> AbstractContextManager[None]:
    """`changes_told` for a step of a run that a cluster started; otherwise the process that started the run tells."""
    return nullcontext() if get_step_context().pipeline_run.schedule is None else changes_told(model_name)


@contextmanager
def changes_told(model_name: str) -> Iterator[None]:
    """Context that sends a notice for every change of a model's champion recorded meanwhile; the model may be new.

    So it does for those that were recorded before and of which not everybody was told, since the process was killed or
    a receiver was away; by its number a receiver knows one that it is told again. The registry is asked only where
    there is somebody to tell: a machine that submits runs to a cluster may not reach it.
    """
    if _find_usable_receiver() is None and Client().active_stack.alerter is None:
        yield
        return
    known = _events(model_name)
    yield
    for key, event in _events(model_name).items():
        if event.untold or (key not in known and event.kind in CHANGES):
            facts = {name: value for name, value in asdict(event).items() if name != "untold"}
            sentence, about = f"{model_name}: {event.sentence}", f"{model_name} {key}"
            told = tell(Notice(CHAMPION_CHANGED, sentence, {"model_name": model_name, **facts}, about=about))
            if event.untold and all(told.values()):
                history.mark_told(model_name, key, event)


def is_told(event: history.Event) -> bool:
    """Whether there is somebody who is to be told of an event."""
    return event.kind in CHANGES and (bool(os.environ.get(URL)) or Client().active_stack.alerter is not None)


def _find_usable_receiver() -> Receiver | None:
    """The webhook; one that cannot be used is warned of, and is none: it must not end the run that is told of."""
    try:
        return find_receiver()
    except InputError as error:
        _warn(f"{redact(one_line(error))}; what happens is told to no webhook")
        return None


@cache
def _warn(words: str) -> None:
    """Say it once a process."""
    print(f"agile: warning: {words}", file=sys.stderr, flush=True)


def _events(model_name: str) -> dict[str, history.Event]:
    return history.read_by_key(model_name) if registry.is_known(model_name) else {}


def _alert(notice: Notice) -> bool:
    alerter = Client().active_stack.alerter
    if alerter is None:
        return False
    if not alerter.post(f"{notice.kind}: {notice.sentence}"):
        raise RuntimeError(f"alerter {alerter.name} says that it could not")
    return True

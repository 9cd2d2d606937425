"""One notice on its way to a receiver: signed, tried again, never sent on to somebody else."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from agile_classifier.errors import InputError
from agile_classifier.ops import notifications
from agile_classifier.ops.notifications import Notice, find_receiver, send

NOTICE = Notice("run.failed", "run x: naïve — „Ende“", {"exit_code": 1})


def test_a_notice_is_signed_and_says_what_and_when(receiver: Any) -> None:
    assert send(NOTICE)
    (notice,) = receiver.notices
    assert (notice["type"], notice["text"], notice["data"]) == (NOTICE.kind, NOTICE.sentence, {"exit_code": 1})
    assert notice["timestamp"].endswith("+00:00")


def test_a_busy_receiver_is_asked_again_for_the_same_notice(receiver: Any) -> None:
    receiver.answers = [(503, {}), (429, {})]
    assert send(NOTICE)
    assert len(receiver.ids) == 3
    assert len(set(receiver.ids)) == 1
    assert len(receiver.notices) == 1


def test_a_notice_that_is_sent_again_has_the_number_it_had(receiver: Any) -> None:
    for about in ("run x", "run x", "run y", "", ""):
        send(Notice("run.failed", "it failed", {}, about=about))
    first, again, other, one, another = receiver.ids
    assert first == again
    assert len({first, other, one, another}) == 4


@pytest.mark.parametrize("status", [302, 400, 500])
def test_what_is_no_yes_is_an_error_and_a_redirect_is_not_followed(receiver: Any, status: int) -> None:
    receiver.answers = [(status, {"Location": f"{receiver.url}/elsewhere"})] * 3
    with pytest.raises(RuntimeError, match=f"the receiver answered {status}"):
        send(NOTICE)
    assert receiver.notices == []


def test_nobody_is_told_where_nobody_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(notifications.URL, raising=False)
    assert find_receiver() is None
    assert not send(NOTICE)


@pytest.mark.parametrize("url", ["http://hooks.example.org/x", "ftp://127.0.0.1/x", "hooks.example.org"])
def test_an_address_that_others_could_read_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(notifications.URL, url)
    with pytest.raises(InputError, match=r"AGILE_WEBHOOK_URL: .*https://"):
        find_receiver()


@pytest.mark.parametrize(
    ("secret", "said"), [("", "not set"), ("whsec_", "24 to 64"), ("whsec_!", "no base64"), ("whsec_ä", "no base64"),
    ("whsec_" + base64.b64encode(b"short").decode(), "24 to 64 bytes")],
)  # fmt: skip
def test_a_secret_that_signs_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, secret: str, said: str) -> None:
    monkeypatch.setenv(notifications.URL, "https://hooks.example.org/x")
    monkeypatch.setenv(notifications.SECRET, secret)
    with pytest.raises(InputError, match="AGILE_WEBHOOK_SECRET") as refused:
        find_receiver()
    assert said in str(refused.value)
    assert not secret or secret not in str(refused.value).replace("`whsec_`", "")

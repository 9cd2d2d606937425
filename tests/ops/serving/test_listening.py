"""Where a server of ours may be bound, and by which token it is opened."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from agile_classifier.errors import InputError
from agile_classifier.ops.serving.listening import listen, read_token

SECRET, VARIABLE = "sentinel-token-of-the-test", "AGILE_TEST_TOKEN"


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"--port: 127.0.0.1:{port} cannot be taken \(Address already in use\)"):
            listen("127.0.0.1", port, token=None, variable=VARIABLE)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_beyond_loopback_a_token_is_needed(host: str) -> None:
    with pytest.raises(InputError, match=f"beyond loopback a token is needed: set {VARIABLE}"):
        listen(host, 0, token=None, variable=VARIABLE)
    listen("0.0.0.0", 0, token=SECRET, variable=VARIABLE).close()


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(InputError, match=r"--host nowhere\.invalid: no such address"):
        listen("nowhere.invalid", 0, token=SECRET, variable=VARIABLE)


def test_a_token_is_read_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    assert read_token(None, variable=VARIABLE) is None
    monkeypatch.setenv(VARIABLE, SECRET)
    assert read_token(None, variable=VARIABLE) == SECRET
    with pytest.raises(InputError, match="token: cannot be read"):
        read_token(file, variable=VARIABLE)
    file.write_text("short\n")
    with pytest.raises(InputError, match="a token has at least 16 ASCII characters") as refused:
        read_token(file, variable=VARIABLE)
    assert "short" not in str(refused.value).replace("shorter", "")
    file.write_text(f"{SECRET}\n")
    assert read_token(file, variable=VARIABLE) == SECRET

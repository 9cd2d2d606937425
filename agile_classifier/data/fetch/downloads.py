"""Downloads of URLs, packages, hub data sets and hub models: in full or where they broke off.

Each writes where it is told and is finished only when it returns; naming, pinning, caching and locking are the
business of `agile_classifier.data.fetch.sources`. Progress goes to stderr: a bar on a terminal, one line elsewhere.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from tqdm import tqdm

from agile_classifier.errors import LONGEST_WORDS, InputError, one_line

TRIES = 3
"""Number of times a download is tried; each try resumes the one before."""
PAUSE = 0.5
"""Pause before the second try, in seconds; each further pause is longer by as much."""
TIMEOUT = (10.0, 60.0)
"""Timeouts in seconds: to connect, and between two pieces of the answer."""
PIP_OPTIONS = (
    "--no-deps",
    "--no-cache-dir",
    "--require-hashes",
    "--no-input",
    "--disable-pip-version-check",
    "--retries=2",
)
MODEL_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "LICENSE*", "README.md"]
"""Files of a hub model that are fetched: no pickle (*.bin, *.pt) and no code, so nothing in it can run."""
RANGE_ANSWERS = (requests.codes.partial_content, requests.codes.requested_range_not_satisfiable)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _BrokenOffError(Exception):
    """The answer ended early or the server is busy, so that another try may succeed."""


def download_url(url: str, *, to: Path) -> None:
    """Write the body of a URL to a file, going on where `to` ends if it exists and the server supports ranges.

    Whether the result is what was wanted is for the caller to check.

    Parameters
    ----------
    url : str
        https, or http to this machine; redirects must keep to that.
    to : Path
        The partial file.

    Raises
    ------
    InputError
        The server refused, or the connection broke in `TRIES` tries.
    """
    reason, validator = "", ""
    for number in range(TRIES):
        time.sleep(number * PAUSE)
        try:
            with closing(_ask(url, offset=_size(to), validator=validator)) as response:
                validator = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
                return _receive(response, to)
        except _BrokenOffError as error:
            reason = str(error)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            reason = type(error).__name__
        except requests.RequestException as error:
            raise InputError(f"{shown(url)}: cannot be fetched: {type(error).__name__}") from None
    raise InputError(f"{shown(url)}: could not be fetched in {TRIES} tries; the last ended with {reason}")


def refuse_plain_http(url: str) -> None:
    """Refuse plain http except to this machine: anyone on the way can change what it carries."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InputError(f"{url.partition('?')[0]}: is no URL: {error}") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise InputError(f"{shown(url)}: found {parts.scheme}://, allowed is https:// (http:// only to this machine)")


def shown(url: str) -> str:
    """Shorten a URL for an error message: without user, password and query, which may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def download_package(name: str, package_version: str, *, sha256: str, to: Path) -> Path:
    """Download one archive of a package and return its path; pip checks its hash before anything in it is opened.

    pip reads the metadata of a source distribution by running its build, so a pin vouches for that code too.

    Parameters
    ----------
    name, package_version : str
        Of the requirement.
    sha256 : str
        64 hex digits; names one of that version's archives.
    to : Path
        Empty folder for the archive.

    Raises
    ------
    InputError
        Not found, or its hash differs; carries pip's own last error line.
    """
    with tempfile.TemporaryDirectory() as scratch:
        requirements = Path(scratch) / "requirements.txt"
        requirements.write_text(f"{name}=={package_version} --hash=sha256:{sha256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", *PIP_OPTIONS, "--progress-bar", _progress_style()]
        command += ["--dest", str(to), "--requirement", str(requirements)]
        lines = _run_pip(command, name)
    archives = [path for path in to.iterdir() if path.is_file()]
    if lines or len(archives) != 1:
        raise InputError(f"{name}=={package_version}: {_pip_reason(lines, sha256)}")
    return archives[0]


def download_dataset(name: str, *, config: str | None, split: str | None, revision: str | None, to: Path) -> None:
    """Save one split of a hub data set as parquet.

    Parameters
    ----------
    name : str
        `owner/name` on the hub, or a local folder in the hub's layout.
    config, split : str or None
        May be left out where there is only one.
    revision : str or None
        Commit; None is the newest.
    to : Path
        The parquet file; it appears whole or not at all.

    Raises
    ------
    InputError
        Not found or not reachable, or `split` is needed and absent; lists the splits.
    """
    import datasets  # takes seconds, and only this scheme needs it

    _announce(name, None)
    with tempfile.TemporaryDirectory(dir=to.parent) as scratch:
        try:
            found = datasets.load_dataset(name, config, split=split, revision=revision, cache_dir=scratch)
        except (OSError, ValueError, datasets.exceptions.DatasetsError, _hub_transport_error()) as error:
            raise InputError(
                f"hf://datasets/{name}: cannot be loaded: {one_line(error, longest=LONGEST_WORDS)}"
            ) from None
        if isinstance(found, dict) and len(found) > 1:
            raise InputError(f"hf://datasets/{name}: name a split, as in :train; there are {', '.join(found)}")
        table = next(iter(found.values())) if isinstance(found, dict) else found
        table.to_parquet(str(Path(scratch) / "table"))
        (Path(scratch) / "table").replace(to)


def download_model(name: str, *, revision: str, token: str | None, to: Path) -> None:
    """Save a hub model's config, tokenizer and safetensors weights in a folder.

    Parameters
    ----------
    name : str
        `owner/name` or `name`.
    revision : str
        Commit, 40 hex digits.
    token : str or None
        Access token of a gated model; without it, what `huggingface_hub` finds on the machine.
    to : Path
        The folder; it appears whole or not at all. What an interrupted call left beside it (`.part`) is gone on with.

    Raises
    ------
    InputError
        Not found, not allowed or not reachable.
    """
    from huggingface_hub import snapshot_download

    _announce(name, None)
    part = to.with_name(to.name + ".part")
    try:
        snapshot_download(name, revision=revision, token=token, local_dir=part, allow_patterns=MODEL_FILES)
    except (OSError, ValueError, _hub_transport_error()) as error:
        raise InputError(
            f"{name}: revision {revision[:12]} is not to be had from the hub: {one_line(error, longest=LONGEST_WORDS)}"
        ) from None
    shutil.rmtree(part / ".cache", ignore_errors=True)
    part.replace(to)


def _ask(url: str, *, offset: int, validator: str) -> requests.Response:
    headers = {"Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if validator and not validator.startswith("W/"):
            headers["If-Range"] = validator
    hooks = {"response": _refuse_plain_redirect}
    return requests.get(url, headers=headers, stream=True, timeout=TIMEOUT, hooks=hooks)


def _refuse_plain_redirect(response: requests.Response, **_: object) -> None:
    if response.is_redirect:
        refuse_plain_http(urljoin(response.url, response.headers["Location"]))


def _receive(response: requests.Response, to: Path) -> None:
    if response.status_code == requests.codes.too_many_requests or response.status_code >= 500:
        raise _BrokenOffError(f"status {response.status_code}")
    offset = _size(to)
    other_range = not response.headers.get("Content-Range", "").startswith(f"bytes {offset}-")
    if offset and response.status_code in RANGE_ANSWERS and other_range:
        to.unlink()
        raise _BrokenOffError("a partial file that did not fit")
    if not response.ok:
        raise InputError(f"{shown(response.url)}: the server answered {response.status_code} {response.reason}")
    offset = offset if response.status_code == requests.codes.partial_content else 0
    length = response.headers.get("Content-Length")
    total = None if length is None else offset + int(length)
    name = Path(urlsplit(response.url).path).name or response.url
    _announce(name, total)
    with to.open("ab" if offset else "wb") as file, _bar(name, total, offset) as bar:
        for chunk in response.iter_content(2**16):
            bar.update(file.write(chunk))
    if total is not None and _size(to) < total:
        raise _BrokenOffError(f"{_size(to)} of {total} bytes")


def _hub_transport_error() -> type[Exception]:
    """Base class of the errors of the hub client's HTTP library, some of which the client lets through."""
    from huggingface_hub.errors import HfHubHTTPError

    bases: list[type[Exception]] = [kind for kind in HfHubHTTPError.__mro__ if issubclass(kind, Exception)]
    return next(kind for kind in bases if kind.__module__.partition(".")[0] != "huggingface_hub")


def _run_pip(command: list[str], name: str) -> list[str]:
    """Run pip and show its progress; returns its error message if it failed, else an empty text."""
    lines: list[str] = []
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(command, stdout=pipe, stderr=both, encoding="utf-8", errors="replace") as pip:
        _follow(pip.stdout or (), lines, name)
    return lines if pip.returncode else []


def _follow(output: Iterable[str], lines: list[str], name: str) -> None:
    with _bar(name, None, 0) as bar:
        for line in output:
            lines.append(line.strip())
            if size := re.search(r"Downloading \S+ \((.+)\)", line):
                _announce(name, size[1])
            elif progress := re.match(r"Progress (\d+) of (\d+)", line):
                bar.total = int(progress[2])
                bar.update(int(progress[1]) - bar.n)


def _pip_reason(lines: list[str], sha256: str) -> str:
    found = [match[1] for line in lines if (match := re.match(r"Got\s+([0-9a-f]{64})", line))]
    if found:
        return f"sha256 is {found[0]}, pinned is {sha256}"
    errors = [line for line in lines if line.lower().startswith("error:")]
    return f"pip download failed: {(errors or lines or ['no archive'])[-1].removeprefix('ERROR: ')}"


def _progress_style() -> str:
    """Option for pip's progress: bytes in numbers from pip 24.1 on, before that a bar for people only."""
    try:
        major, minor = (int(part) for part in version("pip").split(".")[:2])
    except (PackageNotFoundError, ValueError):
        return "off"
    return "raw" if (major, minor) >= (24, 1) else "off"


def _bar(name: str, total: int | None, initial: int) -> tqdm[Any]:
    """Progress bar that does nothing where standard error is no terminal."""
    return tqdm(desc=name, total=total, initial=initial, unit="B", unit_scale=True, disable=None)


def _announce(name: str, size: int | str | None) -> None:
    if not sys.stderr.isatty():
        words = f"{size / 1e6:.1f} MB" if isinstance(size, int) else size
        print(f"fetching {name}{f' ({words})' if words else ''}", file=sys.stderr)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0

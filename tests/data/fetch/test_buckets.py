"""Buckets: objects, patterns and prefixes of S3, from a real server on loopback, read while others are added."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import fsspec
import pytest
from fsspec.registry import _registry
from moto.server import ThreadedMotoServer

from agile_classifier.config.data import DataConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.environment import cache
from agile_classifier.errors import InputError
from agile_classifier.files import content_digest

Put = Callable[[str, str], Any]
SECRET = "sentinel-secret-of-the-bucket"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def put(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Put:
    """Put an object into the bucket `words`, which is empty at first."""
    environment = {
        "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1", "AGILE_HOME": str(tmp_path / "home"),
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    client = boto3.client("s3")
    client.create_bucket(Bucket="words")
    for found in client.list_objects_v2(Bucket="words").get("Contents", ()):
        client.delete_object(Bucket="words", Key=found["Key"])
    return lambda key, body: client.put_object(Bucket="words", Key=key, Body=body.encode())


def texts(address: str, **fields: Any) -> list[str]:
    return list(read_examples(DataConfig(source=address, **fields))["text"])


def test_a_prefix_is_read_by_name_and_grows(put: Put) -> None:
    put("labels/week1.csv", "text\none\ntwo\n")
    put("labels/_SUCCESS", "")
    put("labels/deep/.week9.crc", "no rows")
    assert texts("s3://words/labels/") == ["one", "two"]
    put("labels/deep/week3.csv", "text\nthree\n")
    put("labels-of-others/week1.csv", "text\nnobody's\n")
    assert texts("s3://words/labels/") == ["three", "one", "two"]
    put("labels/week1.csv", "text\none\n")
    assert texts("s3://words/labels/") == ["three", "one"], "what the store has replaced is fetched again"


def test_an_object_and_a_pattern_are_read(put: Put) -> None:
    put("labels/week1.csv", "text\none\n")
    put("labels/week2.csv", "text\ntwo\n")
    put("labels/notes.md", "no rows")
    assert texts("s3://words/labels/week2.csv") == ["two"]
    assert texts("s3://words/labels/*.csv") == ["one", "two"]


def test_an_object_that_is_the_same_is_not_fetched_again(put: Put) -> None:
    put("week1.csv", "text\none\n")
    texts("s3://words/week1.csv")
    (kept,) = cache().rglob("week1.csv")
    before = kept.stat().st_mtime_ns
    texts("s3://words/week1.csv")
    assert kept.stat().st_mtime_ns == before
    assert not list(cache().rglob("*.part"))


def test_a_pin_holds_an_object_to_its_bytes(put: Put, tmp_path: Path) -> None:
    (tmp_path / "week1.csv").write_text("text\none\n")
    put("week1.csv", "text\none\n")
    digest = content_digest(tmp_path / "week1.csv")
    assert texts("s3://words/week1.csv", sha256=digest) == ["one"]
    put("week1.csv", "text\nother\n")
    with pytest.raises(
        InputError, match=rf"s3://words/week1\.csv: sha256 is [0-9a-f]{{64}}, data.sha256 asks for {digest}"
    ):
        texts("s3://words/week1.csv", sha256=digest)


WRONG = [
    ("s3://words/nothing/", "s3://words/nothing/: there is no object below this prefix"),
    ("s3://words/*.tsv", "s3://words/*.tsv: no object matches"),
    ("s3://words/gone.csv", "s3://words/gone.csv: there is no such bucket or object"),
    ("s3://nobody/labels/", "s3://nobody/labels/: there is no such bucket or object"),
    ("s3://words/labels", "s3://words/labels: is a prefix; end it in / for every object below it"),
    ("s3://words/mixed/", "s3://words/mixed/b.csv: its columns differ from those of s3://words/mixed/a.csv"),
    ("s3://words/notes.md", "s3://words/notes.md: found suffix '.md'; allowed are"),
]


@pytest.mark.parametrize(("address", "said"), WRONG, ids=[address for address, _ in WRONG])
def test_what_is_not_there_or_differs_is_one_line(put: Put, address: str, said: str) -> None:
    for key, body in {
        "labels/a.csv": "text\na\n",
        "mixed/a.csv": "text\na\n",
        "mixed/b.csv": "words\nb\n",
        "notes.md": "x",
    }.items():
        put(key, body)
    with pytest.raises(InputError) as refused:
        texts(address)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_a_store_that_does_not_answer_is_one_line(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(InputError, match=r"s3://words/labels/: cannot be read: .*127\.0\.0\.1:9") as refused:
        texts("s3://words/labels/")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(("scheme", "module"), [("s3", "s3fs"), ("gs", "gcsfs"), ("az", "adlfs")])
def test_a_driver_that_is_not_installed_is_named_with_its_extra(
    scheme: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(_registry, scheme, raising=False)
    said = rf"{scheme}://words/a\.csv: its driver is not installed: pip install 'agile-classifier\[{scheme}\]'"
    with pytest.raises(InputError, match=said):
        texts(f"{scheme}://words/a.csv")

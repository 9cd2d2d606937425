"""Places of tests: a folder, or a bucket of a real server on loopback, each with the same parts below `in/`.

S3 is moto's. Google Cloud Storage and Azure Blob are emulators that `make test-buckets` installs: tests of theirs bear
the mark `buckets`.
"""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from tests.toys.toy_databases import free_port
from tests.toys.waiting import LONGEST, until

SECRET = "sentinel-secret-of-the-bucket"
TEXTS = {
    "monday.csv": "id,text\n1,short\n2,a text of some length\n3,\n",
    "week/tuesday.csv": 'id,text\n4,"with ""quotes"", commas\nand lines"\n',
    "week/wednesday.csv": "id,text\n5,NA\n6,long enough for the other class\n7,short\n",
}
"""Three parts, one with a row that cannot be scored."""


@dataclass(frozen=True)
class Store:
    """A place of a test, whichever kind it is."""

    address: Callable[[str], str]
    put: Callable[[str, Any], None]
    read: Callable[[str], bytes]
    delete: Callable[[str], None]
    names: Callable[[], list[str]]

    def fill(self) -> Store:
        """With the parts."""
        for name, content in TEXTS.items():
            self.put(f"in/{name}", content)
        self.put("in/_SUCCESS", "")
        return self


@contextmanager
def serving() -> Iterator[Mapping[str, str]]:
    """An S3 server; yields the variables by which it is found."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }  # fmt: skip
    server.stop()


@contextmanager
def serving_google() -> Iterator[Mapping[str, str]]:
    """A server of Google Cloud Storage; yields the variables by which it is found."""
    port = free_port()
    emulator = [sys.executable, "-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--in-memory"]
    with _running([*emulator, "--port", str(port)], port):
        yield {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}", "NO_GCE_CHECK": "true"}


@contextmanager
def serving_azure() -> Iterator[Mapping[str, str]]:
    """A server of Azure Blob; yields the variables by which it is found."""
    port, key = free_port(), base64.b64encode(SECRET.encode()).decode()
    azurite = [os.environ.get("AZURITE", "azurite-blob"), "--inMemoryPersistence", "--silent", "--disableTelemetry"]
    with _running([*azurite, "--skipApiVersionCheck", "--blobPort", str(port)], port, AZURITE_ACCOUNTS=f"me:{key}"):
        yield {
            "AZURE_STORAGE_CONNECTION_STRING": (
                f"DefaultEndpointsProtocol=http;AccountName=me;AccountKey={key};BlobEndpoint=http://127.0.0.1:{port}/me;"
            )
        }


@contextmanager
def _running(command: list[str], port: int, **variables: str) -> Iterator[None]:
    """An emulator, for as long as a context lasts."""
    try:
        process = subprocess.Popen(
            command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except FileNotFoundError:
        pytest.fail(f"no program {command[0]}: make test-buckets brings it")
    try:
        until(lambda: _answers(process, port), f"{command[0]} on port {port}")
        yield
    finally:
        process.terminate()
        process.wait(LONGEST)


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    assert process.poll() is None, f"{process.args!r} has ended: make test-buckets brings what it needs"
    try:
        with socket.create_connection(("127.0.0.1", port)):
            return True
    except ConnectionRefusedError:
        return False


def opened(kind: str, variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Store:
    """The bucket `words` of a running server, empty at first, which the project finds by the environment."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    forget_servers(kind)
    if kind == "gs":
        return in_google(variables["STORAGE_EMULATOR_HOST"])
    if kind == "az":
        return in_azure(variables["AZURE_STORAGE_CONNECTION_STRING"])
    import boto3

    return in_bucket(boto3.client("s3"))


def forget_servers(kind: str) -> None:
    """Let a driver look at the environment again, of which it keeps what it has found."""
    fsspec.get_filesystem_class(kind).clear_instance_cache()


def in_bucket(client: Any, name: str = "words") -> Store:
    """A bucket that is empty at first."""
    client.create_bucket(Bucket=name)

    def put(key: str, body: str | bytes) -> None:
        client.put_object(Bucket=name, Key=key, Body=_as_bytes(body))

    def names() -> list[str]:
        return sorted(each["Key"] for each in client.list_objects_v2(Bucket=name).get("Contents", ()))

    def delete(key: str) -> None:
        client.delete_object(Bucket=name, Key=key)

    for key in names():
        delete(key)
    return Store(
        lambda key: f"s3://{name}/{key}", put,
        lambda key: bytes(client.get_object(Bucket=name, Key=key)["Body"].read()), delete, names,
    )  # fmt: skip


def in_google(address: str, name: str = "words") -> Store:
    """A bucket of Google Cloud Storage that is empty at first."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.storage import Client

    client = Client(project="toys", credentials=AnonymousCredentials(), client_options={"api_endpoint": address})
    bucket = client.bucket(name)
    if not bucket.exists():
        bucket.create()

    def names() -> list[str]:
        return sorted(blob.name for blob in client.list_blobs(name))

    for key in names():
        bucket.blob(key).delete()
    return Store(
        lambda key: f"gs://{name}/{key}", lambda key, body: bucket.blob(key).upload_from_string(_as_bytes(body)),
        lambda key: bytes(bucket.blob(key).download_as_bytes()), lambda key: bucket.blob(key).delete(), names,
    )  # fmt: skip


def in_azure(connection: str, name: str = "words") -> Store:
    """A container of Azure Blob that is empty at first."""
    from azure.storage.blob import ContainerClient

    container = ContainerClient.from_connection_string(connection, name)
    if not container.exists():
        container.create_container()

    def put(key: str, body: str | bytes) -> None:
        container.upload_blob(key, _as_bytes(body), overwrite=True)

    def names() -> list[str]:
        return sorted(container.list_blob_names())

    for key in names():
        container.delete_blob(key)
    return Store(
        lambda key: f"az://{name}/{key}", put, lambda key: bytes(container.download_blob(key).readall()),
        container.delete_blob, names,
    )  # fmt: skip


def in_folder(folder: Path) -> Store:
    """A folder that is empty at first."""

    def put(name: str, content: str | bytes) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(_as_bytes(content))

    def names() -> list[str]:
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

    return Store(
        lambda name: f"{folder}/{name}", put, lambda name: (folder / name).read_bytes(),
        lambda name: (folder / name).unlink(), names,
    )  # fmt: skip


def _as_bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


SERVERS = {"s3": serving, "gs": serving_google, "az": serving_azure}
"""Scheme → what runs a server of its kind."""
EMULATED = [pytest.param(kind, marks=pytest.mark.buckets) for kind in ("gs", "az")]
"""Schemes whose servers `make test-buckets` brings."""

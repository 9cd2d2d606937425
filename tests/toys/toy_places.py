"""Places of tests: a folder, or a bucket of a real S3 server on loopback, each with the same parts below `in/`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.server import ThreadedMotoServer

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

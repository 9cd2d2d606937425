"""Parts in a folder or in a bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import fsspec
import pytest

from tests.toys.toy_places import Store, in_bucket, in_folder, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Mapping[str, str]]:
    with serving() as variables:
        yield variables


@pytest.fixture
def bucket(server: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Store:
    import boto3

    for name, value in server.items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    return in_bucket(boto3.client("s3")).fill()


@pytest.fixture
def folder(tmp_path: Path) -> Store:
    return in_folder(tmp_path / "store").fill()


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> Store:
    """A place of either kind that holds the parts below `in/`."""
    made: Store = request.getfixturevalue(request.param)
    return made

"""Addresses: a folder arrives whole at a disk or an object store, and what cannot be reached is named."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import fsspec
import pytest
from fsspec.registry import _registry as loaded_drivers

from agile_classifier.errors import InputError
from agile_classifier.ops.registry.export import copy_folder, open_address, require_empty


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "made" / "inner").mkdir(parents=True)
    (tmp_path / "made" / "a.bin").write_bytes(b"\0a")
    (tmp_path / "made" / "inner" / "b.txt").write_text("b")
    return tmp_path / "made"


@pytest.fixture(params=["plain folder", "file://", "memory://"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "memory://":
        return f"memory://{uuid4()}/exports"
    return f"{'file://' if request.param == 'file://' else ''}{tmp_path / 'there' / 'exports'}"


def test_a_folder_arrives_whole_and_only_once(folder: Path, address: str) -> None:
    require_empty(address)
    copy_folder(folder, address)
    filesystem, path = fsspec.url_to_fs(address)
    assert filesystem.cat(f"{path}/a.bin") == b"\0a"
    assert filesystem.cat(f"{path}/inner/b.txt") == b"b"
    assert len(filesystem.find(path)) == 2
    with pytest.raises(InputError, match="is there already and not empty; --force"):
        require_empty(address)
    (folder / "a.bin").write_bytes(b"another")
    copy_folder(folder, address)
    assert filesystem.cat(f"{path}/a.bin") == b"another"


def test_an_empty_folder_is_free_and_a_file_is_not(tmp_path: Path) -> None:
    require_empty(str(tmp_path))
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        require_empty(str(tmp_path / "file"))


def test_a_folder_cannot_stand_on_a_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        copy_folder(folder, str(tmp_path / "file"))


@pytest.mark.parametrize(
    ("address", "package"), [("s3://bucket/a", "s3fs"), ("az://box/a", "adlfs"), ("gs://bucket/a", "gcsfs")]
)
def test_a_driver_that_is_not_installed_is_named(address: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)  # as if it were not there
    monkeypatch.delitem(loaded_drivers, address.partition("://")[0], raising=False)  # nor used before
    with pytest.raises(InputError, match=f"--output {address}: .*nstall {package}"):
        open_address(address)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(InputError, match=r"--output nowhere://a: Protocol not known: nowhere"):
        open_address("nowhere://a")

"""Signatures: only what the owner of a key has signed is loaded, where a machine asks for it; offline."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest

from agile_classifier.errors import InputError
from agile_classifier.models.digests import DIGEST, MANIFEST, SIGNATURE, content_digest
from tests.toys.toy_version import NAME, register_version

pytest.importorskip("model_signing", reason="model-signing is not installed: pip install 'agile-classifier[signing]'")


def make_keys(folder: Path, name: str = "key") -> tuple[Path, Path]:
    """A private key and its public one, as `openssl ecparam` and `openssl ec` write them."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, pem = ec.generate_private_key(ec.SECP256R1()), serialization.Encoding.PEM
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    traditional, open_lock = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(pem, traditional, open_lock))
    public.write_bytes(key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    return private, public


@pytest.fixture(scope="module")
def version(registry: str, adapter: Path) -> Path:
    """Files of version 1; version 2 is the same classifier."""
    import mlflow

    for _ in range(2):
        register_version(adapter, registry)
    return Path(mlflow.artifacts.download_artifacts(f"models:/{NAME}/1"))


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A key pair whose public key this machine asks for, and a machine without a network."""
    private, public = make_keys(tmp_path)
    monkeypatch.setenv("AGILE_PUBLIC_KEY", str(public))
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("signing needs no network"))
    return private, public


def _sign(folder: Path, key: Path, number: str = "1") -> None:
    from agile_classifier.ops.registry.signing import sign_version

    sign_version(NAME, number, folder=folder, key=key)


def test_a_signed_version_is_loaded_and_one_that_is_not_is_refused(files: Path, keys: tuple[Path, Path]) -> None:
    from agile_classifier.ops.registry.contents.version_files import download_version

    with pytest.raises(InputError, match=f"{NAME}, version 1: is not signed, and AGILE_PUBLIC_KEY asks for it"):
        download_version(NAME, "1")
    _sign(files, keys[0])
    assert (download_version(NAME, "1") / SIGNATURE).is_file()


def test_the_signature_of_another_key_or_version_and_what_is_none_do_not_hold(
    files: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    from agile_classifier.ops.registry.contents.version_files import download_version

    for key, number in ((make_keys(tmp_path, "other")[0], "1"), (keys[0], "2")):
        _sign(files, key, number)
        if number == "2":
            import mlflow

            other = Path(mlflow.artifacts.download_artifacts(f"models:/{NAME}/2"))
            shutil.copy(other / SIGNATURE, files / SIGNATURE)
        with pytest.raises(InputError, match="its signature does not hold by"):
            download_version(NAME, "1")
    for content in ("", "{}", "[]", '{"mediaType": 1}', "\0"):
        (files / SIGNATURE).write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match="its signature does not hold by"):
            download_version(NAME, "1")


def test_whoever_can_write_files_and_tags_but_has_no_key_forges_nothing(files: Path, keys: tuple[Path, Path]) -> None:
    from mlflow import MlflowClient

    from agile_classifier.ops.registry.contents.version_files import download_version
    from agile_classifier.ops.registry.versions import read_tags

    _sign(files, keys[0])
    settings, before = files / "artifacts" / "classifier" / "decision.json", read_tags(NAME, "1")[DIGEST]
    settings.write_text(settings.read_text(encoding="utf-8").replace("0.97", "0.01"), encoding="utf-8")
    listed = json.loads((files / MANIFEST).read_text(encoding="utf-8"))
    listed[settings.relative_to(files).as_posix()] = content_digest(settings)
    (files / MANIFEST).write_text(json.dumps(listed), encoding="utf-8")
    MlflowClient().set_model_version_tag(NAME, "1", DIGEST, content_digest(files / MANIFEST))
    with pytest.raises(InputError, match="its signature does not hold by"):
        download_version(NAME, "1")
    MlflowClient().set_model_version_tag(NAME, "1", DIGEST, before)


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused_in_one_line(
    files: Path, keys: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    from agile_classifier.ops.registry.contents.version_files import download_version

    (tmp_path / "bad.pem").write_bytes(content)
    for key in (tmp_path / "bad.pem", tmp_path / "gone.pem"):
        with pytest.raises(InputError, match=r"--key .*: cannot sign") as refused:
            _sign(files, key)
        assert "\n" not in str(refused.value)
    _sign(files, keys[0])
    for key in (tmp_path / "bad.pem", tmp_path / "gone.pem"):
        monkeypatch.setenv("AGILE_PUBLIC_KEY", str(key))
        with pytest.raises(InputError, match=r"cannot be read|does not hold"):
            download_version(NAME, "1")

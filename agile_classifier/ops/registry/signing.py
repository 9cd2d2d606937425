"""Signatures of versions: by OpenSSF's model-signing and a key pair of one's own, over what a version is.

Signed is a statement, the name, the number and the digest of the list of a version's files, so that a signed version
stands for no other. The signature lies among the version's files. Neither signing nor verifying needs a network.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from mlflow import MlflowClient

from agile_classifier.environment import PUBLIC_KEY
from agile_classifier.errors import InputError, one_line
from agile_classifier.files import content_digest
from agile_classifier.models.digests import DIGEST, MANIFEST, SIGNATURE

PACKAGES = ("model_signing", "OpenSSL")
"""Modules that signing takes; model-signing 1.1 imports the second and does not ask for it."""
STATEMENT = "version.json"
BROKEN = (InvalidSignature, ValueError, TypeError, LookupError, AttributeError)
"""What the library raises where a signature does not hold, is none, or the key is of another kind."""


def sign_version(model_name: str, version: str, *, folder: Path, key: Path) -> None:
    """Sign a version, whose verified files lie in the folder, and put the signature among its files.

    Parameters
    ----------
    key : Path
        Private key on an elliptic curve, in PEM.

    Raises
    ------
    InputError
        No such key, or none that can sign; the version was registered without digests; the packages are missing.
    """
    config = _config("signing")
    with _statement(model_name, version, folder) as statement:
        made = statement.with_name(SIGNATURE)
        try:
            config.use_elliptic_key_signer(private_key=key).sign(statement, made)
        except (OSError, *BROKEN) as error:
            raise InputError(f"--key {key}: cannot sign: {one_line(error)}") from None
        source = MlflowClient().get_model_version(model_name, version).source or ""  # models:/MODEL_ID
        MlflowClient().log_model_artifact(source.rpartition("/")[2], str(made))


def verify_signature(model_name: str, version: str, *, folder: Path, key: Path) -> None:
    """Refuse a version that the owner of the private key to this public one has not signed.

    Raises
    ------
    InputError
        It is not signed, or not by that key, or the signature is that of another version; no such key.
    """
    what = f"model {model_name}, version {version}"
    if not (folder / SIGNATURE).is_file():
        raise InputError(f"{what}: is not signed, and {PUBLIC_KEY} asks for it: `agile sign --key FILE` signs one")
    config = _config("verifying")
    with _statement(model_name, version, folder) as statement:
        try:
            config.use_elliptic_key_verifier(public_key=key).verify(statement, folder / SIGNATURE)
        except OSError as error:
            raise InputError(f"{PUBLIC_KEY} {key}: cannot be read ({error.strerror})") from None
        except BROKEN as error:
            raise InputError(f"{what}: its signature does not hold by {key}: {one_line(error, longest=80)}") from None


@contextmanager
def _statement(model_name: str, version: str, folder: Path) -> Iterator[Path]:
    """A file that says what is signed, for as long as it is needed."""
    if not (folder / MANIFEST).is_file():
        raise InputError(f"model {model_name}, version {version}: was registered without digests; train it again")
    said = {"model": model_name, "version": version, DIGEST: content_digest(folder / MANIFEST)}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / STATEMENT
        path.write_text(json.dumps(said, sort_keys=True), encoding="utf-8")
        yield path


def _config(module: str) -> Any:
    missing = [package for package in PACKAGES if not importlib.util.find_spec(package)]
    if missing:
        raise InputError(f"{', '.join(missing)} not installed: pip install 'agile-classifier[signing]'")
    return importlib.import_module(f"model_signing.{module}").Config()

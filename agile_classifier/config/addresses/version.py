"""Address of a registered version, as MLflow writes it: `models:/NAME@ALIAS` or `models:/NAME/NUMBER`."""

from __future__ import annotations

import re
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

from agile_classifier.config.bounds import Address

SCHEME = "models:"
FORMS = "models:/NAME@ALIAS or models:/NAME/VERSION, as models:/ethos@champion"
_ADDRESS = re.compile(
    r"models:/(?P<name>[A-Za-z0-9][A-Za-z0-9_.\- ]*)(?:@(?P<alias>[^/@:]+)|/(?P<version>[1-9][0-9]*))"
)


class VersionAddress(NamedTuple):
    """What an address of a registered version names: an alias or a number, never both."""

    name: str
    alias: str | None
    version: str | None


def read_version_address(address: str) -> VersionAddress | None:
    """What an address names; None of one of another form.

    >>> read_version_address("models:/ethos@champion")
    VersionAddress(name='ethos', alias='champion', version=None)
    """
    found = _ADDRESS.fullmatch(address)
    return None if found is None else VersionAddress(found["name"], found["alias"], found["version"])


def _check(address: str) -> str:
    if address.startswith(SCHEME) and read_version_address(address) is None:
        raise ValueError(f"expected {FORMS}, or an adapter folder; found {address[:80]!r}")
    if "://" in address:
        raise ValueError(f"an adapter folder of this machine, or {FORMS}; found {address[:80]!r}")
    return address


StartAddress = Annotated[Address, AfterValidator(_check)]
"""A registered version, or the folder of a trained adapter."""

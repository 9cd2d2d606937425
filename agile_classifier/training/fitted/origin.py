"""Origin: the start that a fitted classifier went on from; a clone of it goes on from the same, or says why not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agile_classifier.config.addresses.version import SCHEME
from agile_classifier.errors import InputError
from agile_classifier.models.spec import ClassifierSpec, Start
from agile_classifier.models.starts.folder import describe_start, open_folder


@dataclass(frozen=True)
class Origin:
    """The start that a classifier went on from, and the `start_from` that stands for it."""

    address: str
    start: Start


def read_origin(spec: ClassifierSpec, address: str | None) -> Origin | None:
    """Start that a classifier went on from; None where it has none.

    Parameters
    ----------
    address : str, optional
        Where the start lies, since a specification keeps a folder's name alone. Of an alias, which may have moved, and
        without an address, it is the start's own version.
    """
    if not spec.starts:
        return None
    start = spec.starts[0]
    own = start.name if start.version is None else f"models:/{start.name}/{start.version}"
    return Origin(own if address is None or address.startswith(SCHEME) else address, start)


def open_start(address: str, origin: Origin | None) -> Path:
    """Open the folder that `start_from` names; that of an origin must hold the very adapter that it held.

    Raises
    ------
    InputError
        As `open_folder`; or it is the origin's, and is not at hand or holds another adapter by now.
    """
    if origin is None or address != origin.address:
        return open_folder(address)
    start = origin.start
    told = f"AgileClassifier: it went on from {start.title} (digest {start.digest[:16]})"
    choices = "set start_from to the folder of an adapter, or to None to train without a start"
    try:
        adapter = open_folder(address)
    except InputError as error:
        raise InputError(f"{told}: {error}; {choices}") from None
    if (digest := describe_start(adapter).digest) != start.digest:
        raise InputError(f"{told}, and start_from {address} has digest {digest[:16]} by now; {choices}")
    return adapter

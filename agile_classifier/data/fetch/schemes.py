"""Schemes: what fetches the rows that an address names, by what stands before its `://`.

| scheme | names | fetched by |
| --- | --- | --- |
| none | a file of this machine, or every file of a pattern | `fetch_matching` |
| `https`, `http`, `hf`, `package` | one file | `agile_classifier.data.fetch.sources.fetch_file` |
| `s3`, `gs`, `gcs`, `az`, `abfs`, `abfss` | an object, every one of a pattern, or below a prefix | `fetch_objects` |
| `sql` | what a query gives | `fetch_query` |
| `label-studio` | the labels of a project | `agile_classifier.data.label_studio.labels.fetch_labels` |

Another scheme is a `Fetcher` in `FETCHERS`. One that asks ZenML, MLflow or a server of this project is put there by
`agile_classifier.ops.schemes`, which whatever reads sources for a run imports.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agile_classifier.config.addresses.source import BUCKETS, QUERIED, Source, is_pattern, scheme_of
from agile_classifier.data.fetch.buckets import fetch_objects
from agile_classifier.data.fetch.databases import fetch_query
from agile_classifier.data.fetch.fetched import Fetched, Fetcher
from agile_classifier.data.fetch.sources import fetch_file
from agile_classifier.data.label_studio.labels import SCHEME, fetch_labels
from agile_classifier.environment import cache, mirror
from agile_classifier.errors import InputError
from agile_classifier.files import match_files


def fetch_rows(source: Source, folder: Path) -> list[Fetched]:
    """Fetch every file of a source, in the order of its addresses.

    Parameters
    ----------
    source : Source
        Its addresses, their pins, and a database's query.
    folder : Path
        Where rows that lie in no file are written, for as long as they are read.

    Raises
    ------
    InputError
        As `agile_classifier.data.fetch.sources.fetch_file`, or as the scheme's own fetcher.
    """
    pins: Sequence[Sequence[str] | None] = [None] * len(source.addresses)
    if source.sha256 is not None:
        pins = [source.sha256] if isinstance(source.source, str) else [(pin,) for pin in source.sha256]
    found = list[Fetched]()
    for number, (address, pin) in enumerate(zip(source.addresses, pins, strict=True)):
        place = folder / str(number)
        place.mkdir()
        one = source.model_copy(update={"source": address, "sha256": pin})
        found += FETCHERS.get(scheme_of(address), fetch_one)(one, place)
    return found


def fetch_one(source: Source, _folder: Path) -> list[Fetched]:
    """Fetch the one file of an address that is a path, a URL, a hub data set or a package's."""
    address = str(source.source)
    if scheme_of(address) not in FETCHERS and "://" in address.split("!/")[0]:
        allowed = ", ".join(f"{scheme}://" for scheme in FETCHERS if scheme)
        raise InputError(f"{address}: unknown scheme; allowed is a local path, or {allowed}")
    path = fetch_file(address, sha256=source.sha256, revision=source.revision, cache=cache(), mirror=mirror())
    return [Fetched(path, str(path))]


def fetch_matching(source: Source, folder: Path) -> list[Fetched]:
    """Fetch a file of this machine, or every one of a pattern, by name.

    Raises
    ------
    InputError
        No file matches, or a pattern is pinned.
    """
    address = str(source.source)
    head, *inner = address.split("!/")
    if not is_pattern(address) or Path(head).expanduser().exists():
        return fetch_one(source, folder)
    if source.sha256 is not None:
        raise InputError(f"{address}: sha256 pins a file, and a pattern may match others tomorrow; leave sha256 out")
    found = match_files(Path(head).expanduser())
    if not found:
        raise InputError(f"{address}: no file matches")
    named = ["!/".join([str(path), *inner]) for path in found]
    return [file for name in named for file in fetch_one(source.model_copy(update={"source": name}), folder)]


FETCHERS: dict[str, Fetcher] = {
    "": fetch_matching,
    **dict.fromkeys(("https", "http", "hf", "package"), fetch_one),
    **dict.fromkeys(BUCKETS, fetch_objects),
    QUERIED: fetch_query,
    SCHEME: fetch_labels,
}
"""Scheme, in small letters → what fetches its rows; empty for a path."""

"""Config of a source: the addresses of its rows, and what pins them.

What an address may be is a table: a file of this machine, or one of the schemes of
`agile_classifier.data.fetch.schemes`.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, model_validator

from agile_classifier.config import bounds
from agile_classifier.config.section import Section

QUERIED = "sql"
"""Scheme of the sources that need a query."""
BUCKETS = ("s3", "gs", "gcs", "az", "abfs", "abfss")
"""Schemes of stores of objects."""
PINNABLE = ("", "http", "https", "hf", "package", *BUCKETS)
"""Schemes whose address may be one file; empty for a path."""
WILD = frozenset("*?[")
"""Signs by which an address names every file of a pattern."""
_NAMED = re.compile(r"sql://[A-Za-z0-9][A-Za-z0-9_-]*")


class Source(Section):
    """Where rows come from."""

    source: (
        bounds.Address | Annotated[tuple[bounds.Address, ...], Field(min_length=1, max_length=bounds.MOST_NAMES)] | None
    ) = None
    """A file, or every file of a pattern (labels/*.csv), https://…, hf://datasets/NAME[/CONFIG],
    package://NAME==VERSION/path/in/archive, s3://…, gs://…, az://… (a file, a pattern, or a prefix that ends in /),
    sql://NAME, label-studio://PROJECT; or a list of them, read as one table of the same columns."""
    sha256: bounds.Digests | None = None
    """SHA-256 of the file, or of each file of a list, or of each package; with it `ingest` can be reused, without it
    `ingest` always runs."""
    revision: bounds.Revision | None = None
    """Commit of a hub data set."""
    query: bounds.Text | None = None
    """What is asked of a database, for sql://NAME: one SELECT. The database's address stands in the variable
    AGILE_SQL_NAME, or in the key `url` of the ZenML secret NAME."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The address, or each of a list."""
        return (self.source,) if isinstance(self.source, str) else self.source or ()

    @property
    def is_pinned(self) -> bool:
        """Whether the source can never hold other bytes, so that fetching it again may be saved."""
        return self.sha256 is not None or (self.revision is not None and self._is_revised)

    @property
    def _is_revised(self) -> bool:
        """Whether a commit pins all of a list: that of a hub data set says nothing of a file beside it."""
        return isinstance(self.source, str) or all(source.startswith("hf://") for source in self.addresses)

    @model_validator(mode="after")
    def _pins_agree(self) -> Source:
        if isinstance(self.source, tuple) and self.sha256 is not None and len(self.sha256) != len(self.source):
            raise ValueError(
                f"data.sha256 holds {len(self.sha256)} hashes; needed is one for each of {len(self.source)} sources"
            )
        growing = next(filter(_may_grow, self.addresses), None)
        if growing is not None and self.sha256 is not None:
            raise ValueError(f"sha256 pins a file, and {growing} may hold others tomorrow; leave sha256 out")
        return self

    @model_validator(mode="after")
    def _query_agrees(self) -> Source:
        queried = [address for address in self.addresses if scheme_of(address) == QUERIED]
        if queried and (len(self.addresses) > 1 or self.query is None):
            raise ValueError(f"{queried[0]} is a source by itself and needs its query; found query {self.query}")
        if queried and _NAMED.fullmatch(queried[0]) is None:
            raise ValueError(
                f"{QUERIED}:// is followed by a name of letters, digits, - and _, never by the database's own address"
            )
        if self.query is not None and not queried:
            raise ValueError(f"query belongs to a source {QUERIED}://NAME; found source {self.source}")
        return self


def scheme_of(address: str) -> str:
    """What stands before `://` in an address, in small letters; empty for a path.

    >>> scheme_of("s3://bucket/labels/"), scheme_of("labels/*.csv")
    ('s3', '')
    """
    scheme, mark, _ = address.partition("://")
    return scheme.lower() if mark else ""


def is_pattern(address: str) -> bool:
    """Whether an address names files by a pattern; a package's `{1..3}` is none.

    >>> is_pattern("labels/*.csv"), is_pattern("https://example.org/a?b=c")
    (True, False)
    """
    head = address.split("!/")[0]
    return scheme_of(address) in ("", *BUCKETS) and not WILD.isdisjoint(head)


def _may_grow(address: str) -> bool:
    """Whether an address beyond this machine may name other rows tomorrow."""
    scheme = scheme_of(address)
    return scheme not in PINNABLE or (scheme in BUCKETS and (address.endswith("/") or is_pattern(address)))

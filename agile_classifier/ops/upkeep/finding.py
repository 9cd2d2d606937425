"""Finding, what one check of `agile doctor` says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result of one check: what was looked at, what was found, and what to do about it."""

    name: str
    value: str
    remedy: str | None = None
    """What to do; None where a run would work as things are."""

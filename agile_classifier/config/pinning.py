"""Pinning: a config whose data may change, tied to the bytes that they are now, so that what came of them is never taken for what others would say."""

from __future__ import annotations

from pathlib import Path

from agile_classifier.config.run import RunConfig
from agile_classifier.data.fetch.cache import content_digest


def pin_data(config: RunConfig) -> RunConfig:
    """The config with the SHA-256 of its data, where these are a file of this machine that is not pinned; else as it is.

    A source of the network that is not pinned is known by its address alone.
    """
    data = config.data
    file = Path(data.source).expanduser()
    if data.is_pinned or not file.is_file():
        return config
    return config.model_copy(update={"data": data.model_copy(update={"sha256": (content_digest(file),)})})

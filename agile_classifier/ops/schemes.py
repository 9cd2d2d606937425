"""Schemes of sources that ask ZenML, MLflow or a server of this project, put on the table by importing this module.

A scheme is an entry of `OWN`: a `Fetcher` as `agile_classifier.data.fetch.fetched` describes it, under what stands
before `://` in an address.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from zenml.client import Client

from agile_classifier.config.addresses.source import QUERIED, Source
from agile_classifier.data.fetch.databases import fetch_query
from agile_classifier.data.fetch.fetched import Fetched, Fetcher
from agile_classifier.data.fetch.schemes import FETCHERS
from agile_classifier.environment import database_url, database_variable
from agile_classifier.errors import InputError
from agile_classifier.ops.feedback.training_table import write_feedback

URL = "url"
"""Key of a ZenML secret that holds a database's address."""


def find_database(name: str) -> str:
    """The address of a database: from the variable of its name, else from the ZenML secret of its name.

    Raises
    ------
    InputError
        Neither is there, or the secret has no key `url`.
    """
    url = database_url(name)
    if url is not None:
        return url
    try:
        secret = Client().get_secret(name, allow_partial_name_match=False, allow_partial_id_match=False)
    except (KeyError, NotImplementedError):
        raise InputError(
            f"sql://{name}: the database's address is missing: set {database_variable(name)}, or make a secret:"
            f" zenml secret create {name} --{URL}=…"
        ) from None
    if URL not in secret.secret_values:
        raise InputError(f"sql://{name}: the ZenML secret {name} has no key {URL}; it has {', '.join(secret.values)}")
    return secret.secret_values[URL]


def fetch_feedback(source: Source, folder: Path) -> list[Fetched]:
    """Fetch the verdicts on a model's predictions whose text was kept; raises InputError where there are none."""
    address = str(source.source)
    return [Fetched(write_feedback(address, folder), address)]


OWN: dict[str, Fetcher] = {QUERIED: partial(fetch_query, find_url=find_database), "feedback": fetch_feedback}
"""Scheme → what fetches its rows."""

FETCHERS.update(OWN)

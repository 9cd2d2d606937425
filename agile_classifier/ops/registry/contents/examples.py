"""Data of a version: the examples that a registered version was made of, to train on again."""

from __future__ import annotations

from zenml.client import Client

from agile_classifier.errors import InputError
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.runs.links import ZENML_RUN
from agile_classifier.ops.runs.outputs import EXAMPLES, INGEST, SNAPSHOT, find_output


def find_snapshot(model_name: str, wanted: str) -> str:
    """ZenML's id of the examples that a version, named by number or alias, was made of.

    Raises
    ------
    InputError
        There is no such version, or its run was deleted.
    """
    version = registry.find_version(model_name, wanted, is_alias=not wanted.isdigit())
    tags = registry.read_tags(model_name, version)
    if SNAPSHOT in tags:
        return tags[SNAPSHOT]
    try:
        run = Client().get_pipeline_run(tags.get(ZENML_RUN, ""), allow_name_prefix_match=False)
    except KeyError:
        raise InputError(
            f"model {model_name}: version {version}: its run in ZenML was deleted, and its data with it"
        ) from None
    return str(find_output(run, INGEST, EXAMPLES).id)

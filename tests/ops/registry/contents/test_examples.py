"""Data of a version: found by its tag, or by the run that made it, and said plainly where they are gone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from agile_classifier.errors import InputError

MODEL = "data of versions"


@pytest.fixture(scope="module")
def registered(state_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Version 1 names its data, version 2 only its run, as those of an earlier project do; the run of 3 is deleted."""
    from mlflow import MlflowClient

    from agile_classifier.config.files import parse_config
    from agile_classifier.ops.registry.contents import examples as data
    from agile_classifier.ops.runs import outputs, tracking
    from tests.toys import toy_ingest

    source = tmp_path_factory.mktemp("data") / "a.csv"
    source.write_text("text,kind\nfine,Praise\nbad,Blame\n")
    sections = {"data": {"source": str(source)}, "labels": {"rule": "given", "columns": "kind"}}
    config = parse_config({**sections, "model": {"source": "a/b"}, "registry": {"model_name": MODEL}}, name="test")
    run = toy_ingest.train(config)
    examples = str(outputs.find_output(run, outputs.INGEST, outputs.EXAMPLES).id)
    made_by: list[Mapping[str, str]] = [
        outputs.version_tags(run),
        {tracking.ZENML_RUN: str(run.id)},
        {tracking.ZENML_RUN: "gone"},
    ]
    client = MlflowClient()
    client.create_registered_model(MODEL)
    for tags in made_by:
        client.create_model_version(MODEL, source=source.parent.as_uri(), tags=dict(tags))
    return SimpleNamespace(find=data.find_snapshot, examples=examples)


def test_the_examples_of_a_version_are_found_by_its_tag_or_its_run(registered: SimpleNamespace) -> None:
    assert [registered.find(MODEL, number) for number in ("1", "2")] == [registered.examples] * 2


def test_what_is_gone_or_was_never_there_is_said(registered: SimpleNamespace) -> None:
    with pytest.raises(InputError, match="version 3: its run in ZenML was deleted, and its data with it"):
        registered.find(MODEL, "3")
    with pytest.raises(InputError, match="version 7"):
        registered.find(MODEL, "7")
    with pytest.raises(InputError, match="champion"):
        registered.find(MODEL, "champion")

"""Starts by the registry: the version that an address names now, its digests, and what is refused in one line."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.data.duplicates.learnt import LearntTexts
from agile_classifier.errors import InputError
from agile_classifier.files import tree_digest
from agile_classifier.models.spec import ClassifierSpec, Start
from agile_classifier.models.starts.folder import read_learnt, read_starts

SETTINGS = FineTuneConfig(rank=8)


@pytest.fixture(scope="module")
def two_versions(versions: str) -> str:
    """The registry's two versions, the first the champion."""
    from mlflow import MlflowClient

    MlflowClient().set_registered_model_alias(versions, "champion", "1")
    return versions


def bring(address: str, base: Path, to: Path) -> None:
    from agile_classifier.ops.registry.contents.starts import bring_start

    to.mkdir()
    model = ModelConfig(source=str(base), start_from=address)
    bring_start(model, SETTINGS, base_digest=tree_digest(base), to=to)


def test_an_alias_is_the_version_that_has_it_now_and_holds_what_it_has_learnt(
    two_versions: str, base: Path, adapter: Path, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    for number in ("1", "2"):
        MlflowClient().set_registered_model_alias(two_versions, "champion", number)
        bring(f"models:/{two_versions}@champion", base, tmp_path / number)
        (start,) = read_starts(tmp_path / number)
        assert (start.name, start.version, start.digest) == (two_versions, number, tree_digest(adapter / "best"))
        assert read_learnt(tmp_path / number).extent == "nearly"
    bring(f"models:/{two_versions}/1", base, tmp_path / "numbered")
    assert read_starts(tmp_path / "numbered")[0].version == "1"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("models:/nobody@champion", "no registered model 'nobody'; there are: "),
        ("models:/{name}@latest-good", "no version has the alias 'latest-good'; aliases: "),
        ("models:/{name}/9", "no version 9; there are: 1, 2"),
        ("models:/toy@champion", "is no classifier of this project"),
        ("folder/of/nothing", "no such folder"),
    ],
)
def test_what_is_not_there_is_one_line_that_names_the_field(
    two_versions: str, base: Path, tmp_path: Path, address: str, told: str
) -> None:
    with pytest.raises(InputError) as refused:
        bring(address.format(name=two_versions), base, tmp_path / "kept")
    assert str(refused.value).startswith(f"model.start_from {address.format(name=two_versions)}")
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.fixture
def damaged(two_versions: str) -> Iterator[None]:
    """Other weights in version 1, while a test lasts."""
    import mlflow

    version = Path(mlflow.artifacts.download_artifacts(f"models:/{two_versions}/1"))
    weights = version / "artifacts" / "classifier" / "best" / "adapter_model.safetensors"
    kept = weights.read_bytes()
    weights.write_bytes(b"other weights")
    yield
    weights.write_bytes(kept)


@pytest.mark.usefixtures("damaged")
def test_a_changed_file_is_not_gone_on_from(two_versions: str, base: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"best/adapter_model\.safetensors was changed since it was registered"):
        bring(f"models:/{two_versions}/1", base, tmp_path / "kept")


def test_a_version_of_before_there_were_digests_is_refused(two_versions: str, base: Path, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    from agile_classifier.models.digests import DIGEST

    kept = MlflowClient().get_model_version(two_versions, "2").tags[DIGEST]
    MlflowClient().delete_model_version_tag(two_versions, "2", DIGEST)
    try:
        with pytest.raises(InputError, match="was registered without digests; train it again"):
            bring(f"models:/{two_versions}/2", base, tmp_path / "kept")
    finally:
        MlflowClient().set_model_version_tag(two_versions, "2", DIGEST, kept)


def test_another_training_goes_on_from_the_very_version_wherever_the_alias_stands(
    two_versions: str, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.registry.contents.starts import pin_start

    digest = tree_digest(adapter / "best")
    start = Start(two_versions, "2", digest, None, ())
    assert pin_start(f"models:/{two_versions}@champion", start) == f"models:/{two_versions}/2"
    for other, told in (
        (
            replace(start, digest="0" * 64),
            f"its adapter has digest {digest[:16]} by now, and training went on from 0000",
        ),
        (replace(start, version="9"), "no version 9; there are: 1, 2"),
        (replace(start, version=None), "no such folder"),
    ):
        with pytest.raises(InputError, match=told) as refused:
            pin_start("folder/of/nothing", other)
        assert str(refused.value).startswith("model.start_from ")
        assert "\n" not in str(refused.value)


def test_a_version_is_trained_again_from_the_start_that_it_went_on_from(
    two_versions: str, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.config.files import parse_config
    from agile_classifier.ops.scoring import monitoring

    sections = {
        "data": {"source": "https://example.org/a.csv", "columns": {"text": "text", "score": "score"}},
        "model": {"source": "owner/read", "revision": "abc1234", "start_from": f"models:/{two_versions}@moved"},
        "registry": {"model_name": "later"},
    }
    config, spec = parse_config(sections, name="recorded"), ClassifierSpec.load(adapter)
    monkeypatch.setattr(monitoring, "training_config", lambda *_: config)
    start = Start(two_versions, "2", tree_digest(adapter / "best"), None, ())
    for starts, address in (((start,), f"models:/{two_versions}/2"), ((), config.model.start_from)):
        monkeypatch.setattr(monitoring.version_files, "read_spec", lambda *_, of=starts: replace(spec, starts=of))
        again = monitoring.config_to_train_again("later", "3")
        assert again.model.start_from == address
        assert again.model_copy(update={"model": config.model}) == config
    gone = (replace(start, version="9"),)
    monkeypatch.setattr(monitoring.version_files, "read_spec", lambda *_: replace(spec, starts=gone))
    with pytest.raises(
        InputError, match=r"^model later: version 3 cannot be trained again: model\.start_from models:/"
    ):
        monitoring.config_to_train_again("later", "3")


def test_an_exported_adapter_is_a_start_and_knows_near_copies(
    two_versions: str, base: Path, tiny_examples: pd.DataFrame, tmp_path: Path
) -> None:
    from agile_classifier.ops.registry.export import export

    exported = tmp_path / "exported"
    export(model_name=two_versions, version="1", format="adapter", output=str(exported), force=False)
    bring(str(exported), base, tmp_path / "kept")
    assert read_starts(tmp_path / "kept")[0].title == "the folder exported"
    learnt = LearntTexts.load(tmp_path / "kept")
    assert learnt is not None
    assert learnt.find_copies(list(tiny_examples["text"][:24])).all()
    spec = ClassifierSpec.load(tmp_path / "kept")
    assert spec.base_digest == tree_digest(base)
    shutil.rmtree(exported)

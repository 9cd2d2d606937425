"""Digests of a version: whatever is changed in its files is named, and nothing of it is run or answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agile_classifier.errors import InputError
from agile_classifier.models import digests
from agile_classifier.models.decision import require_finite
from agile_classifier.models.spec import MEMBERS_FOLDER
from tests.toys.toy_version import NAME, register_version

TEXTS = ["so kind of you", "get lost"]


@pytest.fixture(scope="module")
def version(registry: str, adapter: Path, base: Path) -> Path:
    """A registered version's own files, the base model among them."""
    import mlflow

    number = register_version(adapter, registry, base=base)
    return Path(mlflow.artifacts.download_artifacts(f"models:/{NAME}/{number}"))


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "pattern",
    [
        "artifacts/classifier/best/adapter_model.safetensors", "artifacts/classifier/classifier.json",
        "artifacts/classifier/decision.json", "artifacts/classifier/tokenizer/tokenizer.json",
        "artifacts/*/config.json", "code/*/models/predictor.py", "pyfunc_model.py", "MLmodel", "requirements.txt",
    ],
)  # fmt: skip
def test_a_flipped_bit_is_refused_by_the_name_of_its_file(files: Path, pattern: str) -> None:
    from agile_classifier.ops.registry.contents.version_files import read_files
    from agile_classifier.ops.registry.loading import load_classifier
    from agile_classifier.ops.registry.scorer import Scorer

    path = next(files.glob(pattern))
    _flip(path)
    for load in (
        lambda: Scorer(NAME, "1"),
        lambda: read_files(NAME, "1"),
        lambda: load_classifier(f"models:/{NAME}/1"),
    ):
        with pytest.raises(InputError, match=f"{path.name} was changed since it was registered; it is not loaded"):
            load()


def test_a_file_that_is_missing_or_was_added_and_a_changed_list_are_refused(files: Path) -> None:
    from agile_classifier.ops.registry.contents.version_files import download_version

    (files / "code" / "torch.py").write_text("raise SystemExit('taken over')\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"code/torch\.py was added since"):
        download_version(NAME, "1")
    (files / "code" / "torch.py").unlink()
    weights = files / "artifacts" / "classifier" / "best" / "adapter_model.safetensors"
    _flip(weights)
    listed = json.loads((files / digests.MANIFEST).read_text(encoding="utf-8"))
    listed[weights.relative_to(files).as_posix()] = digests.content_digest(weights)
    (files / digests.MANIFEST).write_text(json.dumps(listed), encoding="utf-8")
    with pytest.raises(InputError, match=r"digests\.json is not the list of its files that was registered"):
        download_version(NAME, "1")
    (files / digests.MANIFEST).unlink()
    with pytest.raises(InputError, match=r"digests\.json is not the list"):
        download_version(NAME, "1")


def test_bytecode_beside_the_code_is_never_run(files: Path) -> None:
    from agile_classifier.ops.registry.contents.version_files import download_version

    module = next(files.glob("code/*/models/predictor.py"))
    bytecode = module.parent / digests.BYTECODE
    bytecode.mkdir(exist_ok=True)
    (bytecode / "predictor.cpython-311.pyc").write_bytes(b"not what the source says")
    download_version(NAME, "1")
    assert not bytecode.exists()


def test_bytecode_of_a_load_before_the_registration_is_not_listed(tmp_path: Path) -> None:
    version = tmp_path / "version"
    (version / "code" / digests.BYTECODE).mkdir(parents=True)
    (version / "code" / "a.py").write_text("A = 1\n", encoding="utf-8")
    (version / "code" / digests.BYTECODE / "a.cpython-311.pyc").write_bytes(b"\0")
    digest = digests.write_manifest(version, version)
    digests.verify_files(version, digest, name="model mood, version 1")
    assert not (version / "code" / digests.BYTECODE).exists()


def test_a_loader_that_knows_no_tag_refuses_damage_too(files: Path) -> None:
    import mlflow

    assert len(mlflow.pyfunc.load_model(f"models:/{NAME}/1").predict(pd.DataFrame({"text": TEXTS}))) == 2
    _flip(files / "artifacts" / "classifier" / "best" / "adapter_model.safetensors")
    with pytest.raises(Exception, match=r"adapter_model\.safetensors was changed since it was registered"):
        mlflow.pyfunc.load_model(f"models:/{NAME}/1")


@pytest.mark.parametrize(
    "pattern", ["artifacts/classifier/best/adapter_model.safetensors", "code/*/models/predictor.py", "artifacts/classifier/best"]
)  # fmt: skip
def test_a_link_in_a_version_is_refused_though_it_leads_to_the_same_bytes(
    files: Path, tmp_path: Path, pattern: str
) -> None:
    import mlflow

    from agile_classifier.ops.registry.contents.version_files import download_version

    path = next(files.glob(pattern))
    moved = path.rename(tmp_path / path.name)
    path.symlink_to(moved)
    with pytest.raises(InputError, match=f"its file {path.relative_to(files)} is a link; it is not loaded"):
        download_version(NAME, "1")
    with pytest.raises(Exception, match="is a link"):
        mlflow.pyfunc.load_model(f"models:/{NAME}/1")
    path.unlink()


def test_a_folder_of_code_that_is_linked_in_is_refused(files: Path, tmp_path: Path) -> None:
    from agile_classifier.ops.registry.contents.version_files import download_version

    (tmp_path / "torch").mkdir()
    (files / "code" / "torch").symlink_to(tmp_path / "torch")
    with pytest.raises(InputError, match="its file code/torch is a link"):
        download_version(NAME, "1")
    (files / "code" / "torch").unlink()


def test_a_loader_that_knows_no_tag_misses_no_file_and_takes_no_other(
    files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import mlflow

    load = lambda: mlflow.pyfunc.load_model(f"models:/{NAME}/1")  # noqa: E731
    member = next(path for path in (files / "artifacts" / "classifier").iterdir() if path.name == MEMBERS_FOLDER)
    shutil.rmtree(member)
    with pytest.raises(Exception, match=f"artifacts/classifier/{MEMBERS_FOLDER}/.* is missing since it was registered"):
        load()
    (files / "artifacts" / "classifier" / "best" / "extra.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Exception, match=r"extra\.json was added since it was registered"):
        load()


def test_a_list_that_is_gone_is_warned_of_where_no_tag_is_known(files: Path, caplog: pytest.LogCaptureFixture) -> None:
    (files / digests.MANIFEST).unlink()
    digests.verify_parts(files, [files / "artifacts" / "classifier"])
    assert "has no digests.json" in caplog.text


def test_an_estimator_of_a_version_s_folder_holds_it_against_the_list(files: Path) -> None:
    from agile_classifier.training.estimator import AgileClassifier

    folder = files / "artifacts" / "classifier"
    assert list(AgileClassifier.from_adapter(folder).classes_) == ["blame", "praise"]
    _flip(folder / "decision.json")
    with pytest.raises(InputError, match=r"decision\.json was changed since it was registered"):
        AgileClassifier.from_adapter(folder)


def test_a_version_of_before_there_were_digests_is_warned_of(files: Path, caplog: pytest.LogCaptureFixture) -> None:
    digests.verify_files(files, None, name="model mood, version 1")
    assert "registered without digests" in caplog.text


def test_what_is_no_finite_number_is_no_probability() -> None:
    good = np.array([[0.2, 0.8], [0.5, 0.5]])
    assert require_finite(good) is good
    for bad in (np.nan, np.inf):
        with pytest.raises(RuntimeError, match="text 2 of 2 has no finite probability"):
            require_finite(np.array([[0.2, 0.8], [0.5, bad]]))

"""Exporting: which version is meant, and what is refused before anything is fetched. Real exports: tests/pipelines/test_training.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agile_classifier.errors import InputError


@pytest.fixture
def empty_registry(state_folder: Path, new_mlflow: Callable[[Path], str], tmp_path: Path) -> Iterator[None]:
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(new_mlflow(tmp_path))
    yield
    mlflow.set_tracking_uri(before)


def refusal(**given: str | None) -> str:
    from agile_classifier.ops.registry import export as exporting

    arguments = {"model_name": None, "version": None, "format": "adapter", "output": None, **given}
    with pytest.raises(InputError) as refused:
        exporting.export(**arguments, force=False)  # type: ignore[arg-type]
    return str(refused.value)


def test_what_cannot_be_exported_is_refused_by_name(empty_registry: None) -> None:
    assert "--format gguf: allowed are adapter, onnx" in refusal(format="gguf")
    assert "no registered model has a champion" in refusal()
    assert "name a model with --model, one of: none" in refusal(version="1")
    assert "no registered model 'gone'; there are: none" in refusal(model_name="gone", version="1")
    assert "no registered model 'gone'; there are: none" in refusal(model_name="gone", version="champion")


def test_packages_that_the_format_needs_are_named(empty_registry: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from agile_classifier.ops.registry import export as exporting

    monkeypatch.setattr(exporting, "ONNX_PACKAGES", ("onnx", "no_such_package"))
    assert (
        refusal(format="onnx") == "--format onnx: no_such_package not installed: pip install 'agile-classifier[onnx]'"
    )

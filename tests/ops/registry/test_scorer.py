"""Loading of a version as MLflow's pyfunc: it answers as MLflow's own way to load it does, and says which packages differ."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pandas as pd
import pytest


def test_a_version_is_loaded_as_mlflow_would(registry: str) -> None:
    import mlflow

    from agile_classifier.ops.registry.scorer import load_pyfunc

    rows = pd.DataFrame({"text": ["a", "a longer text"]})
    expected = mlflow.pyfunc.load_model("models:/toy/1").predict(rows)
    assert load_pyfunc("toy", "1").predict(rows).equals(expected)


def test_packages_that_differ_are_named_once_and_others_are_not(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from agile_classifier.ops.registry import scorer

    here = {"numpy": "1.0+cpu", "torch": "2.13.0+cpu"}
    lines = "# made by hand\n--no-index\nnumpy==2.0\ntorch==2.13.0\nno-such-package==1  # gone\n"

    def version(name: str) -> str:
        if name not in here:
            raise scorer.metadata.PackageNotFoundError
        return here[name]

    place = shutil.copytree(scorer.download_version("toy", "2"), tmp_path / "made elsewhere")
    (place / "requirements.txt").write_text(lines, encoding="utf-8")
    monkeypatch.setattr(scorer, "download_version", lambda *_: place)
    monkeypatch.setattr(scorer.metadata, "version", version)
    with caplog.at_level(logging.WARNING):
        scorer.load_pyfunc("toy", "2")
    said = [record.message for record in caplog.records if record.name == scorer.__name__]
    assert said == [
        "model toy, version 2 was made with other packages than are here: numpy==2.0 (here 1.0+cpu), no-such-package==1 (missing)"
    ]

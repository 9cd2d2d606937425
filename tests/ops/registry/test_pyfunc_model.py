"""The registered model: it scores with the very base model that its adapter was trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from agile_classifier.config.training import ModelConfig
from agile_classifier.errors import InputError
from agile_classifier.files import content_digest, tree_digest
from agile_classifier.models.gguf import as_transformers_folder, fetch_base_of
from agile_classifier.models.spec import ClassifierSpec
from tests.toys.toy_gguf import write_gguf


def test_a_base_model_from_a_gguf_is_found_again_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gguf = tmp_path / "model" / "toy.gguf"
    write_gguf(gguf)
    trained_on = as_transformers_folder(gguf.parent, cache=tmp_path / "cache of training")
    model = ModelConfig(source=str(gguf), sha256=(content_digest(gguf),))
    monkeypatch.setenv("AGILE_HOME", str(tmp_path / "another machine"))
    monkeypatch.delenv("AGILE_MIRROR", raising=False)

    spec = ClassifierSpec.describe(model, class_names=("no", "yes"), base_digest=tree_digest(trained_on))
    found = fetch_base_of(spec)
    assert found.is_relative_to(tmp_path / "another machine")
    assert tree_digest(found) == tree_digest(trained_on)

    other = ClassifierSpec.describe(model, class_names=("no", "yes"), base_digest=tree_digest(gguf.parent))
    with pytest.raises(InputError, match="the adapter was trained on"):
        fetch_base_of(other)

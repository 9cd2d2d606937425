"""Reference: what a tokenizer and a frozen base model say of texts, for either head."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from agile_classifier.evaluation.drift_sample import DriftSample
from agile_classifier.evaluation.reference import make_reference
from agile_classifier.models.prompts.prompts import Prompt
from agile_classifier.models.spec import TOKENIZER_FOLDER, ClassifierSpec

TEXTS = ["a lovely day", "zebra song quark", "the awful film was very dull and this room is cold", "fine"]
PROMPT = Prompt(("no", "yes"))


def reference_of(folder: Path, base: Path, *, pooling: str, quantization: str, texts: list[str]) -> DriftSample:
    spec = ClassifierSpec(
        class_names=("no", "yes"), pooling=pooling, quantization=quantization, double_quant=True, compute_dtype="float32",
        max_length=48, hidden_size=32, base_source="tiny", base_sha256=None, base_revision=None, base_digest="",
        prompt=PROMPT if pooling == "answer" else None,
    )  # fmt: skip
    folder.mkdir()
    spec.save(folder)
    shutil.copytree(base, folder / TOKENIZER_FOLDER)
    y_score = np.array([[0.4, 0.6]] * len(texts))
    return make_reference(folder, base=base, texts=texts, y_score=y_score, decision_threshold=0.7)


@pytest.mark.parametrize(
    ("model", "pooling"), [("tiny_model", "mean"), ("tiny_model", "native"), ("tiny_language_model", "answer")]
)
@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_texts_become_numbers_that_do_not_depend_on_their_neighbours(
    request: pytest.FixtureRequest, tmp_path: Path, model: str, pooling: str, quantization: str
) -> None:
    base = request.getfixturevalue(model)
    found = reference_of(tmp_path / "all", base, pooling=pooling, quantization=quantization, texts=TEXTS)
    assert found.predicted.tolist() == [0] * 4
    assert found.lengths.tolist() == [len(text) for text in TEXTS]
    assert found.unknown.tolist() == pytest.approx([0, 2 / 3, 0, 0])
    alone = reference_of(tmp_path / "one", base, pooling=pooling, quantization=quantization, texts=TEXTS[1:2])
    assert found.embeddings.shape == (4, 32)
    assert np.isfinite(found.embeddings).all()
    assert np.allclose(found.embeddings[1], alone.embeddings[0], atol=2e-3)
    assert not np.allclose(found.embeddings[0], found.embeddings[2], atol=2e-2)

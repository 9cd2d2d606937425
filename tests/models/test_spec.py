"""ClassifierSpec: what is read back is what was written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agile_classifier.config.training import ModelConfig
from agile_classifier.models.spec import ClassifierSpec

SPEC = ClassifierSpec(
    class_names=("Nicht böse", "böse"),
    pooling="mean",
    quantization="nf4",
    double_quant=True,
    compute_dtype="float32",
    max_length=128,
    hidden_size=32,
    base_source="package://a==1/model",
    base_sha256=("a" * 64, "b" * 64),
    base_revision=None,
    base_digest="c" * 64,
)


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        replace(SPEC, base_sha256=None, base_revision="d" * 40),
        replace(SPEC, class_names=("a", "b", "c"), double_quant=False, quantization="none"),
        replace(SPEC, normalize=("zero_width", "nfkc")),
    ],
)
def test_a_spec_survives_its_file(tmp_path: Path, spec: ClassifierSpec) -> None:
    spec.save(tmp_path)
    assert ClassifierSpec.load(tmp_path) == spec
    assert hash(ClassifierSpec.load(tmp_path)) == hash(spec)


def test_a_spec_of_before_normalisation_reads_texts_as_they_are(tmp_path: Path) -> None:
    SPEC.save(tmp_path)
    file = tmp_path / "classifier.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    del values["normalize"]
    file.write_text(json.dumps(values), encoding="utf-8")
    assert ClassifierSpec.load(tmp_path) == SPEC
    assert ClassifierSpec.load(tmp_path).clean(["k\u200bill"]) == ["k\u200bill"]
    assert replace(SPEC, normalize=("zero_width",)).clean(["k\u200bill"]) == ["kill"]


def test_a_spec_takes_the_model_section_of_a_config() -> None:
    model = ModelConfig(source="a-model", sha256="a" * 64, max_length=64, pooling="native")
    spec = ClassifierSpec.describe(model, class_names=["a", "b", "c"], base_digest="d")
    assert (spec.base_source, spec.base_sha256, spec.base_revision) == ("a-model", ("a" * 64,), None)
    assert (spec.max_length, spec.pooling, spec.compute_dtype) == (64, "native", "auto")
    assert (spec.class_names, spec.n_classes) == (("a", "b", "c"), 3)

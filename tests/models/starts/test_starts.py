"""Starts: the network that training goes on from answers as the start did; what does not fit is refused in one line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.data.duplicates.learnt import LearntTexts
from agile_classifier.errors import InputError
from agile_classifier.files import tree_digest
from agile_classifier.models.classical.linear_probe import fit_probe
from agile_classifier.models.digests import MANIFEST, write_manifest
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import SPEC_FILE, ClassifierSpec
from agile_classifier.models.starts.folder import (
    find_manifest,
    keep_start,
    open_folder,
    read_starts,
    require_fit,
    trace_folder,
)
from agile_classifier.training.fine_tuning import fine_tune

TUNING = FineTuneConfig(head_start="random", rank=4, alpha=8, learning_rate=2e-2, epochs=6, batch_size=8, dropout=0.0)
NEVER = TUNING.model_copy(update={"learning_rate": 1e-12, "epochs": 1, "warmup": 0.0, "weight_decay": 0.0})
"""A training that moves nothing that rounding would not hide."""


@pytest.fixture(scope="module")
def labelled(tiny_examples: pd.DataFrame) -> pd.DataFrame:
    return tiny_examples.assign(label=(tiny_examples["score"] >= 0.5).astype(int))


def describe(base: Path, starts: Any = (), **model: Any) -> ClassifierSpec:
    section = ModelConfig(source=base.name, max_length=64, **{"pooling": "mean", **model})
    return ClassifierSpec.describe(section, class_names=("no", "yes"), base_digest=tree_digest(base), starts=starts)


def tune(
    base: Path, labelled: pd.DataFrame, folder: Path, settings: FineTuneConfig = TUNING, start: Path | None = None,
    **model: Any,
) -> Path:  # fmt: skip
    spec = describe(base, trace_folder(start) if start else (), **model)
    parts = {"train": labelled[:60], "validation": labelled[:0]}
    fine_tune(
        parts, spec, settings, base=base, checkpoints=folder / "checkpoints", output=folder / "adapter", start=start
    )
    return folder / "adapter"


@pytest.fixture(scope="module")
def first(tiny_model: Path, labelled: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tuned adapter, in nf4."""
    return tune(tiny_model, labelled, tmp_path_factory.mktemp("first"))


def read(adapter: Path, base: Path, texts: list[str]) -> np.ndarray:
    """What the adapted network's head is given of each text."""
    predictor = Predictor.load(adapter, base=base)
    encoded = predictor.tokenizer(texts, return_tensors="pt", padding=True)
    with torch.inference_mode():
        found = predictor.network.read(predictor.network.encoder, encoded["input_ids"], encoded["attention_mask"])
    return np.asarray(found.numpy())


@pytest.mark.parametrize(
    ("wider", "rounding"), [({}, 1e-4), ({"rank": 7, "alpha": 3.0}, 0.02)], ids=["as it was", "wider, in bfloat16"]
)
def test_a_training_begins_at_the_network_of_its_start_at_any_rank_and_alpha(
    tiny_model: Path, labelled: pd.DataFrame, first: Path, tmp_path: Path, wider: dict[str, Any], rounding: float
) -> None:
    texts = list(labelled["text"][60:80])
    settings = NEVER.model_copy(update=wider)
    begun = tune(tiny_model, labelled, tmp_path / "begun", settings, start=first)
    fresh = tune(tiny_model, labelled, tmp_path / "fresh", settings)
    at_first = read(first, tiny_model, texts)
    assert read(begun, tiny_model, texts) == pytest.approx(at_first, abs=rounding)
    assert np.abs(read(fresh, tiny_model, texts) - at_first).max() > 0.1


def test_a_language_model_answers_before_its_training_as_its_start_did(
    tiny_language_model: Path, labelled: pd.DataFrame, tmp_path: Path
) -> None:
    asks: dict[str, Any] = {"head": "label_tokens", "quantization": "none", "compute_dtype": "float32"}
    start = tune(tiny_language_model, labelled, tmp_path / "first", TUNING, **asks)
    begun = tune(tiny_language_model, labelled, tmp_path / "begun", NEVER, start=start, **asks)
    scores = [
        Predictor.load(each, base=tiny_language_model).score(list(labelled["text"][60:])) for each in (start, begun)
    ]
    assert scores[1] == pytest.approx(scores[0], abs=1e-4)
    assert np.ptp(scores[0][:, 1]) > 0.1


def test_a_head_that_starts_at_the_linear_probe_reads_the_features_of_the_started_network(
    tiny_model: Path, labelled: pd.DataFrame, first: Path, tmp_path: Path
) -> None:
    probing = NEVER.model_copy(update={"head_start": "linear_probe"})
    train, texts = labelled[:60], list(labelled["text"][60:])
    started, plain = (
        Predictor.load(tune(tiny_model, labelled, tmp_path / name, probing, start=start), base=tiny_model).score(texts)
        for name, start in {"started": first, "plain": None}.items()
    )
    probe = fit_probe(read(first, tiny_model, list(train["text"])), train)
    answers = probe.predict_proba(read(first, tiny_model, texts))
    assert started == pytest.approx(answers, abs=0.01)
    assert np.abs(plain - answers).max() > 0.1


def test_a_version_of_versions_names_all_that_it_was_started_from_and_knows_their_texts(
    tiny_model: Path, labelled: pd.DataFrame, first: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    start = keep_start(first, kept, name="edos", version="3", sources=("edos.csv",))
    assert start.sentence == f"edos version 3, trained on {start.n_texts} texts of edos.csv"
    second = tune(tiny_model, labelled[60:], tmp_path / "second", NEVER, start=kept)
    spec = replace(ClassifierSpec.load(second), starts=read_starts(kept))
    spec.save(second)
    assert [each.title for each in ClassifierSpec.load(second).starts] == ["edos version 3"]
    lineage = trace_folder(second)
    assert [each.title for each in lineage] == ["the folder adapter", "edos version 3"]
    learnt = LearntTexts.load(second)
    assert learnt is not None
    assert learnt.extent == "nearly"
    assert learnt.find_copies(list(labelled["text"])).all()


def refusal(adapter: Path, base: Path, settings: FineTuneConfig = TUNING, **model: Any) -> str:
    with pytest.raises(InputError) as error:
        require_fit(
            adapter, ModelConfig(source="other", **{"pooling": "mean", **model}), settings,
            base_digest=tree_digest(base), name="models:/a/1",
        )  # fmt: skip
    return str(error.value)


def test_a_start_that_does_not_fit_is_refused_in_one_line(
    tiny_model: Path, tiny_language_model: Path, first: Path, tmp_path: Path
) -> None:
    several = shutil.copytree(first, tmp_path / "several")
    replace(ClassifierSpec.load(several), several=True).save(several)
    smaller = TUNING.model_copy(update={"rank": 2})
    refusals = {
        "several labels": refusal(several, tiny_model),
        "its head is classification with pooling mean, this run's classification with pooling layers": refusal(
            first, tiny_model, pooling="layers"
        ),
        "this run's label_tokens": refusal(first, tiny_model, head="label_tokens"),
        "was tuned on tiny_model": refusal(first, tiny_language_model),
        "raise fine_tune.rank to it, found 2": refusal(first, tiny_model, smaller),
    }
    for told, line in refusals.items():
        assert line.startswith("model.start_from models:/a/1: ")
        assert told in line
        assert "\n" not in line
    require_fit(first, ModelConfig(source="x", pooling="mean"), TUNING, base_digest=tree_digest(tiny_model))


def test_a_start_that_adapts_other_layers_is_refused_before_anything_is_trained(
    tiny_model: Path, labelled: pd.DataFrame, first: Path, tmp_path: Path
) -> None:
    narrow = TUNING.model_copy(update={"target_modules": ("query",)})
    with pytest.raises(InputError, match=r"it adapts encoder\.layer\.0\..*; widen fine_tune\.target_modules"):
        tune(tiny_model, labelled, tmp_path, narrow, start=first)


def test_a_folder_is_opened_only_with_all_its_files_as_they_were(first: Path, tmp_path: Path) -> None:
    assert open_folder(str(first)) == first
    whole = shutil.copytree(first, tmp_path / "whole")
    (whole / "best" / "head.safetensors").write_bytes(b"other")
    bare = shutil.copytree(first, tmp_path / "bare")
    (bare / MANIFEST).unlink()
    no_adapter = shutil.copytree(first, tmp_path / "no adapter")
    shutil.rmtree(no_adapter / "best")
    refused = {
        whole: "its file best/head.safetensors was changed",
        bare: f"holds no {MANIFEST}",
        no_adapter: "holds no best/adapter_model.safetensors",
        tmp_path: f"holds no {SPEC_FILE}",
        tmp_path / "nowhere": "no such folder",
    }
    for folder, told in refused.items():
        with pytest.raises(InputError, match=told):
            open_folder(str(folder))
    with pytest.raises(InputError, match="agile export --output FOLDER"):
        open_folder("models:/edos@champion")


def test_the_folder_of_a_registered_version_is_held_against_the_versions_list(first: Path, tmp_path: Path) -> None:
    version = tmp_path / "version"
    inside = version / "artifacts" / "classifier"
    shutil.copytree(first, inside, ignore=shutil.ignore_patterns(MANIFEST))
    write_manifest(version, version)
    assert open_folder(str(version)) == inside
    (inside / SPEC_FILE).write_text(json.dumps({}))
    with pytest.raises(InputError, match=r"classifier\.json was changed"):
        open_folder(str(inside))


def test_the_digests_of_a_start_are_its_own_or_those_of_the_version_that_it_lies_in(tmp_path: Path) -> None:
    adapter = tmp_path / "version" / "artifacts" / "classifier"
    adapter.mkdir(parents=True)
    assert find_manifest(adapter) is None
    (tmp_path / "version" / MANIFEST).touch()
    assert find_manifest(adapter) == tmp_path / "version" / MANIFEST
    (adapter / MANIFEST).touch()
    assert find_manifest(adapter) == adapter / MANIFEST
    assert find_manifest(Path("/start")) is None, "a folder at the root has no version around it"

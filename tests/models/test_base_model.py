"""Base models: what is loaded is frozen, whole, and the same after every load."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    LlamaConfig,
    LlamaModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from agile_classifier.errors import InputError
from agile_classifier.models.base_model import load_base_model, read_base_config, read_hidden_size
from agile_classifier.models.encoding import load_tokenizer


def load(folder: Path, **changed: Any) -> PreTrainedModel:
    arguments = {"pooling": "mean", "quantization": "none", "double_quant": True, "compute_dtype": "float32"}
    return load_base_model(folder, n_classes=2, device="cpu", **{**arguments, **changed})


@pytest.fixture
def without_pooler(tiny_model: Path, tmp_path: Path) -> Path:
    """A masked language model: its file holds an encoder and no pooler."""
    folder = shutil.copytree(tiny_model, tmp_path / "without_pooler")
    BertForMaskedLM(BertConfig.from_pretrained(tiny_model)).save_pretrained(folder)
    return folder


@pytest.fixture
def tiny_decoder(tmp_path: Path) -> Path:
    """A decoder whose tokenizer and config name no padding token."""
    words = Tokenizer(models.WordLevel({"[UNK]": 0, "</s>": 1, "fine": 2, "awful": 3}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", eos_token="</s>").save_pretrained(tmp_path)
    config = LlamaConfig(
        vocab_size=4, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2
    )  # fmt: skip
    LlamaModel(config).save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("quantization", ["none", "nf4", "int8"])
def test_every_weight_is_frozen(tiny_model: Path, quantization: str) -> None:
    for pooling in ("mean", "native"):
        model = load(tiny_model, quantization=quantization, pooling=pooling)
        assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
@pytest.mark.parametrize("pooling", ["mean", "native"])
def test_the_layers_of_the_encoder_are_quantized_and_those_behind_it_are_not(
    tiny_model: Path, pooling: str, quantization: str
) -> None:
    layers = load(tiny_model, quantization=quantization, pooling=pooling).named_modules()
    linear = {name: type(layer).__name__ for name, layer in layers if isinstance(layer, torch.nn.Linear)}
    behind = [name for name in linear if "encoder.layer" not in name]
    assert len(behind) == (1 if pooling == "mean" else 2)
    assert all((kind == "Linear") == (name in behind) for name, kind in linear.items())


def test_nf4_weights_are_never_repacked_in_place(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: True)  # as if this CPU had it
    layers = [layer for layer in load(tiny_model, quantization="nf4").modules() if isinstance(layer, Linear4bit)]
    assert [layer.support_avx512bf16_for_cpu for layer in layers] == [False] * 12


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_not_quantized_has_the_compute_dtype(tiny_model: Path, dtype: torch.dtype) -> None:
    model = load(tiny_model, compute_dtype=str(dtype).removeprefix("torch."))
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}


def test_a_native_head_needs_every_frozen_layer_that_it_reads(without_pooler: Path) -> None:
    load(without_pooler)  # mean pooling reads no pooler
    with pytest.raises(
        InputError, match=r"no weights for bert\.pooler\.dense\.bias \(2 tensors in all\); model\.pooling mean"
    ):
        load(without_pooler, pooling="native")


def test_an_encoder_without_its_weights_is_refused(tiny_model: Path, without_pooler: Path) -> None:
    wider = BertConfig.from_pretrained(tiny_model, num_hidden_layers=3)
    wider.save_pretrained(without_pooler)
    with pytest.raises(InputError, match=r"no weights for encoder\.layer\.2\.attention"):
        load(without_pooler)


def test_a_decoder_without_a_padding_token_scores_a_padded_batch(tiny_decoder: Path) -> None:
    tokenizer = load_tokenizer(tiny_decoder)
    assert tokenizer.pad_token == "</s>"
    torch.manual_seed(0)
    model = load(tiny_decoder, pooling="native").eval()
    with torch.inference_mode():
        together = model(**tokenizer(["fine", "awful fine fine"], padding=True, return_tensors="pt")).logits
        alone = model(**tokenizer(["fine"], return_tensors="pt")).logits
    assert torch.allclose(together[:1], alone, atol=1e-5)


def test_a_tokenizer_that_could_pad_no_batch_is_refused(tiny_decoder: Path) -> None:
    file = tiny_decoder / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "eos_token": None}))
    with pytest.raises(InputError, match="neither a padding nor an end-of-text token"):
        load_tokenizer(tiny_decoder)


def test_hidden_sizes_are_read_from_the_config(tiny_model: Path, tiny_decoder: Path) -> None:
    assert (read_hidden_size(tiny_model), read_hidden_size(tiny_decoder)) == (32, 16)


BROKEN = [
    ("config.json", b"{}", "not a model that Auto"),
    ("config.json", b'{"model_type": "perpetuum"}', "not a model that Auto"),
    ("config.json", b"no json", "not a model that Auto"),
    ("model.safetensors", b"no tensors", "not a model that AutoModel knows"),
]


@pytest.mark.parametrize(("name", "content", "said"), BROKEN)
def test_a_folder_that_holds_no_model_is_refused_in_one_line(
    tiny_model: Path, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "broken")
    (folder / name).write_bytes(content)
    readers = [load] if name == "model.safetensors" else [load, read_hidden_size]
    for read in readers:
        with pytest.raises(InputError, match=said) as caught:
            read(folder)
        assert "\n" not in str(caught.value)


def test_a_folder_without_a_tokenizer_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_model / "config.json", tmp_path)
    with pytest.raises(InputError, match="its tokenizer knows no words"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_model_s_own_code_is_never_run_even_where_a_person_would_say_yes(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    """Without a word against it, transformers asks on a terminal whether to run a folder's code."""
    folder, ran = shutil.copytree(tiny_model, tmp_path / "model"), tmp_path / "ran"
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w').close()\n", encoding="utf-8")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    mapped = dict.fromkeys(("AutoConfig", "AutoModel", "AutoModelForSequenceClassification"), "own.Own")
    config |= {"auto_map": mapped, **({} if is_known else {"model_type": "own"})}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    tokenizer |= {"auto_map": {"AutoTokenizer": ["own.Own", None]}, **({} if is_known else {"tokenizer_class": "Own"})}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    monkeypatch.setattr("builtins.input", lambda _: "y")
    if is_known:
        assert load(folder).config.model_type == "bert"
        assert len(load_tokenizer(folder)) > 5
    else:
        for read in (load, read_base_config, load_tokenizer):
            with pytest.raises(InputError, match=r"it needs code that comes with it \(auto_map\), which is never run"):
                read(folder)
    assert not ran.exists()

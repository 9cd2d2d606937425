"""GGUF models: unpacked once, exactly, to the same bytes everywhere; what cannot be unpacked is refused in one line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from agile_classifier.errors import InputError
from agile_classifier.files import tree_digest
from agile_classifier.models import gguf as gguf_models
from agile_classifier.models.base_model import load_base_model, read_hidden_size
from agile_classifier.models.encoding import load_tokenizer
from agile_classifier.models.gguf import as_transformers_folder
from tests.toys.toy_gguf import CHAT, HEADS, SHAPES, TOKENS, WIDTH, write_gguf

NAMES = {
    "token_embd": "model.embed_tokens.weight",
    "output_norm": "model.norm.weight",
    "blk.0.attn_norm": "model.layers.0.input_layernorm.weight",
    "blk.0.ffn_norm": "model.layers.0.post_attention_layernorm.weight",
    "blk.0.attn_q": "model.layers.0.self_attn.q_proj.weight",
    "blk.0.attn_k": "model.layers.0.self_attn.k_proj.weight",
    "blk.0.attn_v": "model.layers.0.self_attn.v_proj.weight",
    "blk.0.attn_output": "model.layers.0.self_attn.o_proj.weight",
    "blk.0.ffn_gate": "model.layers.0.mlp.gate_proj.weight",
    "blk.0.ffn_up": "model.layers.0.mlp.up_proj.weight",
    "blk.0.ffn_down": "model.layers.0.mlp.down_proj.weight",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    """A folder with `toy.gguf`, and the weights in it."""
    folder = tmp_path_factory.mktemp("written")
    return folder, write_gguf(folder / "toy.gguf")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def unpacked(written: tuple[Path, dict[str, np.ndarray]], cache: Path) -> Path:
    return as_transformers_folder(written[0], cache=cache)


def interleaved_back(rows: np.ndarray) -> np.ndarray:
    """llama.cpp rotates pairs of neighbours, transformers pairs half a head apart; llama.cpp's converter reorders rows."""
    heads = rows.reshape(HEADS, WIDTH // HEADS // 2, 2, WIDTH)
    return heads.swapaxes(1, 2).reshape(WIDTH, WIDTH)


def test_an_ordinary_folder_is_returned_as_it_is_even_with_a_gguf_beside_its_weights(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors", "model.Q4_0.gguf", "model.Q8_0.gguf"):
        (folder / name).write_text("{}")
    assert as_transformers_folder(folder, cache=tmp_path / "cache") == folder
    assert not (tmp_path / "cache").exists()


def test_every_weight_is_what_ggml_reads_to_the_last_bit(
    unpacked: Path, written: tuple[Path, dict[str, np.ndarray]]
) -> None:
    found = load_file(unpacked / "model.safetensors")
    assert set(found) == set(NAMES.values())
    assert set(NAMES) == set(SHAPES)
    assert {tensor.dtype for tensor in found.values()} == {torch.float32}
    for name, expected in written[1].items():
        rotated = name.endswith(("attn_q", "attn_k"))
        np.testing.assert_array_equal(
            found[NAMES[name]].numpy(), interleaved_back(expected) if rotated else expected, err_msg=name
        )


def test_an_unpacked_folder_is_an_ordinary_one(unpacked: Path) -> None:
    config = AutoConfig.from_pretrained(unpacked, local_files_only=True)
    assert (config.model_type, config.vocab_size, config.tie_word_embeddings) == ("llama", len(TOKENS), True)
    assert not hasattr(config, "quantization_config")
    model = AutoModelForCausalLM.from_pretrained(unpacked, local_files_only=True)
    assert model(torch.tensor([[1, 2]])).logits.shape == (1, 2, len(TOKENS))
    base = load_base_model(
        unpacked,
        pooling="mean",
        n_classes=2,
        quantization="nf4",
        double_quant=True,
        compute_dtype="float32",
        device="cpu",
    )
    assert not any(parameter.requires_grad for parameter in base.parameters())
    assert read_hidden_size(unpacked) == WIDTH


def test_the_tokenizer_keeps_its_special_tokens_and_its_chat_template(unpacked: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(unpacked, local_files_only=True)
    assert (tokenizer.unk_token, tokenizer.bos_token, tokenizer.eos_token) == ("<unk>", "<s>", "</s>")
    assert tokenizer.convert_ids_to_tokens(tokenizer("the</s>x").input_ids) == ["<s>", "the", "</s>", "x"]
    assert tokenizer.chat_template == CHAT
    assert tokenizer.decode(tokenizer("thé 日本").input_ids, skip_special_tokens=True) == "thé 日本"
    assert load_tokenizer(unpacked).pad_token == "</s>"


def test_the_same_file_under_another_name_and_place_and_without_neighbours_gives_the_same_bytes(
    unpacked: Path, written: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    other = tmp_path / "other" / "renamed.gguf"
    other.parent.mkdir()
    shutil.copy(written[0] / "toy.gguf", other)
    (other.parent / "config.json").write_text('{"model_type": "bert"}')
    for source, cache in ((other.parent, tmp_path / "first"), (other, tmp_path / "second")):
        folder = as_transformers_folder(source, cache=cache)
        assert folder != unpacked
        assert tree_digest(folder) == tree_digest(unpacked)


def test_a_file_is_unpacked_once_and_again_for_other_versions(
    unpacked: Path,
    written: tuple[Path, dict[str, np.ndarray]],
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert as_transformers_folder(written[0], cache=cache) == unpacked
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr(gguf_models, "CONVERTERS", ("transformers", "numpy"))
    again = as_transformers_folder(written[0], cache=cache)
    assert again != unpacked
    assert tree_digest(again) == tree_digest(unpacked)
    assert capfd.readouterr() == ("", "unpacking toy.gguf (0.0 MB) into safetensors, once\n")


def test_what_a_killed_run_left_half_unpacked_is_made_again(
    unpacked: Path, written: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    first = as_transformers_folder(written[0], cache=tmp_path)
    (first / "model.safetensors").write_bytes(b"half")
    first.parent.rename(first.parent.with_suffix(".part"))
    assert as_transformers_folder(written[0], cache=tmp_path) == first
    assert tree_digest(first) == tree_digest(unpacked)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"architecture": "perpetuum"}, r"that transformers can unpack: GGUF model with architecture perpetuum is not"),
        ({"architecture": "t5"}, r"that transformers can unpack: Unrecognized configuration class .*T5Config"),
        ({"tokenizer": False}, r"that transformers can unpack: Cannot build a tokenizer"),
        ({"without": ("blk.0.ffn_up",)}, r"holds no weights for model\.layers\.0\.mlp\.up_proj\.weight \(1 tensors in"),
    ],
)
def test_a_model_that_transformers_cannot_unpack_is_refused(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    write_gguf(tmp_path / "model" / "toy.gguf", **changed)
    with pytest.raises(InputError, match=rf"^model .*toy\.gguf: .*{message}[^\n]*$"):
        as_transformers_folder(tmp_path / "model", cache=tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"]


@pytest.mark.parametrize("share", [0.0, 0.0005, 0.01, 0.2, 0.5, 0.9999])
def test_a_file_that_is_cut_off_anywhere_is_refused(
    written: tuple[Path, dict[str, np.ndarray]], tmp_path: Path, share: float
) -> None:
    whole = (written[0] / "toy.gguf").read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"^model .*cut\.gguf: damaged, or nothing that transformers can unpack: .+$"):
        as_transformers_folder(tmp_path, cache=tmp_path / "cache")


def test_what_is_no_gguf_is_refused_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "page.gguf").write_text("<html>not found</html>")
    with pytest.raises(InputError, match=r"unpack: page\.gguf does not start with the GGUF magic bytes"):
        as_transformers_folder(tmp_path, cache=tmp_path / "cache")


def test_two_files_are_refused_for_none_is_the_model(tmp_path: Path) -> None:
    for name in ("b.gguf", "a.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(InputError, match=r"holds 2 GGUF files \(a\.gguf, b\.gguf\); needed is one"):
        as_transformers_folder(tmp_path, cache=tmp_path / "cache")


def test_a_missing_package_is_named(
    written: tuple[Path, dict[str, np.ndarray]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf_models, "CONVERTERS", ("transformers", "never-installed"))
    with pytest.raises(InputError, match=r"unpacking a GGUF needs the package never-installed, which is missing"):
        as_transformers_folder(written[0], cache=tmp_path)

"""The network on a tiny BERT: what is trained, what is saved, and that padding never counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.errors import InputError
from agile_classifier.models.base_model import load_base_model
from agile_classifier.models.encoding import load_tokenizer
from agile_classifier.models.network.heads import read_mean
from agile_classifier.models.network.network import HEAD_FILE, TextClassifier, build_network, load_network, save_network
from agile_classifier.models.spec import ClassifierSpec

TEXTS = ["a fine day", "awful", "the song is lovely and warm and very bright and gentle"]
POOLINGS = ["mean", "native"]


def load_base(folder: Path, *, pooling: str = "mean", quantization: str = "none", n_classes: int = 2) -> Any:
    return load_base_model(
        folder, pooling=pooling, n_classes=n_classes, quantization=quantization, double_quant=True, compute_dtype="float32", device="cpu"
    )  # fmt: skip


def build(
    folder: Path,
    *,
    pooling: str = "mean",
    quantization: str = "none",
    n_classes: int = 2,
    base_folder: Path | None = None,
    **changed: Any,
) -> TextClassifier:
    settings = FineTuneConfig(**{"rank": 2, "alpha": 4, **changed})
    torch.manual_seed(0)
    base_model = load_base(folder, pooling=pooling, quantization=quantization, n_classes=n_classes)
    return build_network(
        base_model, spec_of(pooling=pooling, n_classes=n_classes), settings, base_folder=base_folder or folder
    )


def spec_of(*, pooling: Any, n_classes: int) -> ClassifierSpec:
    names = [str(number) for number in range(n_classes)]
    described = ClassifierSpec.describe(ModelConfig(source="tiny", pooling=pooling), class_names=names, base_digest="")
    return replace(described, hidden_size=32)


def as_if_trained(network: TextClassifier) -> TextClassifier:
    """A fresh adapter adds nothing; random values in every trained tensor do."""
    torch.manual_seed(1)
    for parameter in network.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.2)
    return network.eval()


@torch.inference_mode()
def logits_of(network: TextClassifier, folder: Path, texts: list[str]) -> Tensor:
    return network(**load_tokenizer(folder)(texts, padding=True, return_tensors="pt"))["logits"]


def trained_names(network: TextClassifier) -> set[str]:
    return {name for name, parameter in network.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_state_holds_the_trained_tensors_and_nothing_of_the_base_model(tiny_model: Path, pooling: str) -> None:
    network = build(tiny_model, pooling=pooling)
    state = network.state_dict()
    assert set(state) == trained_names(network)
    assert all("lora_" in name or name.startswith("head.") or ".classifier.modules_to_save." in name for name in state)
    assert sum(tensor.numel() for tensor in state.values()) < sum(p.numel() for p in network.parameters()) / 2


def test_a_state_is_taken_over_whole_or_not_at_all(tiny_model: Path) -> None:
    network, other = as_if_trained(build(tiny_model)), build(tiny_model).eval()
    other.load_state_dict(network.state_dict())
    assert torch.equal(logits_of(network, tiny_model, TEXTS), logits_of(other, tiny_model, TEXTS))
    state = network.state_dict()
    del state["head.1.bias"]
    with pytest.raises(RuntimeError, match=r"head\.1\.bias"):
        other.load_state_dict(state, strict=False)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_saved_network_gives_identical_logits(tiny_model: Path, tmp_path: Path, pooling: str, n_classes: int) -> None:
    network = as_if_trained(build(tiny_model, pooling=pooling, n_classes=n_classes))
    before = logits_of(network, tiny_model, TEXTS)
    save_network(network, tmp_path)
    torch.manual_seed(99)  # nothing of what is loaded may be drawn
    base = load_base(tiny_model, pooling=pooling, n_classes=n_classes)
    loaded = load_network(base, spec_of(pooling=pooling, n_classes=n_classes), tmp_path)
    assert before.shape == (3, n_classes)
    assert torch.equal(before, logits_of(loaded, tiny_model, TEXTS))
    assert not trained_names(loaded) - {"head.1.weight", "head.1.bias"}


def test_an_adapter_that_is_a_pickle_is_refused_by_name(tiny_model: Path, tmp_path: Path) -> None:
    save_network(build(tiny_model), tmp_path)
    torch.save(load_file(tmp_path / "adapter_model.safetensors"), tmp_path / "adapter_model.bin")
    (tmp_path / "adapter_model.safetensors").unlink()
    with pytest.raises(InputError, match=r"no adapter_model\.safetensors; weights in another format are not read"):
        load_network(load_base(tiny_model), spec_of(pooling="mean", n_classes=2), tmp_path)


def test_what_is_saved_is_small_safetensors_without_a_model_card(tiny_model: Path, tmp_path: Path) -> None:
    save_network(build(tiny_model), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors", HEAD_FILE,
    ]  # fmt: skip
    assert {name: tuple(tensor.shape) for name, tensor in load_file(tmp_path / HEAD_FILE).items()} == {
        "1.weight": (2, 32), "1.bias": (2,),
    }  # fmt: skip
    assert all("lora_" in name for name in load_file(tmp_path / "adapter_model.safetensors"))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_text_scores_alike_alone_and_in_a_padded_batch(tiny_model: Path, pooling: str) -> None:
    network = as_if_trained(build(tiny_model, pooling=pooling))
    together = logits_of(network, tiny_model, TEXTS)
    alone = torch.cat([logits_of(network, tiny_model, [text]) for text in TEXTS])
    assert together.dtype == torch.float32
    assert torch.allclose(together, alone, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_mean_pooling_averages_a_texts_own_tokens() -> None:
    states = torch.arange(24.0).reshape(2, 4, 3).bfloat16()  # (B, T, hidden)
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]])
    pooled = read_mean(lambda **_: SimpleNamespace(last_hidden_state=states), torch.zeros(2, 4), mask)
    assert pooled.dtype == torch.float32
    assert torch.equal(pooled, torch.stack([states[0, :2].float().mean(0), states[1].float().mean(0)]))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_loss_is_the_mean_cross_entropy_and_reaches_every_trained_tensor(tiny_model: Path, pooling: str) -> None:
    network = as_if_trained(build(tiny_model, pooling=pooling)).train()
    batch, labels = load_tokenizer(tiny_model)(TEXTS, padding=True, return_tensors="pt"), torch.tensor([1, 0, 1])
    output = network(**batch, labels=labels)
    assert torch.allclose(output["loss"], nn.CrossEntropyLoss()(output["logits"], labels))
    output["loss"].backward()
    for name, parameter in network.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
    assert "loss" not in network(**batch)


def test_a_fresh_adapter_adds_nothing_and_follows_torchs_seed(tiny_model: Path) -> None:
    network, again = build(tiny_model).eval(), build(tiny_model).eval()
    base = load_base(tiny_model).eval()
    batch = load_tokenizer(tiny_model)(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        plain = network.head(read_mean(base, batch["input_ids"], batch["attention_mask"]))
    assert torch.allclose(plain, logits_of(network, tiny_model, TEXTS), atol=1e-6)
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in network.state_dict().items())


def test_dropout_stands_before_every_lora_matrix_and_before_the_head(tiny_model: Path) -> None:
    layers = build(tiny_model, dropout=0.3).named_modules()
    rates = [layer.p for name, layer in layers if isinstance(layer, nn.Dropout) and ("lora" in name or "head" in name)]
    assert rates == [0.3] * (2 * 6 + 1)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_layers_are_chosen_by_the_ending_of_their_names_and_never_in_the_head(tiny_model: Path, pooling: str) -> None:
    chosen = build(tiny_model, pooling=pooling, target_modules=("query", "value"))
    adapted = {name.split(".lora_A")[0].rpartition(".")[2] for name in chosen.state_dict() if "lora_A" in name}
    assert adapted == {"query", "value"}
    everywhere = [name for name in build(tiny_model, pooling=pooling).state_dict() if "lora_A" in name]
    assert len(everywhere) == 2 * 6  # layers x (query, key, value, and three dense)
    assert not any("pooler" in name or "classifier" in name for name in everywhere)


@pytest.mark.parametrize("targets", [("nothing",), ("pooler.dense",)])
def test_target_modules_that_match_nothing_are_refused_in_one_line(tiny_model: Path, targets: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        build(tiny_model, target_modules=targets)
    message = str(caught.value)
    assert message.startswith(f"fine_tune.target_modules {list(targets)}: ")
    assert "\n" not in message


@pytest.mark.parametrize("pooling", POOLINGS)
def test_loftq_of_full_rank_undoes_the_quantization_and_of_a_lower_rank_part_of_it(
    tiny_model: Path, pooling: str
) -> None:
    def fresh(**changed: Any) -> Tensor:
        network = build(tiny_model, pooling=pooling, alpha=24, **changed)
        torch.manual_seed(2)
        for name, parameter in network.named_parameters():
            if parameter.requires_grad and "lora_" not in name:  # the same head for all
                nn.init.normal_(parameter)
        return logits_of(network.eval(), tiny_model, TEXTS)

    exact, rounded = fresh(), fresh(quantization="nf4")
    part, whole = (fresh(quantization="nf4", rank=rank, initialization="loftq") for rank in (20, 64))
    assert (part - exact).norm() < (rounded - exact).norm() / 2
    assert torch.allclose(whole, exact, atol=1e-4)


def test_loftq_without_full_weights_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"^fine_tune\.initialization loftq: .* holds no full weights of encoder\.layer\.0"
    ):
        build(tiny_model, quantization="nf4", initialization="loftq", base_folder=tmp_path)

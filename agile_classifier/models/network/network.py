"""Network: a frozen base model, a LoRA adapter in it, and a classification head behind it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import Linear4bit
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from agile_classifier.errors import InputError
from agile_classifier.models.network.heads import Read, choose_read, make_head, require_exact_packing
from agile_classifier.models.network.losses import TRAINING_LOSSES, Loss, class_loss, labels_loss
from agile_classifier.models.network.packing import use_packed_attention
from agile_classifier.models.prompts.prompts import LabelTokens
from agile_classifier.models.quantized import dequantize_4bit
from agile_classifier.models.spec import ClassifierSpec

if TYPE_CHECKING:  # a version that is only scored holds no config
    from agile_classifier.config.training import FineTuneConfig

warnings.filterwarnings(
    "ignore", message="`is_gradient_checkpointing`"
)  # peft 0.21 asks transformers 5 by its old name

HEAD_FILE = "head.safetensors"
PEFT_TASKS = {
    "mean": "FEATURE_EXTRACTION",
    "layers": "FEATURE_EXTRACTION",
    "native": "SEQ_CLS",
    "answer": "CAUSAL_LM",
}
"""Pooling → PEFT's name of the task."""


class TextClassifier(nn.Module):
    """Logits of a text's classes.

    `state_dict` holds the trained tensors alone: the base model is frozen, and a checkpoint need not repeat it.
    """

    def __init__(
        self,
        encoder: PeftModel,
        head: nn.Module,
        *,
        read: Read,
        training_loss: Loss | None = None,
        several: bool = False,
    ) -> None:
        super().__init__()
        self.encoder, self.head, self.read, self.training_loss = encoder, head, read, training_loss
        self.several = several

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor | None = None,
        target: Tensor | None = None,
        weight: Tensor | None = None,
        **_: Any,
    ) -> dict[str, Tensor]:
        """`logits` (B, n_classes) in float32 and, with `labels` (B,), their mean cross-entropy as `loss`.

        `target` (B,), the probability of class 1, takes the place of `labels` in the loss; `weight` (B,) says how much
        a text counts. Where training minimises another loss, it is that one in training mode, and there are no logits.
        With several labels a logit is the log odds of a label, and `labels` are sets of them.
        """
        if self.training_loss and self.training and labels is not None:
            return {"loss": self.training_loss(self.encoder, self.head, input_ids, attention_mask, labels)}
        logits = self.head(self.read(self.encoder, input_ids, attention_mask))  # (B, n_classes)
        if labels is None:
            return {"logits": logits}
        if self.several:
            return {"loss": labels_loss(logits, labels), "logits": logits}
        return {"loss": class_loss(logits, labels, target=target, weight=weight), "logits": logits}

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Trained tensors by name."""
        trained = {name for name, parameter in self.named_parameters() if parameter.requires_grad}
        return {name: tensor for name, tensor in super().state_dict(*args, **kwargs).items() if name in trained}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take over trained tensors: all of them, and nothing else, whatever `strict` says (the Trainer says False)."""
        expected = set(self.state_dict())
        if set(state_dict) != expected:
            raise RuntimeError(f"trained tensors differ: {sorted(set(state_dict) ^ expected)}")
        found = super().load_state_dict(state_dict, strict=False, assign=assign)
        return type(found)(missing_keys=[], unexpected_keys=[])


def build_network(
    base_model: PreTrainedModel,
    spec: ClassifierSpec,
    settings: FineTuneConfig,
    *,
    base_folder: Path,
    label_tokens: LabelTokens | None = None,
) -> TextClassifier:
    """Put a fresh adapter and head on a base model; initial values follow torch's current seed.

    Raises
    ------
    InputError
        No layer's name ends in any of `fine_tune.target_modules`.
    """
    encoder = _adapted(base_model, settings, task=PEFT_TASKS[spec.pooling])
    if label_tokens is not None:
        use_packed_attention(base_model)
        require_exact_packing(base_model)
    if settings.initialization == "loftq":
        _start_at_quantization_error(encoder, base_folder)
    head = make_head(base_model, spec, dropout=settings.dropout, label_tokens=label_tokens).to(base_model.device)
    read, loss = choose_read(spec, label_tokens), TRAINING_LOSSES[settings.loss]
    return TextClassifier(encoder, head, read=read, training_loss=loss, several=spec.several)


def save_network(network: TextClassifier, folder: Path) -> None:
    """Adapter in PEFT's own format, head beside it, all safetensors."""
    network.encoder.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT writes an empty model card
    save_file({name: tensor.contiguous() for name, tensor in network.head.state_dict().items()}, folder / HEAD_FILE)


def load_network(
    base_model: PreTrainedModel, spec: ClassifierSpec, folder: Path, *, label_tokens: LabelTokens | None = None
) -> TextClassifier:
    """A saved adapter and head on their base model, in evaluation mode."""
    if not (folder / SAFETENSORS_WEIGHTS_NAME).is_file():
        raise InputError(f"adapter {folder}: no {SAFETENSORS_WEIGHTS_NAME}; weights in another format are not read")
    encoder = PeftModel.from_pretrained(base_model, str(folder), is_trainable=False)
    if label_tokens is not None:
        use_packed_attention(base_model)
    head = make_head(base_model, spec, dropout=0.0, label_tokens=label_tokens)
    head.load_state_dict(load_file(folder / HEAD_FILE))
    read = choose_read(spec, label_tokens)
    return TextClassifier(encoder, head.to(base_model.device), read=read, several=spec.several).eval()


def _adapted(base_model: PreTrainedModel, settings: FineTuneConfig, *, task: str) -> PeftModel:
    names = list(settings.target_modules)
    lora = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="all-linear" if names == ["all-linear"] else names,
        exclude_modules=r".*(pooler|classifier|score|lm_head|embed_out)(\..*)?",
        task_type=task,
    )
    try:
        return get_peft_model(base_model, lora)
    except ValueError as error:
        raise InputError(f"fine_tune.target_modules {names}: {str(error).splitlines()[0]}") from None


@torch.no_grad()
def _start_at_quantization_error(encoder: PeftModel, base_folder: Path) -> None:
    """Bring nf4 weights and adapter together as near to the full weights as the rank allows.

    One round of LoftQ (arXiv 2310.08659).

    PEFT's own function needs a GPU, and forgets that the adapter counts alpha / rank times.
    """
    for name, layer in encoder.named_modules():
        if isinstance(layer, Linear4bit):
            stored = dequantize_4bit(layer.weight.data, layer.weight.quant_state).float()  # (out, in)
            full = _read_weight(base_folder, name.removeprefix("base_model.model."))
            u, singular, v = torch.linalg.svd(full.to(stored) - stored, full_matrices=False)
            root = (singular[: layer.r["default"]] / layer.scaling["default"]).sqrt()
            layer.lora_B["default"].weight[:, : len(root)] = u[:, : len(root)] * root
            layer.lora_A["default"].weight[: len(root)] = root[:, None] * v[: len(root)]


def _read_weight(folder: Path, layer: str) -> Tensor:
    """A layer's weight as the base model's files hold it, whatever the prefix of its name there."""
    wanted = f".{layer}.weight"
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118  (it is no dict)
                if wanted.endswith(f".{name}") or f".{name}".endswith(wanted):
                    weight: Tensor = file.get_tensor(name)
                    return weight
    raise InputError(f"fine_tune.initialization loftq: {folder} holds no full weights of {layer}")

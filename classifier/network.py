"""Network: a frozen base model, a LoRA adapter in it, and a classification head behind it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel, get_peft_model, replace_lora_weights_loftq
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from classifier.errors import InputError

warnings.filterwarnings(
    "ignore", message="`is_gradient_checkpointing`"
)  # peft 0.21 asks transformers 5 by its old name

HEAD_FILE = "head.safetensors"


class TextClassifier(nn.Module):
    """Logits of a text's classes.

    `state_dict` holds the trained tensors alone: the base model is frozen, and a checkpoint need not repeat it.
    """

    def __init__(self, encoder: PeftModel, head: nn.Module, *, pool: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.encoder, self.head, self.pool = encoder, head, pool

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None, **extra: Tensor
    ) -> dict[str, Tensor]:
        """`logits` (B, n_classes) in float32 and, with `labels` (B,), their mean cross-entropy as `loss`."""
        output = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **extra)
        logits = self.head(self.pool(output, attention_mask))  # (B, n_classes)
        loss = {} if labels is None else {"loss": nn.functional.cross_entropy(logits, labels)}
        return {**loss, "logits": logits}

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]  # torch's is overloaded
        """Trained tensors by name."""
        trained = {name for name, parameter in self.named_parameters() if parameter.requires_grad}
        return {name: tensor for name, tensor in super().state_dict(*args, **kwargs).items() if name in trained}


def pool_mean(output: Any, attention_mask: Tensor) -> Tensor:
    """Mean of the last hidden states over a text's own tokens, (B, hidden), in float32."""
    mask = attention_mask.unsqueeze(-1).float()  # (B, T, 1)
    pooled: Tensor = (output.last_hidden_state.float() * mask).sum(1) / mask.sum(1)
    return pooled


def pool_native(output: Any, attention_mask: Tensor) -> Tensor:  # noqa: ARG001
    """The model's own logits, (B, n_classes), in float32."""
    logits: Tensor = output.logits.float()
    return logits


def build_network(
    base_model: PreTrainedModel,
    *,
    pooling: str,
    n_classes: int,
    hidden_size: int,
    rank: int,
    alpha: float,
    dropout: float,
    target_modules: Sequence[str],
    initialization: str,
    base_folder: Path,
) -> TextClassifier:
    """Put a fresh adapter and head on a base model; initial values follow torch's current seed.

    Raises
    ------
    InputError
        No layer's name ends in any of `target_modules`.
    """
    targets: str | list[str] = "all-linear" if tuple(target_modules) == ("all-linear",) else list(target_modules)
    lora = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=targets,
        exclude_modules=r".*(pooler|classifier|score)(\..*)?",
        task_type="SEQ_CLS" if pooling == "native" else "FEATURE_EXTRACTION",
    )
    try:
        encoder = get_peft_model(base_model, lora)
    except ValueError as error:
        raise InputError(f"fine_tune.target_modules {list(target_modules)}: {str(error).splitlines()[0]}") from None
    if initialization == "loftq":
        replace_lora_weights_loftq(encoder, model_path=str(base_folder / "model.safetensors"))
    return _with_head(encoder, pooling=pooling, n_classes=n_classes, hidden_size=hidden_size, dropout=dropout)


def save_network(network: TextClassifier, folder: Path) -> None:
    """Adapter in PEFT's own format, head beside it, all safetensors."""
    network.encoder.save_pretrained(str(folder), safe_serialization=True)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT writes an empty model card
    save_file({name: tensor.contiguous() for name, tensor in network.head.state_dict().items()}, folder / HEAD_FILE)


def load_network(
    base_model: PreTrainedModel, folder: Path, *, pooling: str, n_classes: int, hidden_size: int
) -> TextClassifier:
    """A saved adapter and head on their base model, in evaluation mode."""
    encoder = PeftModel.from_pretrained(base_model, str(folder), is_trainable=False)
    network = _with_head(encoder, pooling=pooling, n_classes=n_classes, hidden_size=hidden_size, dropout=0.0)
    network.head.load_state_dict(load_file(folder / HEAD_FILE))
    return network.eval()


def _with_head(encoder: PeftModel, *, pooling: str, n_classes: int, hidden_size: int, dropout: float) -> TextClassifier:
    device = next(encoder.parameters()).device
    heads: dict[str, Callable[[], nn.Module]] = {
        "mean": lambda: nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden_size, n_classes)),
        "native": nn.Identity,
    }
    pools = {"mean": pool_mean, "native": pool_native}
    return TextClassifier(encoder, heads[pooling]().to(device), pool=pools[pooling])

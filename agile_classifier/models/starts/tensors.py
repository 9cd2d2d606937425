"""Tensors of a start: the adapter of a tuned network, laid into the fresh one of another on the same base model.

Nothing is merged: the base model stays as it is, in whatever few bits it is kept, and the network answers before its
training as the start did, but for the head. A rank above the start's leaves rows that change nothing yet.
"""

from __future__ import annotations

from pathlib import Path

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file
from torch import Tensor

from agile_classifier.errors import InputError
from agile_classifier.models.starts.folder import CHECKPOINT, FIELD, WEIGHTS_FILE, read_scaling

ADAPTER = "default"


@torch.no_grad()
def start_at_adapter(encoder: PeftModel, start: Path) -> None:
    """Lay the adapter of a start into a fresh one; the start's head is left out, for this run has its own.

    Parameters
    ----------
    start : Path
        Folder of `agile_classifier.models.starts.folder.keep_start`, or of an adapter.

    Raises
    ------
    InputError
        A layer that the start adapts is not adapted here, or has another shape or a lower rank.
    """
    saved, scaling = load_file(start / CHECKPOINT / WEIGHTS_FILE), read_scaling(start)
    update = {name: tensor for name, tensor in saved.items() if ".lora_" in name}
    for name, layer in encoder.named_modules():
        down, up = f"{name}.lora_A.weight", f"{name}.lora_B.weight"
        if isinstance(layer, LoraLayer) and down in update and up in update:
            _lay(layer, update.pop(down), update.pop(up), scaling=scaling, name=name)
    if update:
        layer_name = sorted(update)[0].partition(".lora_")[0].removeprefix("base_model.model.")
        raise InputError(
            f"{FIELD}: it adapts {layer_name}, which this run does not; widen fine_tune.target_modules (all-linear:"
            " every linear layer)"
        )


def _lay(layer: LoraLayer, down: Tensor, up: Tensor, *, scaling: float, name: str) -> None:
    """Fill the first rows of a layer's adapter; what is left of `lora_B` is zero, so it changes nothing."""
    own_down, own_up = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
    rank = len(down)
    if rank > len(own_down) or down.shape[1:] != own_down.shape[1:] or len(up) != len(own_up):
        raise InputError(
            f"{FIELD}: its adapter of {name.removeprefix('base_model.model.')} has shapes {tuple(down.shape)} and"
            f" {tuple(up.shape)}; this run's {tuple(own_down.shape)} and {tuple(own_up.shape)}"
        )
    own_down[:rank] = down.to(own_down)
    own_up[:, :rank] = (up * (scaling / layer.scaling[ADAPTER])).to(own_up)

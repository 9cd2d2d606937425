"""Context length: how many tokens of a text a base model reads.

The number of positions alone does not tell. RoBERTa, MPNet and their kin count positions from the padding token's
number on, so that 514 positions hold 512 tokens.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from transformers import AutoModel, PreTrainedConfig

from agile_classifier.errors import InputError
from agile_classifier.models.base_model import quiet_transformers, read_base_config

POSITIONS = "position_embeddings"
"""Name that transformers gives the module of learnt positions."""


def require_context(folder: Path, max_length: int) -> None:
    """Refuse a `model.max_length` of more tokens than the base model reads.

    Raises
    ------
    InputError
        Names the field, and the number of tokens that are read; or the folder holds no model that AutoModel knows.
    """
    context = read_context(folder)
    if context is not None and context < max_length:
        raise InputError(f"model.max_length {max_length}: the base model reads at most {context} tokens")


def read_context(folder: Path) -> int | None:
    """Largest number of tokens that the base model in a folder reads of a text; None where its config sets no bound.

    No weight is read: the model is built without storage, from its config alone.
    """
    config = read_base_config(folder)
    n_positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    if n_positions is None or n_positions < 1:  # XLNet, which has no bound, says -1
        return None
    return int(n_positions) - _count_reserved(_build_without_storage(config, folder))


def _build_without_storage(config: PreTrainedConfig, folder: Path) -> nn.Module:
    try:
        with quiet_transformers(), torch.device("meta"):
            model: nn.Module = AutoModel.from_config(config)
    except ValueError as error:
        line = str(error).strip().splitlines()[0]
        raise InputError(f"model {folder}: not a model that AutoModel knows: {line}") from None
    return model


def _count_reserved(model: nn.Module) -> int:
    """Positions that no token takes: where the table of positions has a padding row, tokens start behind it."""
    tables = [module for name, module in model.named_modules() if name.rpartition(".")[2] == POSITIONS]
    padding = [getattr(table, "padding_idx", None) for table in tables]
    return max((row + 1 for row in padding if row is not None), default=0)

"""Base model: a frozen, optionally quantized encoder from a local folder.

Loading is always offline: `ingest_base_model` brought the folder. Only safetensors are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BitsAndBytesConfig,
    PreTrainedModel,
)
from transformers.utils import logging as transformers_logging

from agile_classifier.errors import InputError
from agile_classifier.models import quantized as quantized  # before transformers imports bitsandbytes
from agile_classifier.models.encoding import first_line, load_tokenizer

HEAD_MODULES = ["classifier", "score", "pooler", r".*\.pooler", "lm_head", "embed_out"]
"""Layers behind the encoder, which must not be quantized, since training them would crash. Plain names match a
name's start or end, patterns its start."""

LOADERS = {
    "mean": AutoModel,
    "layers": AutoModel,
    "native": AutoModelForSequenceClassification,
    "answer": AutoModelForCausalLM,
}
"""Pooling → transformers' class that loads the model."""
CAUSAL = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
"""Suffixes of architectures with a causal head; AutoModelForCausalLM would also give a BERT one."""


def load_base_model(
    folder: Path,
    *,
    pooling: str,
    n_classes: int,
    quantization: str,
    double_quant: bool,
    compute_dtype: str,
    device: str,
) -> PreTrainedModel:
    """Load the base model, frozen.

    `native` pooling with its own classification head, `answer` as causal language model.

    Parameters
    ----------
    quantization : {"nf4", "int8", "none"}
        Storage of the frozen linear weights.
    compute_dtype : {"float32", "bfloat16"}
        Number format of products, and of everything that is not quantized.

    Raises
    ------
    InputError
        The folder holds no model that AutoModel knows, or not all of its weights, or for `answer` no causal head.
    """
    if pooling == "answer":
        _require_causal_head(folder)
    dtype = getattr(torch, compute_dtype)
    arguments: dict[str, Any] = {
        "dtype": dtype,
        "local_files_only": True,
        "trust_remote_code": False,  # without it transformers asks on a terminal whether to run a folder's code
        "use_safetensors": True,
        "device_map": {"": device},
        "quantization_config": _quantization(quantization, double_quant=double_quant, dtype=dtype),
    }
    loader: Any = LOADERS[pooling]
    if pooling == "native":
        arguments["num_labels"] = n_classes
    try:
        with quiet_transformers():
            model, report = loader.from_pretrained(folder, output_loading_info=True, **arguments)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise InputError(f"model {folder}: not a model that {loader.__name__} knows: {first_line(error)}") from None
    _refuse_random_weights(report["missing_keys"], folder=folder, pooling=pooling)
    if pooling == "native" and model.config.pad_token_id is None:  # decoders look for it to find a text's last token
        model.config.pad_token_id = load_tokenizer(folder).pad_token_id
    _keep_nf4_weights_in_place(model)
    return model.requires_grad_(False)


def read_hidden_size(folder: Path) -> int:
    """Read the width of a model's last hidden states."""
    return int(read_base_config(folder).get_text_config().hidden_size)


def read_base_config(folder: Path) -> Any:
    """Read a model's own config, `config.json`, as transformers' class of it.

    Raises
    ------
    InputError
        There is none that AutoConfig knows.
    """
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise InputError(f"model {folder}: not a model that AutoConfig knows: {first_line(error)}") from None


def _require_causal_head(folder: Path) -> None:
    architectures = read_base_config(folder).architectures or []
    if not any(name.endswith(CAUSAL) for name in architectures):
        raise InputError(
            f"model.head label_tokens needs a causal language model (…{', …'.join(CAUSAL)}); "
            f"model.source holds {', '.join(architectures) or 'no architecture in its config.json'}"
        )


def _quantization(quantization: str, *, double_quant: bool, dtype: torch.dtype) -> BitsAndBytesConfig | None:
    configs: dict[str, dict[str, Any]] = {
        "nf4": {
            "load_in_4bit": True,
            "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_use_double_quant": double_quant,
            "bnb_4bit_compute_dtype": dtype,
        },
        "int8": {"load_in_8bit": True},
    }
    if quantization == "none":
        return None
    return BitsAndBytesConfig(llm_int8_skip_modules=HEAD_MODULES, **configs[quantization])


def _refuse_random_weights(missing: Iterable[str], *, folder: Path, pooling: str) -> None:
    """Refuse a folder that lacks frozen weights: every load would draw them anew and score otherwise.

    The head may be new, for it is trained and saved with the adapter; under `mean` pooling nothing reads a pooler.
    """
    may_lack = ("classifier", "score") if pooling == "native" else ("pooler",)
    lacking = sorted(name for name in missing if not any(part.endswith(may_lack) for part in name.split(".")))
    if lacking:
        hint = "; model.pooling mean needs no pooler" if "pooler" in lacking[0] else ""
        raise InputError(f"model {folder}: no weights for {lacking[0]} ({len(lacking)} tensors in all){hint}")


def _keep_nf4_weights_in_place(model: PreTrainedModel) -> None:
    """Forbid bitsandbytes 0.50 to repack 4-bit weights for AVX512-BF16 in the first evaluation pass.

    After that repacking every LoRA gradient is None, silently; tests/training/test_fine_tuning.py guards it.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Hide transformers' messages: a progress bar, the missing head, advice on options that are not used."""
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.enable_progress_bar()
        transformers_logging.set_verbosity(level)

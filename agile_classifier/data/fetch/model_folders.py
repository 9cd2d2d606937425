"""Model folders: what may lie in the folder of a base model, so that loading it runs nothing and reads nothing else.

Weights come from safetensors alone, all of them in the folder; code beside them is never run, whatever its config asks.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agile_classifier.errors import InputError, one_line
from agile_classifier.files import PICKLED

CONFIG, INDEX, ADAPTER = "config.json", "model.safetensors.index.json", "adapter_config.json"
TOKENIZERS = ("tokenizer*", "vocab*", "*.model")
DESCRIBED_IN = (CONFIG, "tokenizer_config.json")
"""Files that may name code of the folder's own (`auto_map`)."""
IMPLEMENTATIONS = ("attn_implementation", "_attn_implementation", "experts_implementation", "_experts_implementation")
"""Fields of a config by which transformers fetches compiled code from the hub, where they name a repository there."""

logger = logging.getLogger(__name__)


def check_model(found: Path, source: str) -> Path:
    """The folder of a base model in what was fetched; `source` is its address, for errors.

    Raises
    ------
    InputError
        No model with safetensors or GGUF; or its files lead to code, to pickles, or to weights outside of the folder.
    """
    folder = _find_folder(found, source)
    if not _is_for_transformers(folder) and any(folder.glob("*.gguf")):
        return folder
    _require_weights(folder, source)
    if not (folder / CONFIG).is_file():
        raise InputError(f"{source}: no {CONFIG} in {folder}")
    if not any(path for pattern in TOKENIZERS for path in folder.glob(pattern)):
        raise InputError(f"{source}: no tokenizer ({', '.join(TOKENIZERS)}) in {folder}")
    _refuse_ways_out(folder, source)
    _say_code_is_not_run(folder, source)
    return folder


def _find_folder(found: Path, source: str) -> Path:
    """Folder of the model in what was unpacked: archives often hold a single folder with the model in it."""
    if found.is_file():
        if found.suffix == ".gguf":
            return found.parent
        raise InputError(f"{source}: is a file; a model is a folder (`!/` at the end looks into an archive)")
    inside = list(found.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else found


def _is_for_transformers(folder: Path) -> bool:
    return (folder / CONFIG).is_file() and any(folder.glob("*.safetensors"))


def _require_weights(folder: Path, source: str) -> None:
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in PICKLED)
    held = f"only {pickles[0]}, a pickle, which could run code when it is loaded" if pickles else "none"
    raise InputError(f"{source}: needed are weights as *.safetensors or *.gguf, found {held}")


def _refuse_ways_out(folder: Path, source: str) -> None:
    """Refuse what would make transformers read other files than the folder's safetensors, or run code of the hub."""
    if (folder / ADAPTER).exists():
        raise InputError(f"{source}: holds {ADAPTER}: an adapter; needed is a base model alone")
    weights = _read(folder / INDEX, source).get("weight_map", {})
    named = [*weights.values()] if isinstance(weights, dict) else [weights]
    explicit = _read(folder / CONFIG, source).get("transformers_weights")
    for name in [*named, *([explicit] if explicit else [])]:
        is_inside = isinstance(name, str) and Path(name).name == name
        if not is_inside or not name.endswith((".safetensors", INDEX)):
            raise InputError(
                f"{source}: its weights lead to {name!r}; they are read from *.safetensors in the folder alone"
            )
    for field in IMPLEMENTATIONS:
        asked = json.dumps(_read(folder / CONFIG, source).get(field) or "")
        if "/" in asked:
            raise InputError(f"{source}: {CONFIG} asks for code of the hub ({field}: {asked}), which is never fetched")


def _say_code_is_not_run(folder: Path, source: str) -> None:
    mapped = [name for name in DESCRIBED_IN if _read(folder / name, source).get("auto_map")]
    code = sorted(path.name for path in folder.glob("*.py"))
    if mapped or code:
        named = ", ".join([*code[:3], *(f"auto_map in {name}" for name in mapped)])
        logger.warning("%s: code that comes with the model is never run (%s)", source, named)


def _read(path: Path, source: str) -> Mapping[str, Any]:
    """The object in a file of JSON; an empty one where there is no such file."""
    try:
        read = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: {path.name} is not JSON: {one_line(error)}") from None
    return read if isinstance(read, dict) else {}

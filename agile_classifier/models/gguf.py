"""GGUF models: the one file of a quantized model, unpacked into an ordinary folder once and kept in the cache.

Everything behind reads config.json, safetensors and a tokenizer; a GGUF holds the same in blocks of a few bits and
under llama.cpp's names. Unpacking gives back the rounded weights, not those from before quantization.
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from agile_classifier import environment
from agile_classifier.data.fetch.cache import build_once, entry_name
from agile_classifier.data.fetch.sources import fetch_model
from agile_classifier.errors import LONGEST_WORDS, InputError, one_line
from agile_classifier.files import content_digest, tree_digest
from agile_classifier.models.spec import ClassifierSpec

CONVERTERS = ("transformers", "gguf")
"""Packages that convert a GGUF; another version of one may convert otherwise, so it converts anew."""
STORAGE = "float32"
"""Number format of the unpacked weights, 4 bytes each: what ggml's formulas yield, rounded no further. bfloat16 takes
half and moves four of five weights of SmolLM2-135M and Gemma 3 270M again, by up to 0.39 %; float16 half of them, by
0.05 %."""
BROKEN = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ImportError, RuntimeError, OverflowError, struct.error,
)  # fmt: skip
"""Errors that the readers of transformers and gguf raise on damaged files and unknown models."""

_NAME = "model.gguf"


def fetch_base_model(source: str, *, cache: Path, **where: Any) -> Path:
    """Fetch a base model as `fetch_model` does, with the same arguments and errors; a GGUF is unpacked."""
    return as_transformers_folder(fetch_model(source, cache=cache, **where), cache=cache)


def fetch_base_of(spec: ClassifierSpec) -> Path:
    """The base model that an adapter was trained on, and no other: by its pin, from the cache where it lies there.

    Raises
    ------
    InputError
        It cannot be had, or its files are not those of training.
    """
    folder = fetch_base_model(
        spec.base_source,
        sha256=spec.base_sha256,
        revision=spec.base_revision,
        token=environment.hub_token(),
        cache=environment.cache(),
        mirror=environment.mirror(),
    )
    if (digest := tree_digest(folder)) != spec.base_digest:
        raise InputError(
            f"base model {spec.base_source}: digest is {digest}, the adapter was trained on {spec.base_digest}"
        )
    return folder


def as_transformers_folder(folder: Path, *, cache: Path) -> Path:
    """Unpack a GGUF into a folder that transformers' Auto classes load without a network.

    The result depends on the GGUF's bytes and the versions of `CONVERTERS` alone, not on names, places or machines, so
    its `tree_digest` is the same wherever it is made.

    Parameters
    ----------
    folder : Path
        Of `agile_classifier.data.fetch.sources.fetch_model`; what holds config.json and safetensors, or no GGUF, is
        returned as it is. Also a GGUF itself.
    cache : Path
        Where the unpacked folder is kept, by digest; about eight times the size of a 4-bit file.

    Raises
    ------
    InputError
        Several GGUF files, a package that is not installed, a damaged file, an architecture, block type or tokenizer
        that transformers cannot convert, or weights that are not there.
    """
    gguf = _find_gguf(folder)
    if gguf is None:
        return folder
    key = " ".join((*(f"{name}=={_version(name, gguf)}" for name in CONVERTERS), STORAGE))
    entry = cache / entry_name(gguf.stem, content_digest(gguf))
    return build_once(entry, key=key, build=lambda scratch: _convert(gguf, scratch))


def _find_gguf(folder: Path) -> Path | None:
    if folder.is_file():
        return folder
    if (folder / "config.json").is_file() and any(folder.glob("*.safetensors")):
        return None
    found = sorted(folder.glob("*.gguf"))
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:3])
        raise InputError(
            f"model {folder}: holds {len(found)} GGUF files ({names}); needed is one, in a folder of its own"
        )
    return found[0] if found else None


def _version(package: str, gguf: Path) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        raise InputError(f"model {gguf}: unpacking a GGUF needs the package {package}, which is missing") from None


def _convert(gguf: Path, scratch: Path) -> Path:
    print(f"unpacking {gguf.name} ({gguf.stat().st_size / 1e6:.1f} MB) into safetensors, once", file=sys.stderr)
    alone, made = scratch / "alone", scratch / "model"
    alone.mkdir(parents=True)
    (alone / _NAME).symlink_to(gguf.resolve())  # no name that a result could hold, no file beside it that could be read
    with _quiet():
        model, tokenizer = _load(alone, gguf)
        model.save_pretrained(made)
        tokenizer.save_pretrained(made)
    return made


def _load(alone: Path, gguf: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            alone, gguf_file=_NAME, local_files_only=True, trust_remote_code=False
        )
        model, report = AutoModelForCausalLM.from_pretrained(
            alone,
            gguf_file=_NAME,
            quantization_config=GgufConfig(dequantize=True),
            dtype=getattr(torch, STORAGE),
            device_map={"": "cpu"},
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except BROKEN as error:
        reason = one_line(error, longest=LONGEST_WORDS).replace(str(alone / _NAME), gguf.name)
        raise InputError(f"model {gguf}: damaged, or nothing that transformers can unpack: {reason}") from None
    lacking = sorted(report["missing_keys"])
    if lacking:  # transformers would draw them at random
        raise InputError(f"model {gguf}: holds no weights for {lacking[0]} ({len(lacking)} tensors in all)")
    return model, tokenizer


@contextmanager
def _quiet() -> Iterator[None]:
    """Context that hides the messages of transformers and the progress bar of its GGUF reader."""
    from agile_classifier.models.base_model import (
        quiet_transformers,  # loads torch, which an ordinary folder does not need
    )

    with quiet_transformers(), redirect_stderr(io.StringIO()):
        yield

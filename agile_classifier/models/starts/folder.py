"""Folder of a start: the adapter that a training goes on from, verified and fit for it before anything is trained."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agile_classifier.data.duplicates.learnt import DIGESTS_FILE, SKETCH_FILE, LearntTexts
from agile_classifier.errors import InputError
from agile_classifier.files import tree_digest
from agile_classifier.models.digests import MANIFEST, verify_folder, verify_inside
from agile_classifier.models.spec import SPEC_FILE, ClassifierSpec, Start

if TYPE_CHECKING:
    from agile_classifier.config.training import FineTuneConfig, ModelConfig

FIELD = "model.start_from"
CHECKPOINT = "best"
WEIGHTS_FILE, LORA_FILE = "adapter_model.safetensors", "adapter_config.json"
"""Files of a checkpoint, as PEFT names them."""
IN_VERSION = Path("artifacts") / "classifier"
"""Where the adapter lies among a registered version's files."""


def open_folder(address: str) -> Path:
    """Open a folder that `fine_tune`, `agile export` or the registry has written; returns that of its adapter.

    Raises
    ------
    InputError
        It is no folder, holds no adapter or no digests, or a file is not what it was.
    """
    if address.startswith("models:"):
        raise InputError(
            f"{FIELD} {address}: a registered version is found by a run alone; elsewhere name a folder, as"
            " `agile export --output FOLDER` writes it"
        )
    name, folder = f"{FIELD} {address}", Path(address).expanduser()
    if not folder.is_dir():
        raise InputError(f"{name}: no such folder, nor is it models:/NAME@ALIAS or models:/NAME/VERSION")
    adapter = folder if (folder / SPEC_FILE).is_file() else folder / IN_VERSION
    require_adapter(adapter, name=name)
    if find_manifest(adapter) == _manifest_of_version(adapter):
        verify_inside(adapter)
    else:
        verify_folder(adapter, name=name)
    return adapter


def find_manifest(folder: Path) -> Path | None:
    """List of digests that speaks for the files of a start: the folder's own, or that of the version it lies in."""
    places = (folder / MANIFEST, _manifest_of_version(folder))
    return next((place for place in places if place.is_file()), None)


def _manifest_of_version(adapter: Path) -> Path:
    return adapter.absolute().parent.parent / MANIFEST


def require_adapter(adapter: Path, *, name: str) -> None:
    """Raise InputError where a folder does not hold the adapter of a single network."""
    for file in (SPEC_FILE, f"{CHECKPOINT}/{WEIGHTS_FILE}", f"{CHECKPOINT}/{LORA_FILE}"):
        if not (adapter / file).is_file():
            raise InputError(f"{name}: holds no {file}, so it is not the adapter of one tuned network")


def require_fit(
    adapter: Path, model: ModelConfig, settings: FineTuneConfig, *, base_digest: str, name: str | None = None
) -> None:
    """Refuse a start that this run cannot go on from.

    Parameters
    ----------
    adapter : Path
        Folder of the start's adapter.
    base_digest : str
        SHA-256 over the files of this run's base model.
    name : str, optional
        What the start is called in the error; its folder without it.

    Raises
    ------
    InputError
        It has several labels, another head, pooling or base model, or an adapter that does not fit into this run's.
    """
    spec, name = ClassifierSpec.load(adapter), f"{FIELD} {name or adapter}"
    pooling = "answer" if model.head == "label_tokens" else model.pooling
    rank = _read_lora(adapter)["r"]
    if spec.several:
        raise InputError(f"{name}: gives texts several labels; a start has one label a text")
    if spec.pooling != pooling:
        raise InputError(
            f"{name}: its head is {_head(spec.pooling)}, this run's {_head(pooling)}; a start has the same head"
        )
    if spec.base_digest != base_digest:
        raise InputError(
            f"{name}: was tuned on {spec.base_source} (digest {spec.base_digest[:16]}), this run's base model is"
            f" {model.source} (digest {base_digest[:16]}); a start has the same base model"
        )
    if rank > settings.rank:
        raise InputError(f"{name}: its adapter has rank {rank}; raise fine_tune.rank to it, found {settings.rank}")


def keep_start(adapter: Path, to: Path, *, name: str, version: str | None, sources: tuple[str, ...] = ()) -> Start:
    """Copy what a run reads of a start into the folder `to`, with its lineage; returns the start."""
    shutil.copytree(adapter / CHECKPOINT, to / CHECKPOINT)
    for file in (SPEC_FILE, DIGESTS_FILE, SKETCH_FILE):
        if (adapter / file).is_file():
            shutil.copy2(adapter / file, to)
    start = describe_start(to, name=name, version=version, sources=sources)
    (to / _START_FILE).write_text(json.dumps(asdict(start), indent=1) + "\n", encoding="utf-8")
    return start


def describe_start(
    adapter: Path, *, name: str | None = None, version: str | None = None, sources: tuple[str, ...] = ()
) -> Start:
    """Describe the start in a folder, by default under the folder's own name."""
    learnt = LearntTexts.load(adapter)
    n_texts = None if learnt is None else len(learnt.digests)
    return Start(name or adapter.absolute().name, version, tree_digest(adapter / CHECKPOINT), n_texts, sources)


def trace_folder(adapter: Path) -> tuple[Start, ...]:
    """Lineage of a training that goes on from the adapter in a folder: that, and what it was started from itself."""
    return (describe_start(adapter), *ClassifierSpec.load(adapter).starts)


def read_starts(kept: Path) -> tuple[Start, ...]:
    """Lineage of a run that goes on from a start which was kept: the start, and what that was started from."""
    values = json.loads((kept / _START_FILE).read_text(encoding="utf-8"))
    return (Start.of(values), *ClassifierSpec.load(kept).starts)


def read_learnt(kept: Path) -> LearntTexts:
    """What a start that was kept has learnt; of one that does not say, nothing that could be told again."""
    return LearntTexts.load(kept) or LearntTexts(frozenset(), None)


def read_scaling(adapter: Path) -> float:
    """Factor of a saved adapter's update: alpha / rank."""
    lora = _read_lora(adapter)
    return float(lora["lora_alpha"]) / int(lora["r"])


_START_FILE = "start.json"


def _read_lora(adapter: Path) -> dict[str, Any]:
    written: dict[str, Any] = json.loads((adapter / CHECKPOINT / LORA_FILE).read_text(encoding="utf-8"))
    return written


def _head(pooling: str) -> str:
    return "label_tokens" if pooling == "answer" else f"classification with pooling {pooling}"

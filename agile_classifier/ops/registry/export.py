"""Export of a registered version as files that run elsewhere, to any address or the active stack's artifact store."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
from zenml.client import Client
from zenml.io import fileio

from agile_classifier.data.text import is_blank
from agile_classifier.errors import InputError
from agile_classifier.models.decision import DECISION_FILE, Decision
from agile_classifier.models.digests import write_manifest
from agile_classifier.models.ensemble.bases import Base, fetch_bases_of
from agile_classifier.models.ensemble.members import read_specs
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.contents import version_files
from agile_classifier.ops.registry.scorer import Scorer
from agile_classifier.ops.registry.scoring_code import is_scoring_code_of_here
from agile_classifier.ops.registry.versions import find_champion
from agile_classifier.ops.runs.outputs import output_of
from agile_classifier.ops.state.home import scratch


def open_address(address: str) -> tuple[Any, str]:
    """Open the file system of an address; returns it and the path in it.

    Raises
    ------
    InputError
        No such scheme, or its driver is not installed (names the package).
    """
    try:
        filesystem, path = fsspec.url_to_fs(address)
    except ImportError as error:  # fsspec's own words: `Install s3fs to access S3`
        raise InputError(f"--output {address}: {error}") from None
    except ValueError as error:
        raise InputError(f"--output {address}: {error}") from None
    return filesystem, path


def require_empty(address: str) -> None:
    """Raise InputError where something stands at an address: a file, or a folder that holds anything."""
    filesystem, path = open_address(address)
    if filesystem.exists(path) and (filesystem.isfile(path) or filesystem.ls(path, detail=False)):
        raise InputError(f"--output {address}: is there already and not empty; --force writes over it")


def copy_folder(folder: Path, address: str) -> None:
    """Copy a local folder's files to an address; files of other names that stand there stay.

    Raises
    ------
    InputError
        The address cannot be written.
    """
    filesystem, path = open_address(address)
    try:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                target = f"{path}/{file.relative_to(folder).as_posix()}"
                filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
                filesystem.put_file(str(file), target)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise InputError(f"--output {address}: cannot be written ({error.strerror or error})") from None


FORMATS = ("adapter", "onnx")
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
COMPARED_TEXTS = 200
"""Number of test texts of the version's own run on which an ONNX graph is checked, beside the built-in ones."""


@dataclass(frozen=True)
class Exported:
    """Result of an export: what was written, and where."""

    model_name: str
    version: str
    address: str
    facts: str
    """One line about the exported files."""


def export(*, model_name: str | None, version: str | None, format: str, output: str | None, force: bool) -> Exported:
    """Write a version's files; nothing is written where they fail their check.

    The code here, not the version's own, makes the graph; it must score as the version does by its own.

    Parameters
    ----------
    model_name, version : str or None
        Registered model, needed where there are several; number or alias of the version, by default the champion.
    format : {"adapter", "onnx"}
        What `fine_tune` left, which needs its base model to score; or a graph that holds all
        (`agile_classifier/models/onnx/export.py`).
    output : str or None
        A folder, or an address that fsspec knows; by default `exports/NAME/VERSION/FORMAT` in the active stack's
        artifact store.
    force : bool
        Whether to write where something stands already: files of the same name are replaced, others stay.

    Raises
    ------
    InputError
        No such model, version, format or address; a driver is not installed; something stands at the address.
    RuntimeError
        The graph scores other than the original.
    """
    _require_format(format)
    name, number = _find_version(model_name, version)
    address = output or _in_artifact_store(name, number, format)
    if not force:
        _require_empty(address, in_store=output is None)
    files = version_files.read_files(name, number)
    folder, facts = _write_onnx(name, number, files) if format == "onnx" else _write_adapter(files.adapter)
    if output is None:
        _copy_to_store(folder, address)
    else:
        copy_folder(folder, address)
    return Exported(name, number, address, facts)


def _require_format(format: str) -> None:
    if format not in FORMATS:
        raise InputError(f"--format {format}: allowed are {', '.join(FORMATS)}")
    missing = [package for package in ONNX_PACKAGES if not importlib.util.find_spec(package)]
    if format == "onnx" and missing:
        raise InputError(f"--format onnx: {', '.join(missing)} not installed: pip install 'agile-classifier[onnx]'")


def _find_version(model_name: str | None, version: str | None) -> tuple[str, str]:
    if version is None:
        champion = find_champion(model_name)
        return champion.model_name, champion.version
    name = registry.only_model(model_name)
    return name, registry.find_version(name, version, is_alias=not version.isdigit())


def _write_adapter(adapter: Path) -> tuple[Path, str]:
    """A copy of the adapter with the list of its files' digests, by which another training may start from it."""
    folder = shutil.copytree(adapter, scratch() / "adapter")
    write_manifest(folder, folder)
    return folder, _describe(adapter)


def _write_onnx(model_name: str, version: str, files: version_files.VersionFiles) -> tuple[Path, str]:
    from agile_classifier.models.onnx.export import PROBES, export_onnx  # an extra: only this format needs it

    base = files.base or fetch_bases_of(files.adapter)
    folder = scratch() / "onnx"
    texts = (*PROBES, *_test_texts(model_name, version))
    if not is_scoring_code_of_here(files.code):
        _require_same_answers(Scorer(model_name, version), files.adapter, base=base, texts=texts)
    made = export_onnx(files.adapter, base=base, output=folder, texts=texts)
    shutil.copy2(files.adapter / DECISION_FILE, folder)
    rounded = f"; the version itself rounds by up to {made.rounding:.2g}" if made.rounding > made.tolerance else ""
    return folder, (
        f"{made.bytes / 1e6:.1f} MB, opset {made.opset}; over {made.n_texts} texts a probability differs from the"
        f" original, computed in float32, by at most {made.largest_difference:.2g} ({made.tolerance:g} is allowed)"
        f"{rounded}"
    )


def _require_same_answers(scorer: Scorer, adapter: Path, *, base: Base, texts: Sequence[str]) -> None:
    """Compare the code here, which makes the graph, with the other code that a version carries and is scored by."""
    from agile_classifier.models.predictor import Predictor  # torch: not before it is needed

    visible = [text for text in texts if not is_blank(text)]  # a version refuses others
    by_version = scorer(visible).filter(like=PROBABILITY).to_numpy()
    predictor = Predictor.load(adapter, base=base)
    here = Decision.load(adapter).calibration.apply(predictor.score(visible))
    difference, allowed = float(np.abs(here - by_version).max()), predictor.rounding
    if not difference <= allowed:  # NaN fails too
        raise RuntimeError(
            f"ONNX export: the version was registered with other code, by which a probability differs by"
            f" {difference:.2g} over {len(visible)} texts, {allowed:g} is allowed; nothing was written: train it again,"
            " or export with that code"
        )


def _test_texts(model_name: str, version: str) -> tuple[str, ...]:
    """Test texts of the run that made the version; none if that run is gone."""
    run_id = registry.read_tags(model_name, version).get("zenml.run")
    try:
        run = Client().get_pipeline_run(run_id, allow_name_prefix_match=False) if run_id else None
    except KeyError:
        return ()
    if run is None:
        return ()
    try:
        scores: Any = output_of(run, "evaluate", "test_scores")
    except InputError:
        return ()
    return tuple(scores["text"].head(COMPARED_TEXTS))


def _describe(adapter: Path) -> str:
    bases = {spec.base_source: spec.base_digest for spec in read_specs(adapter)}
    n_bytes = sum(path.stat().st_size for path in adapter.rglob("*") if path.is_file())
    stands_on = "its base model is" if len(bases) == 1 else "the base models of its members are"
    named = "; ".join(f"{source}, SHA-256 over its files {digest}" for source, digest in bases.items())
    return f"{n_bytes / 1e6:.1f} MB; {stands_on} {named}"


def _in_artifact_store(model_name: str, version: str, format: str) -> str:
    return f"{Client().active_stack.artifact_store.path}/exports/{model_name}/{version}/{format}"


def _require_empty(address: str, *, in_store: bool) -> None:
    if not in_store:
        require_empty(address)
    elif fileio.exists(address) and fileio.listdir(address):
        raise InputError(f"export: {address} is there already and not empty; --force writes over it")


def _copy_to_store(folder: Path, address: str) -> None:
    """Copy files by ZenML's file system, which has the stack's credentials."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            target = f"{address}/{file.relative_to(folder).as_posix()}"
            fileio.makedirs(target.rpartition("/")[0])
            fileio.copy(str(file), target, overwrite=True)

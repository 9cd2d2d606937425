"""Start of a training: the version that `model.start_from` names at this moment, or a folder, with all that is read."""

from __future__ import annotations

from pathlib import Path

from agile_classifier.config.addresses.version import VersionAddress, read_version_address
from agile_classifier.config.sources import describe_data, file_names
from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.errors import InputError
from agile_classifier.files import tree_digest
from agile_classifier.models.digests import DIGEST
from agile_classifier.models.spec import Start
from agile_classifier.models.starts.folder import (
    CHECKPOINT,
    FIELD,
    keep_start,
    open_folder,
    require_adapter,
    require_fit,
)
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.contents import version_files


def bring_start(model: ModelConfig, settings: FineTuneConfig, *, base_digest: str, to: Path) -> Start:
    """Bring the start that `model.start_from` names, verified and fit for this run, into the empty folder `to`.

    Raises
    ------
    InputError
        There is no such version or folder, its files are not what they were or carry no digests, or it does not fit
        this run's base model, head or rank.
    """
    address = str(model.start_from)
    named = read_version_address(address)
    if named is None:
        adapter = open_folder(address)
        name, version, sources = adapter.absolute().name, None, tuple[str, ...]()
    else:
        name, version, adapter = _open_version(named, address)
        sources = _read_sources(name, version)
    called = address if version is None else f"{address} (version {version})"
    require_fit(adapter, model, settings, base_digest=base_digest, name=called)
    return keep_start(adapter, to, name=name, version=version, sources=sources)


def pin_start(address: str, start: Start) -> str:
    """Address by which another training goes on from the very start that one went on from.

    Of a version its number, for an alias may have moved since; of a folder the folder.

    Raises
    ------
    InputError
        It is gone, or holds another adapter by now.
    """
    pinned = address if start.version is None else f"models:/{start.name}/{start.version}"
    named = read_version_address(pinned)
    adapter = open_folder(pinned) if named is None else _open_version(named, pinned)[2]
    if (digest := tree_digest(adapter / CHECKPOINT)) != start.digest:
        raise InputError(
            f"{FIELD} {pinned}: its adapter has digest {digest[:16]} by now, and training went on from"
            f" {start.digest[:16]}; bring that back, or train by a config that names another start"
        )
    return pinned


def _open_version(named: VersionAddress, address: str) -> tuple[str, str, Path]:
    try:
        version = registry.find_address(named)
        adapter = version_files.read_files(named.name, version).adapter
        if DIGEST not in registry.read_tags(named.name, version):
            raise InputError(f"version {version} was registered without digests; train it again")
        require_adapter(adapter, name=f"version {version}")
    except InputError as error:
        raise InputError(f"{FIELD} {address}: {error}") from None
    return named.name, version, adapter


def _read_sources(model_name: str, version: str) -> tuple[str, ...]:
    """Last parts of the addresses of a version's data; none of a version that records no config."""
    data = version_files.read_config(model_name, version).get("data")
    return () if data is None else tuple(map(file_names, describe_data(data)))

"""A toy of a remote artifact store: a folder behind a scheme of ZenML's file systems, `shelf:///folder`.

As a program it trains a toy into a store and never comes past its third checkpoint:
python -m tests.toys.toy_store BASE DATA FOLDER STORE N_DEVICES
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from zenml.io.filesystem import BaseFilesystem
from zenml.io.filesystem_registry import default_filesystem_registry
from zenml.io.local_filesystem import LocalFilesystem

from agile_classifier.models.hardware import Devices
from agile_classifier.ops.runs.checkpoint_store import StoredCheckpoints
from agile_classifier.training.fine_tuning import fine_tune
from agile_classifier.training.trainer import Hooks
from tests.toys.waiting import LONGEST
from tests.training.test_fine_tuning import SETTINGS, SPEC

SCHEME = "shelf://"


def _path(address: Any) -> str:
    return str(address).removeprefix(SCHEME)


class Shelf(BaseFilesystem):
    """ZenML's own local file system under another scheme, so that it takes every path for remote."""

    SUPPORTED_SCHEMES: ClassVar[set[str]] = {SCHEME}

    @staticmethod
    def open(path: Any, mode: str = "r") -> Any:
        return LocalFilesystem.open(_path(path), mode)

    @staticmethod
    def copyfile(src: Any, dst: Any, overwrite: bool = False) -> None:
        LocalFilesystem.copyfile(_path(src), _path(dst), overwrite)

    @staticmethod
    def exists(path: Any) -> bool:
        return LocalFilesystem.exists(_path(path))

    @staticmethod
    def glob(pattern: Any) -> list[Any]:
        return [f"{SCHEME}{path}" for path in LocalFilesystem.glob(_path(pattern))]

    @staticmethod
    def isdir(path: Any) -> bool:
        return LocalFilesystem.isdir(_path(path))

    @staticmethod
    def listdir(path: Any) -> list[Any]:
        return LocalFilesystem.listdir(_path(path))

    @staticmethod
    def makedirs(path: Any) -> None:
        LocalFilesystem.makedirs(_path(path))

    @staticmethod
    def mkdir(path: Any) -> None:
        LocalFilesystem.mkdir(_path(path))

    @staticmethod
    def remove(path: Any) -> None:
        LocalFilesystem.remove(_path(path))

    @staticmethod
    def rename(src: Any, dst: Any, overwrite: bool = False) -> None:
        LocalFilesystem.rename(_path(src), _path(dst), overwrite)

    @staticmethod
    def rmtree(path: Any) -> None:
        LocalFilesystem.rmtree(_path(path))

    @staticmethod
    def stat(path: Any) -> Any:
        return LocalFilesystem.stat(_path(path))

    @staticmethod
    def size(path: Any) -> int:
        return LocalFilesystem.size(_path(path))

    @staticmethod
    def walk(top: Any, topdown: bool = True, onerror: Any = None) -> Iterable[tuple[Any, list[Any], list[Any]]]:
        return LocalFilesystem.walk(_path(top), topdown, onerror)


default_filesystem_registry.register(Shelf)


def train(
    base: Path,
    labelled: pd.DataFrame,
    folder: Path,
    kept: StoredCheckpoints,
    *,
    n_devices: int,
    on_epoch: Callable[[dict[str, float]], None],
) -> Path:
    """As the step trains: fetch, fine-tune, remove; returns the adapter."""
    kept.fetch()
    fine_tune(
        {"train": labelled[:80], "validation": labelled[80:]}, replace(SPEC, compute_dtype="float32"), SETTINGS,
        base=base, checkpoints=kept.folder, output=folder / "adapter", hooks=Hooks(on_epoch, kept.keep),
        devices=Devices("cpu", n_devices),
    )  # fmt: skip
    kept.remove()
    return folder / "adapter"


class Cut(StoredCheckpoints):
    """Never copies the third checkpoint."""

    def keep(self) -> None:
        if (self.folder / "checkpoint-30").is_dir():
            print("third", flush=True)
            time.sleep(LONGEST)
        super().keep()


if __name__ == "__main__":
    base, data, folder, store, n_devices = sys.argv[1:]
    cut = Cut(Path(folder) / "checkpoints", store)
    train(Path(base), pd.read_parquet(data), Path(folder), cut, n_devices=int(n_devices), on_epoch=lambda _: None)

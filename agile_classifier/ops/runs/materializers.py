"""Materializers: how the project's artifacts are stored, with a digest of their content for the cache key."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from zenml.enums import ArtifactType
from zenml.integrations.pandas.materializers.pandas_materializer import PandasMaterializer
from zenml.io import fileio
from zenml.materializers.base_materializer import BaseMaterializer

from agile_classifier.data.tables import examples_digest
from agile_classifier.files import tree_digest


@dataclass(frozen=True)
class Folder:
    """A local folder; its content, not its place, is its identity."""

    path: Path


class ExamplesMaterializer(PandasMaterializer):
    """A table of examples as Parquet."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (pd.DataFrame,)
    SKIP_REGISTRATION: ClassVar[bool] = True
    _digested: tuple[pd.DataFrame, str] | None = None

    def compute_content_hash(self, data: pd.DataFrame) -> str:
        """Digest of the rows, independent of how they are stored."""
        return self._digest(data)

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """Number of rows and digest, which ZenML shows beside the artifact."""
        return {**super().extract_metadata(data), "n_rows": len(data), "digest": self._digest(data)}

    def _digest(self, data: pd.DataFrame) -> str:
        """Reading a million rows once is enough: ZenML asks for both of the same table."""
        if self._digested is None or self._digested[0] is not data:
            self._digested = (data, examples_digest(data))
        return self._digested[1]


class FolderMaterializer(BaseMaterializer):
    """A folder of files, copied as they are; on a local store it is read in place."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Folder,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.MODEL

    def save(self, data: Folder) -> None:
        """Copy every file below the folder into the artifact store."""
        for source in sorted(path for path in data.path.rglob("*") if path.is_file()):
            target = f"{self.uri}/{source.relative_to(data.path).as_posix()}"
            fileio.makedirs(target.rpartition("/")[0])
            fileio.copy(str(source), target, overwrite=True)

    def load(self, data_type: type[Any]) -> Folder:
        """Path of the folder in a local store, or of a local copy of it."""
        if Path(self.uri).is_dir():
            return Folder(Path(self.uri))
        local = Path(tempfile.mkdtemp(prefix="agile-"))
        for parent, _, names in fileio.walk(self.uri):
            for name in map(os.fsdecode, names):
                place = local / os.fsdecode(parent).removeprefix(self.uri).strip("/") / name
                place.parent.mkdir(parents=True, exist_ok=True)
                with fileio.open(f"{os.fsdecode(parent)}/{name}", "rb") as source, place.open("wb") as target:
                    shutil.copyfileobj(source, target)
        return Folder(local)

    def compute_content_hash(self, data: Folder) -> str:
        """Digest of the files' names and contents."""
        return tree_digest(data.path)

    def extract_metadata(self, data: Folder) -> dict[str, Any]:
        """Digest and size, which ZenML shows beside the artifact."""
        files = [path for path in data.path.rglob("*") if path.is_file()]
        return {
            "digest": tree_digest(data.path),
            "n_files": len(files),
            "bytes": sum(path.stat().st_size for path in files),
        }

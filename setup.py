"""Build: a wheel carries the project (pipelines, steps, configs, constraints.txt) as data of the package.

There is one copy of it in the repository; `agile_classifier.ops.project` says when the wheel's is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

FOLDERS = ("pipelines", "steps", "configs")
LOCK = "constraints.txt"
CARRIED = Path("agile_classifier", "_project")


class BuildWithProject(build_py):
    """Builds the package, and the project's files within it."""

    def run(self) -> None:
        """An editable install finds the project in its checkout."""
        super().run()
        if not self.editable_mode:
            for source, target in self._carried():
                self.mkpath(str(target.parent))
                self.copy_file(str(source), str(target))

    def get_source_files(self) -> list[str]:
        """What a source distribution holds."""
        return [*super().get_source_files(), *(str(source) for source, _ in self._carried())]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """What a build makes."""
        outputs = super().get_outputs(include_bytecode)
        return outputs if self.editable_mode else [*outputs, *(str(target) for _, target in self._carried())]

    def get_output_mapping(self) -> dict[str, str]:
        """Built file → source."""
        mapping = super().get_output_mapping()
        carried = {} if self.editable_mode else {str(target): str(source) for source, target in self._carried()}
        return {**mapping, **carried}

    def _carried(self) -> Iterator[tuple[Path, Path]]:
        files = (path for folder in FOLDERS for path in sorted(Path(folder).rglob("*")))
        for source in (*files, Path(LOCK)):
            if source.is_file() and "__pycache__" not in source.parts:
                yield source, Path(self.build_lib or "build", CARRIED, source)


setup(cmdclass={"build_py": BuildWithProject})

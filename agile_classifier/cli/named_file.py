"""Named files: a config or study that is not there is answered with the one of the nearest name."""

from __future__ import annotations

from pathlib import Path

from agile_classifier.errors import InputError, nearest


def require_config(path: Path) -> None:
    """Refuse a config file that is not there.

    Raises
    ------
    InputError
        Names the nearest of the project's configs and of the YAML files beside the path.
    """
    if not path.exists():
        from agile_classifier.ops.project import list_configs

        _refuse(path, [*path.parent.glob("*.yaml"), *list_configs()], what="config file")


def require_study(path: Path) -> None:
    """Refuse a study file that is not there.

    Raises
    ------
    InputError
        Names the nearest of the project's studies and of the YAML files beside the path.
    """
    if not path.exists():
        from agile_classifier.ops.project import configs, shortened

        shipped = map(shortened, (configs() / "studies").glob("*.yaml"))
        _refuse(path, [*path.parent.glob("*.yaml"), *shipped], what="study file")


def _refuse(path: Path, known: list[Path], *, what: str) -> None:
    by_name = {file.name: file for file in reversed(known)}
    near = nearest(path.name, by_name)
    raise InputError(f"{path}: no such {what}{f'; did you mean {by_name[near]}?' if near else ''}")

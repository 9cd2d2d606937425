"""YAML files: read, or told in one line why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from agile_classifier.errors import InputError


def read_yaml(path: Path, *, what: str) -> Any:
    """What a YAML file holds.

    Parameters
    ----------
    what : str
        What kind of file is missing, where it is: `config file`.

    Raises
    ------
    InputError
        There is no such file, it is no text, or no YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such {what}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {error}") from None
    except (yaml.YAMLError, ValueError) as error:  # a date such as 2026-13-01 is a ValueError
        raise InputError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from None

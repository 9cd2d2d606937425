"""Variables of a stack's file: filled in from the environment, named with what they are for, or left open.

`${NAME}` is a variable of the environment, `${NAME:-value}` one that may be missing. One that is left open is filled in
later, where a compiled pipeline runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from agile_classifier.environment import VARIABLES

OPEN = re.compile(r"\$([A-Z_][A-Z0-9_]*)\$")
"""A variable that is left open, as a value holds it: a word of YAML in any place, which `${NAME}` is not."""
_VARIABLE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)(?::-([^}]*))?\}")


def fill_lines(text: str, known: Mapping[str, str]) -> str:
    """Fill in the variables of a YAML's lines, but for its comments; those that nobody knows are left open."""

    def value(match: re.Match[str]) -> str:
        name, fallback = match.groups()
        return known.get(name) or (f"${name}$" if fallback is None else fallback)

    lines = text.splitlines()
    return "\n".join(line if line.lstrip().startswith("#") else _VARIABLE.sub(value, line) for line in lines)


def fill_open(content: Any, known: Mapping[str, str]) -> Any:
    """Nested mappings and lists with the open variables in their texts filled in, as far as they are known.

    >>> fill_open({"path": "$BUCKET$/agile"}, {"BUCKET": "s3://ours"})
    {'path': 's3://ours/agile'}
    """
    return _changed(content, lambda text: OPEN.sub(lambda match: known.get(match[1], match[0]), text))


def list_open(content: Any) -> list[str]:
    """Names of the variables that are left open in nested mappings and lists, each once, in their order."""
    return list(dict.fromkeys(name for text in _texts(content) for name in OPEN.findall(text)))


def as_written(text: str) -> str:
    """A text with its open variables as the stack's file writes them."""
    return OPEN.sub(r"${\1}", text)


def explain_missing(names: Iterable[str]) -> str:
    """Say which variables are not set, all at once, and what each is for.

    >>> explain_missing(["KUBEFLOW_URL"])
    "the environment variable KUBEFLOW_URL is not set (Address of Kubeflow's UI, for the stack `kubeflow`)"
    """
    named = list(names)
    if len(named) == 1:
        return f"the environment variable {named[0]} is not set{_purpose(named[0])}"
    listed = "; ".join(f"{name}{_purpose(name)}" for name in named)
    return f"{len(named)} environment variables are not set: {listed}"


def _purpose(name: str) -> str:
    purpose = VARIABLES.get(name, "").removesuffix(".")
    return f" ({purpose})" if purpose else ""


def _changed(content: Any, change: Callable[[str], str]) -> Any:
    if isinstance(content, str):
        return change(content)
    if isinstance(content, Mapping):
        return {name: _changed(value, change) for name, value in content.items()}
    return [_changed(value, change) for value in content] if isinstance(content, (list, tuple)) else content


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        for value in content.values():
            yield from _texts(value)
    elif isinstance(content, (list, tuple)):
        for value in content:
            yield from _texts(value)

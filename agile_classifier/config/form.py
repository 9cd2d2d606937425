"""Config form: the fields of a run as a person fills them in, each with its type, its bounds and what it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agile_classifier.config.files import as_value, write_value
from agile_classifier.config.run import RunConfig

NOTHING = "null"
"""How a field without a value is written, as in YAML."""


@dataclass(frozen=True)
class FormField:
    """One field."""

    name: str
    """`section.field`."""
    kind: str
    """`choice`, `number` or `text`."""
    value: str
    """Value of the field in the config."""
    help: str
    choices: tuple[str, ...] = ()
    bounds: Mapping[str, str] = field(default_factory=dict)
    """HTML's own names: min, max, step."""
    is_optional: bool = False
    """Whether it may have no value."""
    is_words: bool = False
    """Whether it holds nothing but a text, be it written like a number."""


def read_form(config: RunConfig) -> dict[str, list[FormField]]:
    """Section → its fields, with the config's values."""
    schema = RunConfig.model_json_schema()
    values = config.model_dump(mode="json")
    return {
        section: list(_fields(section, described, values[section], schema))
        for section, described in schema["properties"].items()
    }


def changed(config: RunConfig, filled_in: Mapping[str, str]) -> dict[str, Any]:
    """The fields that were changed, `section.field` → value; one the form does not know is kept, to be refused."""
    known = {found.name: found for fields in read_form(config).values() for found in fields}
    return {
        name: _read(text, known.get(name))
        for name, text in filled_in.items()
        if name not in known or text.strip() != known[name].value.strip()
    }


def _read(text: str, known: FormField | None) -> Any:
    if known is not None and known.is_optional and not text.strip():
        return None
    value = as_value(text.strip())
    is_text = known is not None and known.is_words and not isinstance(value, str) and value is not None
    return text.strip() if is_text else value


def _fields(name: str, described: Mapping[str, Any], value: Any, schema: Mapping[str, Any]) -> Iterator[FormField]:
    """The field itself, or those of the section that it is."""
    inner = _resolved(described, schema).get("properties")
    if inner is None:
        yield _field(name, described, value, schema)
    else:
        for part, of_part in inner.items():
            yield from _fields(f"{name}.{part}", of_part, value[part], schema)


def _field(name: str, described: Mapping[str, Any], value: Any, schema: Mapping[str, Any]) -> FormField:
    kinds = [_resolved(kind, schema) for kind in described.get("anyOf", [described])]
    is_optional = any(kind.get("type") == "null" for kind in kinds)
    kinds = [kind for kind in kinds if kind.get("type") != "null"]
    choices = tuple(choice for kind in kinds for choice in _choices(kind))
    only_choices = choices and len([kind for kind in kinds if list(_choices(kind))]) == len(kinds)
    is_number = len(kinds) == 1 and kinds[0].get("type") in ("integer", "number")
    return FormField(
        name=name,
        kind="choice" if only_choices else "number" if is_number else "text",
        value="" if value is None and not only_choices else write_value(value),
        help=" ".join(described.get("description", "").split()),
        choices=(*choices, *((NOTHING,) if is_optional else ())) if only_choices else (),
        bounds=_bounds(kinds[0]) if is_number else {},
        is_optional=is_optional,
        is_words=not only_choices and all(kind.get("type") == "string" for kind in kinds),
    )


def _resolved(described: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = described.get("$ref")
    found: Mapping[str, Any] = schema["$defs"][reference.rpartition("/")[2]] if reference else described
    return found


def _choices(kind: Mapping[str, Any]) -> Iterator[str]:
    if kind.get("type") == "boolean":
        yield from ("true", "false")
    yield from map(write_value, kind.get("enum", [kind["const"]] if "const" in kind else []))


def _bounds(kind: Mapping[str, Any]) -> dict[str, str]:
    """Bounds that a browser checks; one that is itself not allowed it cannot, and the config does."""
    lowest, highest = (
        kind.get("minimum", kind.get("exclusiveMinimum")),
        kind.get("maximum", kind.get("exclusiveMaximum")),
    )
    if kind["type"] == "integer" and "exclusiveMinimum" in kind:
        lowest = kind["exclusiveMinimum"] + 1
    named = {"min": lowest, "max": highest, "step": 1 if kind["type"] == "integer" else "any"}
    return {name: str(bound) for name, bound in named.items() if bound is not None}

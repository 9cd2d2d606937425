"""Config of evasion: which attacks a classifier is tried by and taught, and what is undone in texts before it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from agile_classifier.config.section import Section
from agile_classifier.errors import did_you_mean

AttackName = Literal[
    "leetspeak", "homoglyphs", "zero_width", "combining", "spacing", "repeats", "case", "typos", "emoji"
]
"""Ways to write a text so that a person still reads it, and a classifier perhaps does not."""
INJECTIONS = "prompt_injection"
"""Name of the suite of texts that speak to a model which is asked by a prompt."""
HARMLESS = "harmless"
"""Name of the text in that suite that asks for nothing: what any longer text would change."""
TriedName = Literal[AttackName, "prompt_injection"]
NormalName = Literal["zero_width", "confusables", "nfkc", "combining", "spacing", "repeats"]
"""What can be undone, in the order in which it is."""
ALL = "all"


def _list_of(names: Any, what: str) -> Callable[[Any], Any]:
    """Read names of a list: one of them, several, `all` or true, none or false; each once, in the table's order."""
    allowed: tuple[str, ...] = get_args(names)

    def read(value: Any) -> Any:
        if value is None or isinstance(value, bool):
            return allowed if value else ()
        found = (value,) if isinstance(value, str) else value
        if not isinstance(found, list | tuple):
            return value
        for name in found:
            if name not in (*allowed, ALL):
                raise ValueError(
                    f"no {what} is called {str(name)[:40]!r}; allowed are {', '.join((*allowed, ALL))}"
                    f"{did_you_mean(str(name), (*allowed, ALL))}"
                )
        return allowed if ALL in found else tuple(name for name in allowed if name in found)

    return read


Normalize = Annotated[
    tuple[NormalName, ...],
    Field(max_length=len(get_args(NormalName))),
    BeforeValidator(_list_of(NormalName, "normalisation")),
]
Attacks = Annotated[
    tuple[AttackName, ...],
    Field(max_length=len(get_args(AttackName))),
    BeforeValidator(_list_of(AttackName, "attack")),
]
Tried = Annotated[
    tuple[TriedName, ...],
    Field(max_length=len(get_args(AttackName)) + 1),
    BeforeValidator(_list_of(TriedName, "attack")),
]
Strength = Annotated[float, Field(gt=0, le=1)]
FlipRate = Annotated[float, Field(ge=0, lt=1)]


class _Listed(Section):
    """A section that its list of attacks can stand for: `evasion: true`, `evasion: [leetspeak, case]`."""

    @model_validator(mode="before")
    @classmethod
    def _read_list_alone(cls, section: Any) -> Any:
        is_list = section is None or isinstance(section, bool | str | list | tuple)
        return {"attacks": section} if is_list else section


class EvasionConfig(_Listed):
    """Attacks by which the candidate is tried on the test rows."""

    attacks: Tried = ()
    """Attacks, a name or a list of names; `all` or true: every one; none: nothing is tried. `prompt_injection` is for
    head label_tokens alone, and left out elsewhere."""
    strength: Strength = 0.3
    """Share of the letters of a text that an attack changes, or of its words where it changes words."""


class AugmentConfig(_Listed):
    """Attacked copies of train texts that are learnt beside them."""

    attacks: Attacks = ()
    """Attacks, a name or a list of names; `all` or true: every one; none: no text is copied."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Number of copies, as a share of the texts of train; each is written by one of the attacks, drawn by chance."""
    strength: Strength = 0.3
    """Share of the letters of a copy that its attack changes, or of its words where it changes words."""

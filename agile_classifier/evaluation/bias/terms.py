"""Terms: the words by which a text names a group of people, and how they are found in it.

A list of terms is a YAML file; `terms.yaml` beside this module is the English one that comes with the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

import regex
from pydantic import Field, ValidationError

from agile_classifier.config.bounds import MOST_NAMES, Title
from agile_classifier.config.section import Section
from agile_classifier.data.text import collapse_whitespace, normalised
from agile_classifier.errors import InputError, explain_validation
from agile_classifier.files import read_yaml

ENGLISH = "english"
"""Name of the list that comes with the package."""
SHIPPED = {ENGLISH: Path(__file__).with_suffix(".yaml")}
STEM = "*"
"""Sign at the end of a term behind which a word may go on."""
_SIGNS = str.maketrans({"’": "'", "‘": "'", "`": "'", **dict.fromkeys("-‐‑‒–_", " ")})
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]")
"""Characters of scripts that put no space between words."""
_WORD = r"[\p{L}\p{M}\p{N}]"
_BEFORE, _AFTER = rf"(?<!{_WORD})", rf"(?!{_WORD})"
_SIBILANT = ("s", "x", "z", "ch", "sh")
_VOWELS = "aeiou"


class Terms(Section):
    """A list of terms."""

    plurals: Literal["none", "english"] = "none"
    """Whether a term stands for its plural too: `english` adds s, es, and ies for y."""
    groups: Annotated[
        dict[Title, Annotated[tuple[Title, ...], Field(min_length=1, max_length=MOST_NAMES)]],
        Field(min_length=1, max_length=MOST_NAMES),
    ]
    """Group → the terms that name it, of one word or several; `muslim*` stands for every word that begins so."""

    def find(self, texts: Iterable[str]) -> dict[str, list[bool]]:
        """Which of the texts name each group: group → a truth value a text."""
        read = [_readable(text) for text in texts]
        patterns = {group: _pattern(terms, plurals=self.plurals) for group, terms in self.groups.items()}
        return {group: [pattern.search(text) is not None for text in read] for group, pattern in patterns.items()}


def read_terms(path: Path) -> Terms:
    """Read a list of terms.

    Raises
    ------
    InputError
        Names the file, the field or group, what was found and what is allowed.
    """
    document = read_yaml(path, what="list of terms")
    if not isinstance(document, Mapping):
        raise InputError(f"{path}: a list of terms has the keys plurals and groups; found {type(document).__name__}")
    try:
        terms = Terms.model_validate(document)
    except ValidationError as error:
        raise InputError(f"{path}: {explain_validation(error, Terms)}") from None
    for group, listed in terms.groups.items():
        _require_readable(f"{path}: groups.{group}", listed)
    return terms


def _require_readable(where: str, terms: Iterable[str]) -> None:
    """Refuse a term that holds no word, or that stands twice."""
    known = dict[str, str]()
    for term in terms:
        word = _readable(term.removesuffix(STEM))
        if not regex.search(_WORD, word) or STEM in word:
            raise InputError(f"{where}: found the term {term!r}; needed is a word, with {STEM} at its end at most")
        if word in known:
            raise InputError(f"{where}: {term!r} stands twice, as {known[word]!r} before")
        known[word] = term


def _readable(text: str) -> str:
    """A text as terms are looked for: small letters, no invisible characters, hyphens as spaces, straight quotes."""
    return collapse_whitespace(normalised(text).translate(_SIGNS))


def _pattern(terms: Iterable[str], *, plurals: str) -> regex.Pattern[str]:
    """What finds any of the terms: whole words, but where a term ends in `*` or its script has no spaces."""
    forms = dict.fromkeys(form for term in terms for form in _forms(term, plurals))
    return regex.compile("|".join(sorted(forms, key=len, reverse=True)))


def _forms(term: str, plurals: str) -> Iterator[str]:
    is_stem, word = term.endswith(STEM), _readable(term.removesuffix(STEM))
    if _UNSPACED.search(word):
        yield regex.escape(word, literal_spaces=True)
        return
    words = [word, *(_english_plurals(word) if plurals == "english" and not is_stem else ())]
    for each in words:
        yield f"{_BEFORE}{regex.escape(each, literal_spaces=True)}{'' if is_stem else _AFTER}"


def _english_plurals(word: str) -> Iterator[str]:
    """Plurals of a word by rule: `jew` → `jews`, `church` → `churches`, `lady` → `ladies`."""
    if word.endswith(_SIBILANT):
        yield f"{word}es"
    elif word.endswith("y") and word[-2:-1] not in _VOWELS:
        yield f"{word[:-1]}ies"
    else:
        yield f"{word}s"

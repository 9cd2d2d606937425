"""Words of column names and of classes, by what they say about a column's role: the vocabularies of `words.yaml`."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from agile_classifier.files import read_yaml

SHORTEST_STEM = 4
"""Letters that a word needs to count as the beginning of a longer one: `toxic` of `toxicity`."""
SHORTEST_ENDING = 6
"""Letters that a word needs to count as the end of a longer one: `sentiment` of `airlinesentiment`."""

_VOCABULARIES = {
    name: frozenset(words.split())
    for name, words in read_yaml(Path(__file__).with_name("words.yaml"), what="vocabulary").items()
}
TEXT = _VOCABULARIES["text"]
"""Names of a column of texts."""
PERHAPS_TEXT = _VOCABULARIES["perhaps_text"]
"""Names of a column that may be the text, where nothing better is there."""
NOT_TEXT = _VOCABULARIES["not_text"]
"""Names of a column of what was said about the text, or by somebody else."""
GOLD = _VOCABULARIES["gold"]
"""Names of a column of the label that is held to be true."""
MAJORITY = _VOCABULARIES["majority"]
"""Names of what several annotators agreed on."""
LABEL = _VOCABULARIES["label"]
"""Names of a column of classes."""
QUALITY = _VOCABULARIES["quality"]
"""Names of a quality that texts have: a score or classes."""
SCALE = _VOCABULARIES["scale"]
"""Names of a column of numbers on a scale."""
WEAK_LABEL = _VOCABULARIES["weak_label"]
"""Names that may be those of classes."""
NOT_LABEL = _VOCABULARIES["not_label"]
"""Names of what is noted beside a label: how sure, when, where, in which language, how often."""
PERSON = _VOCABULARIES["person"]
"""Names of a person who wrote or judged."""
RATER = _VOCABULARIES["rater"]
"""Names of somebody who gave a label."""
IDENTITY = _VOCABULARIES["identity"]
"""Names of a key."""
PART = _VOCABULARIES["part"]
"""Names of the parts of a split."""
LANGUAGES = _VOCABULARIES["languages"]
"""What a column of languages holds."""
COUNTRIES = _VOCABULARIES["countries"]
"""What a column of countries holds."""
BAD = _VOCABULARIES["bad"]
"""What a class is called that somebody wants to find."""
GROUPS = tuple(_VOCABULARIES[f"group_of_{what}"] for what in ("document", "author", "source"))
"""Names of what texts have in common, the most telling first."""
TEXT_PAIRS = frozenset({("test", "case"), ("user", "turn")})
"""Names of two words of a column of texts."""

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
_PARTS = re.compile(r"[\W_]+")


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case.

    >>> words_of("isHate"), words_of("label_1"), words_of("How toxic is it?")
    (('is', 'hate'), ('label', '1'), ('how', 'toxic', 'is', 'it'))
    """
    return tuple(word for word in _PARTS.split(_CAMEL.sub(" ", name).lower()) if word)


def is_named(name: str, vocabulary: Collection[str]) -> bool:
    """Whether a word of the vocabulary stands in a name: whole, or as the beginning or end of a longer one."""
    return any(_is_like(word, entry) for word in words_of(name) for entry in vocabulary)


def is_exactly(name: str, vocabulary: Collection[str]) -> bool:
    """Whether a name is a word of the vocabulary, or its plural."""
    words = words_of(name)
    return len(words) == 1 and (words[0] in vocabulary or words[0].removesuffix("s") in vocabulary)


def has_word(name: str, vocabulary: Collection[str]) -> bool:
    """Whether a word of the vocabulary stands in a name as a whole word."""
    return any(word in vocabulary for word in words_of(name))


def _is_like(word: str, entry: str) -> bool:
    if not entry.isascii():
        return entry in word
    begins = len(entry) >= SHORTEST_STEM and word.startswith(entry)
    return word == entry or begins or (len(entry) >= SHORTEST_ENDING and word.endswith(entry))

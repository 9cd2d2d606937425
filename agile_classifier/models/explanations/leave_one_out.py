"""Leave-one-out: what each word of a text adds to its answer, by scoring the text without it.

No gradient and no surrogate: every number is the answer of the classifier itself to a text that a person can read, so
it holds for any version, whatever its head, and can be checked by scoring those texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from agile_classifier.data.text import is_blank
from agile_classifier.errors import InputError

Floats = NDArray[np.float64]
Score = Callable[[Sequence[str]], Floats]
"""Texts to probabilities of shape (n, n_classes)."""
MOST_WORDS = 100
"""Words of a text that are left out in turn, at most, where nobody says otherwise."""
NOTHING = "…"
"""What stands for a text without its only word, for an empty text has no answer."""
SMALLEST = 1e-6
"""Probabilities below it, or as near to 1, count as it: log odds have an end."""
TOLD_SHARE, MOST_TOLD = 0.8, 8
"""Share of all change that the words named in a sentence explain, if so many are enough."""

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # kana and Chinese characters
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")


@dataclass(frozen=True)
class Word:
    """A word of a text, and what the answer is without it."""

    text: str
    start: int
    """Place of its first character in the text."""
    end: int
    """Place behind its last character."""
    probability: float
    """Probability of the explained class without the word."""
    change: float
    """Log odds of the explained class that the word adds; below 0 it speaks against it."""
    share: float
    """Share of the sizes of all words' changes, in [0, 1]."""


@dataclass(frozen=True)
class Explanation:
    """An answer to a text, word by word."""

    text: str
    class_name: str
    """Class that is explained: the answered one."""
    probability: float
    """Probability of that class."""
    words: tuple[Word, ...]
    """Words that were left out, in the text's order."""
    n_words: int
    """Number of words of the text."""
    without_told: float
    """Probability of that class without all the words that `telling` gives, at once."""

    @property
    def is_truncated(self) -> bool:
        """Whether the text has more words than were left out."""
        return self.n_words > len(self.words)

    def telling(self) -> tuple[Word, ...]:
        """The words that change most, most first: until they explain `TOLD_SHARE` of all change."""
        return _choose_telling(self.words)

    @property
    def told_share(self) -> float:
        """Share of the sizes of all changes that the telling words explain."""
        return sum(word.share for word in self.telling())


def explain_texts(
    texts: Sequence[str],
    score: Score,
    *,
    class_names: Sequence[str],
    explained: Sequence[int],
    most_words: int = MOST_WORDS,
) -> list[Explanation]:
    """Explain the answers to texts, all of whose variants are scored together.

    Parameters
    ----------
    explained : sequence of int
        Class of each text that is explained: the answered one.
    most_words : int
        Words that are left out in turn, the first of the text.

    Raises
    ------
    InputError
        A text holds no word.
    """
    asking = ask_for_explanations(texts, class_names=class_names, explained=explained, most_words=most_words)
    asked = next(asking)
    try:
        while True:
            asked = asking.send(score(asked))
    except StopIteration as done:
        found: list[Explanation] = done.value
        return found


def ask_for_explanations(
    texts: Sequence[str], *, class_names: Sequence[str], explained: Sequence[int], most_words: int
) -> Generator[list[str], Floats, list[Explanation]]:
    """`explain_texts` for whoever scores in his own time: yields texts, is sent their probabilities, returns."""
    parted = [_require_words(text, number) for number, text in enumerate(texts, start=1)]
    variants = [[text, *leave_each_out(text, words[:most_words])] for text, words in zip(texts, parted, strict=True)]
    y_score = _split((yield _joined(variants)), variants)
    weighed = [
        weigh_words(text, words[:most_words], rows[:, number])
        for text, words, rows, number in zip(texts, parted, y_score, explained, strict=True)
    ]
    without = yield [leave_out(text, _choose_telling(words)) for text, words in zip(texts, weighed, strict=True)]
    return [
        Explanation(text, class_names[number], float(rows[0, number]), words, len(found), float(last[number]))
        for text, number, rows, words, found, last in zip(
            texts, explained, y_score, weighed, parted, without, strict=True
        )
    ]


def find_words(text: str) -> list[tuple[int, int]]:
    """Start and end of each word: what stands between spaces and can be seen; of Chinese and kana each character."""
    return [found.span() for found in _WORD.finditer(text) if not is_blank(found[0])]


def leave_each_out(text: str, words: Sequence[tuple[int, int]]) -> list[str]:
    """The text without each of the words."""
    return [_cut(text, [word]) for word in words]


def leave_out(text: str, words: Sequence[Word]) -> str:
    """The text without all of the words at once."""
    return _cut(text, sorted((word.start, word.end) for word in words))


def weigh_words(text: str, words: Sequence[tuple[int, int]], probability: Floats) -> tuple[Word, ...]:
    """Words with what they change.

    Parameters
    ----------
    probability : array of shape (1 + n_words,)
        Probability of the explained class for the text, then without each of the words.
    """
    odds = _log_odds(probability)
    changes = odds[0] - odds[1:]
    total = float(np.abs(changes).sum())
    return tuple(
        Word(text[start:end], start, end, float(left), float(change), abs(float(change)) / total if total else 0.0)
        for (start, end), left, change in zip(words, probability[1:], changes, strict=True)
    )


def in_words(explanation: Explanation) -> str:
    """An explanation in a cell: the telling words and the log odds that they add.

    >>> word = Word("idiots", 0, 6, 0.2, 1.5, 1.0)
    >>> in_words(Explanation("idiots", "rude", 0.6, (word,), 1, 0.2))
    'idiots +1.50'
    """
    told = "; ".join(f"{word.text} {word.change:+.2f}" for word in explanation.telling())
    more = f" (of its first {len(explanation.words)} words)" if explanation.is_truncated else ""
    return f"{told}{more}"


def _choose_telling(words: Sequence[Word]) -> tuple[Word, ...]:
    ordered = sorted(words, key=lambda word: -abs(word.change))
    reached = accumulate((word.share for word in ordered), initial=0.0)
    return tuple(word for word, before in zip(ordered[:MOST_TOLD], reached, strict=False) if before < TOLD_SHARE)


def _cut(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text without some spans, in their order."""
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    left = "".join(text[start:end] for start, end in list(pairwise(edges))[::2])
    return NOTHING if is_blank(left) else left


def _require_words(text: str, number: int) -> list[tuple[int, int]]:
    words = find_words(text)
    if not words:
        raise InputError(f"text {number}: {text[:20]!r} holds no word that could be left out")
    return words


def _joined(parts: Sequence[Sequence[str]]) -> list[str]:
    return [text for part in parts for text in part]


def _split(y_score: Floats, parts: Sequence[Sequence[str]]) -> list[Floats]:
    """Probabilities of every part's texts, from those of all of them."""
    return np.split(y_score, np.cumsum([len(part) for part in parts])[:-1])


def _log_odds(probability: Floats) -> Floats:
    bounded = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(bounded) - np.log1p(-bounded))

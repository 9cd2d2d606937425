"""Attacks: a text as somebody writes it who wants people to read it and a classifier not to.

Each is a pure function of text, strength and seed: the same arguments give the same text, on every machine, and what a
weaker attack changes, a stronger one changes too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import cast

from agile_classifier.config.moderation.evasion import AttackName
from agile_classifier.data.evasion.lookalikes import EMOJI, HOMOGLYPHS, KEYS, LEET, MARKS, SEPARATORS, ZERO_WIDTH
from agile_classifier.data.evasion.normalize import is_cased

Attack = Callable[[str, float, Random], str]
"""Text, share of what it changes, and the source of its chance to the attacked text."""
LONGEST_RUN = 5
"""Times that a repeated letter stands there, at most."""

_LETTER_RUN = re.compile(r"[^\W\d_]+")


def attack(text: str, name: str, *, strength: float, seed: int = 0) -> str:
    """Write a text as an attack of `ATTACKS` does; one without a letter that it could change stays as it is.

    Parameters
    ----------
    strength : float
        Share of the letters, or words, that can be changed and are, in (0, 1]; one at least.

    Examples
    --------
    >>> attack("what a nice day", "leetspeak", strength=1)
    'wh47 4 n!c3 d4y'
    """
    chance = Random(b"\0".join((str(seed).encode(), name.encode(), text.encode("utf-8", "surrogatepass"))))  # noqa: S311
    return ATTACKS[cast(AttackName, name)](text, strength, chance)


def _exchange(text: str, options: Mapping[int, Sequence[str]], strength: float, chance: Random) -> str:
    """Put one of its options in the place of each chosen character."""
    drawn = {place: chance.choice(choices) for place, choices in options.items()}
    chosen = _choose(list(drawn), strength, chance)
    return "".join(drawn[place] if place in chosen else sign for place, sign in enumerate(text))


def _choose(places: list[int], strength: float, chance: Random) -> set[int]:
    """A share of some places, one at least; of a larger share these are a part."""
    chance.shuffle(places)
    return set(places[: math.ceil(strength * len(places))])


def _by_table(table: Mapping[str, Sequence[str]], *, ignores_case: bool) -> Attack:
    """Attack that exchanges letters by a table."""

    def write(text: str, strength: float, chance: Random) -> str:
        letters = ((place, letter.lower() if ignores_case else letter) for place, letter in enumerate(text))
        options = {place: table[letter] for place, letter in letters if letter in table}
        return _exchange(text, options, strength, chance)

    return write


def _add_invisible(text: str, strength: float, chance: Random) -> str:
    """Part letters by characters that show nothing."""
    inside = [place for word in _LETTER_RUN.finditer(text) for place in range(word.start(), word.end() - 1)]
    options = {place: [text[place] + sign for sign in ZERO_WIDTH] for place in inside}
    return _exchange(text, options, strength, chance)


def _add_marks(text: str, strength: float, chance: Random) -> str:
    """Put one to three marks above, through or below letters."""
    options = {
        place: [letter + "".join(chance.choices(MARKS, k=number)) for number in (1, 2, 3)]
        for place, letter in enumerate(text)
        if is_cased(letter)
    }
    return _exchange(text, options, strength, chance)


def _swap_case(text: str, strength: float, chance: Random) -> str:
    """Make capitals of small letters, and small letters of capitals."""
    swapped = {place: [letter.swapcase()] for place, letter in enumerate(text) if is_cased(letter)}
    return _exchange(text, {place: one for place, one in swapped.items() if len(one[0]) == 1}, strength, chance)


def _by_word(change: Callable[[str, Random], str], *, shortest: int) -> Attack:
    """Attack that changes whole words of at least so many letters."""

    def write(text: str, strength: float, chance: Random) -> str:
        words = [word for word in _LETTER_RUN.finditer(text) if len(word[0]) >= shortest]
        changed = {word.start(): (word.end(), change(word[0], chance)) for word in words}
        pieces, done = list[str](), 0
        for start in sorted(_choose(list(changed), strength, chance)):
            end, new = changed[start]
            pieces += [text[done:start], new]
            done = end
        return "".join([*pieces, text[done:]])

    return write


def _spell_out(word: str, chance: Random) -> str:
    return chance.choice(SEPARATORS).join(word)


def _repeat_letter(word: str, chance: Random) -> str:
    place = chance.randrange(len(word))
    return word[:place] + word[place] * chance.randint(3, LONGEST_RUN) + word[place + 1 :]


def _mistype(word: str, chance: Random) -> str:
    """Exchange two letters inside a word, leave one out, or hit the key beside it; the first letter stays."""
    place = chance.randrange(1, len(word) - 1)
    before, letter, after = word[:place], word[place], word[place + 1 :]
    beside = chance.choice(KEYS.get(letter.lower(), letter))
    return chance.choice((before + after[0] + letter + after[1:], before + after, before + beside + after))


ATTACKS: Mapping[AttackName, Attack] = {
    "leetspeak": _by_table(LEET, ignores_case=True),
    "homoglyphs": _by_table(HOMOGLYPHS, ignores_case=False),
    "zero_width": _add_invisible,
    "combining": _add_marks,
    "spacing": _by_word(_spell_out, shortest=3),
    "repeats": _by_word(_repeat_letter, shortest=3),
    "case": _swap_case,
    "typos": _by_word(_mistype, shortest=4),
    "emoji": _by_table(EMOJI, ignores_case=True),
}
"""Every attack under the name that a config calls it by."""

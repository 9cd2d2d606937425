"""Normalisation: what is undone in a text before a classifier reads it, alike in training, scoring and serving.

What a person sees stays the text as it was written. A text in any script stays what it is: letters are exchanged in
words alone that mix alphabets, and what shows nothing is kept where a script or an emoji needs it.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from agile_classifier.errors import InputError

if TYPE_CHECKING:  # a version that is only scored holds no config
    from agile_classifier.config.moderation.evasion import NormalName

INVISIBLE = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0") | {chr(code) for code in range(0xFE00, 0xFE10)}
"""Characters that show nothing, though letters, marks or symbols to Unicode: fillers, variation selectors."""
PACKAGE = "confusable-homoglyphs"
"""Distribution that `confusables` needs, of Unicode's table of lookalikes (UTS 39)."""
HOME = "LATIN"
"""Script into which every letter of another alphabet that looks like one of its own is folded."""
LONGEST_FOREIGN_RUN = 2
"""Letters of another alphabet that may stand side by side in a word of another than the Latin alphabet, to be folded:
three or more are rather a word of their own, as in `SMSка`."""
LEAST_MARKED, MARKED_SHARE = 3, 2 / 3
"""Letters of a word, and the share of them with a mark past which no language writes so."""

_WORD = re.compile(r"[^\W\d_]+")
_SPELT_OUT = re.compile(r"(?<!\w)[^\W\d_]([ .\-_*])(?:[^\W\d_]\1)+[^\W\d_](?!\w)")
_RUN = re.compile(r"([^\W\d_])\1{2,}", re.IGNORECASE)
_VISIBLE_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""Characters of category Cf that show something."""
_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u0483-\u0489]")
"""Marks that stand on letters of alphabets with capitals."""
_WRITTEN = frozenset(
    map(
        chr,
        (
            *range(0x0300, 0x0305), *range(0x0306, 0x030D), 0x030F, 0x0311, 0x0313, 0x0314, 0x031B,
            *range(0x0323, 0x0329), 0x032D, 0x032E, 0x0330, 0x0331, 0x0342, 0x0345, *range(0x0483, 0x0488),
            0x20E3,
        ),
    )
)  # fmt: skip
"""Marks that some language's spelling has, and that of emoji with a digit."""


def normalize(text: str, names: Sequence[str]) -> str:
    """Undo in a text what is named; doing it again changes nothing.

    Examples
    --------
    >>> normalize("ｋ\u200bill", ["zero_width", "nfkc"])
    'kill'
    """
    while (again := _normalize_once(text, names)) != text:
        text = again
    return text


def normalize_texts(texts: Iterable[str], names: Sequence[str]) -> list[str]:
    """Normalise texts, in their order."""
    return [normalize(text, names) for text in texts] if names else list(texts)


def is_cased(letter: str) -> bool:
    """Whether a character is a letter of an alphabet with capitals: Latin, Greek, Cyrillic, Armenian and their kin."""
    return unicodedata.category(letter) in ("Ll", "Lu", "Lt")


def _normalize_once(text: str, names: Sequence[str]) -> str:
    for name, undo in NORMALS.items():
        if name in names and not (text.isascii() and name not in OF_ASCII):
            text = undo(text)
    return text


def _drop_invisible(text: str) -> str:
    """Drop what shows nothing, but behind letters without capitals and symbols: Persian, Hindi, emoji need joiners."""
    kept, base = list[str](), ""
    for sign in text:
        if _is_invisible(sign):
            if not _may_join(base):
                continue
        elif not unicodedata.category(sign).startswith("M"):
            base = sign
        kept.append(sign)
    return "".join(kept)


def _is_invisible(sign: str) -> bool:
    return sign in INVISIBLE or (unicodedata.category(sign) == "Cf" and sign not in _VISIBLE_FORMATS)


def _may_join(base: str) -> bool:
    return bool(base) and not base.isascii() and unicodedata.category(base) in ("Lo", "So", "Sk")


def _to_nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _drop_marks(text: str) -> str:
    """Take the marks off words that bear some which no language writes, or on more letters than any does."""
    return re.sub(r"\S+", lambda word: _unmark(word[0]), unicodedata.normalize("NFC", text))


def _unmark(word: str) -> str:
    parted = unicodedata.normalize("NFD", word)
    n_letters = sum(map(is_cased, parted))
    n_marked = sum(is_cased(letter) and bool(_MARKS.match(sign)) for letter, sign in pairwise(parted))
    is_strange = any(sign not in _WRITTEN for sign in _MARKS.findall(word))
    if is_strange or (n_letters >= LEAST_MARKED and n_marked > MARKED_SHARE * n_letters):
        return unicodedata.normalize("NFC", _MARKS.sub("", parted))
    return word


def _fold_confusables(text: str) -> str:
    """Fold letters of other alphabets in words that mix them, into the alphabet of the text's other words."""
    words = [(word, Counter(map(_script_of, filter(is_cased, word[0])))) for word in _WORD.finditer(text)]
    plain = sum((scripts for _, scripts in words if len(scripts) == 1), Counter[str]())
    pieces, done = list[str](), 0
    for word, scripts in words:
        if len(scripts) > 1:
            pieces += [text[done : word.start()], _fold_word(word[0], _choose_script(word[0], scripts, plain))]
            done = word.end()
    return "".join([*pieces, text[done:]])


def _choose_script(word: str, scripts: Counter[str], plain: Counter[str]) -> str:
    """Script that a word of several is to be in: the commonest one of the text's other words, if the word has it.

    Else the Latin one, if that can write all of it, or the one that most of its letters are of.
    """
    best = max(scripts, key=lambda script: plain[script])
    if plain[best]:
        return best
    is_latin = HOME in scripts and all(_fold_letter(letter, HOME) for letter in word)
    return HOME if is_latin else scripts.most_common(1)[0][0]


def _fold_word(word: str, script: str) -> str:
    folded = [_fold_letter(letter, script) for letter in word]
    if script == HOME:
        return "".join(letter if new is None else new for letter, new in zip(word, folded, strict=True))
    runs = "".join(" " if letter == new else "x" for letter, new in zip(word, folded, strict=True)).split()
    if None in folded or max(map(len, runs)) > LONGEST_FOREIGN_RUN:
        return word
    return "".join(filter(None, folded))


@functools.lru_cache(maxsize=4096)
def _script_of(letter: str) -> str:
    """Name of a letter's script, as Unicode calls it."""
    if letter.isascii():
        return HOME
    return str(_library().categories.alias(letter))


@functools.lru_cache(maxsize=4096)
def _fold_letter(letter: str, script: str) -> str | None:
    """The letter of a script that looks like another one, of the same case if there is one; None where none does.

    A letter of the script itself, or of a script without capitals, stays.
    """
    if not is_cased(letter) or _script_of(letter) == script:
        return letter
    alike = [each["c"] for each in _library().confusables.confusables_data.get(letter, ())]
    fitting = [sign for sign in alike if len(sign) == 1 and is_cased(sign) and _script_of(sign) == script]
    if script == HOME:
        fitting = [sign for sign in fitting if sign.isascii()]
    same_case = [sign for sign in fitting if sign.isupper() == letter.isupper()]
    return min(same_case or fitting, default=None)


@functools.cache
def _library() -> Any:
    try:
        import confusable_homoglyphs
        from confusable_homoglyphs import categories, confusables  # noqa: F401  (parts of the package below)
    except ImportError:
        line = f"data.normalize confusables: the package {PACKAGE} is not installed; pip install {PACKAGE}"
        raise InputError(line) from None
    return confusable_homoglyphs


def _join_spelt_out(text: str) -> str:
    """Join words whose letters stand apart, three at least: `k i l l`, `k.i.l.l`."""

    def join(found: re.Match[str]) -> str:
        joined = found[0].replace(found[1], "")
        return joined if all(map(is_cased, joined)) else found[0]

    return _SPELT_OUT.sub(join, text)


def _shorten_runs(text: str) -> str:
    """Leave two of a letter that stands there three times or more, but in words of one letter alone: `www`, `III`."""

    def shorten(found: re.Match[str]) -> str:
        word = found[0]
        return word if len(set(word.lower())) == 1 or not is_cased(word[0]) else _RUN.sub(lambda run: run[0][:2], word)

    return _WORD.sub(shorten, text)


NORMALS: Mapping[NormalName, Callable[[str], str]] = {
    "zero_width": _drop_invisible,
    "confusables": _fold_confusables,
    "nfkc": _to_nfkc,
    "combining": _drop_marks,
    "spacing": _join_spelt_out,
    "repeats": _shorten_runs,
}
"""Everything that can be undone, by name, in the order in which it is."""
OF_ASCII = frozenset({"spacing", "repeats"})
"""Names of what plain ASCII may hold."""

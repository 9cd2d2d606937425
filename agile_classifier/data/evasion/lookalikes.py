"""Lookalikes: what stands for a letter in texts that are written past a classifier.

Written by hand after what people do, and not taken from the table by which `normalize` undoes it: a defence that is
held to its own list would seem to be perfect.
"""

from __future__ import annotations

from collections.abc import Mapping

LEET: Mapping[str, str] = {
    "a": "4@", "b": "8", "e": "3", "g": "96", "i": "1!", "l": "1|", "o": "0", "s": "5$", "t": "7+", "z": "2",
}  # fmt: skip
"""Letter → digits and signs."""

HOMOGLYPHS: Mapping[str, str] = {
    "a": "аα", "b": "Ь", "c": "сϲ", "d": "ԁ", "e": "еҽ", "g": "ɡ", "h": "һ", "i": "іι", "j": "ј", "k": "кκ", "l": "ӏ",
    "m": "м", "n": "ոп", "o": "оο", "p": "рρ", "q": "ԛ", "r": "г", "s": "ѕ", "t": "тτ", "u": "υս", "v": "ѵν", "w": "ԝ",
    "x": "хχ", "y": "уγ",
    "A": "АΑ", "B": "ВΒ", "C": "С", "E": "ЕΕ", "H": "НΗ", "I": "ІΙ", "J": "Ј", "K": "КΚ", "M": "МΜ", "N": "Ν",
    "O": "ОΟ", "P": "РΡ", "S": "Ѕ", "T": "ТΤ", "X": "ХΧ", "Y": "ҮΥ", "Z": "Ζ",
}  # fmt: skip
"""Letter → letters of other alphabets that look like it."""

EMOJI: Mapping[str, tuple[str, ...]] = {
    "a": ("🅰️",), "b": ("🅱️",), "c": ("©️",), "e": ("📧",), "i": ("ℹ️",), "l": ("👢",), "m": ("Ⓜ️",), "n": ("♑",),
    "o": ("🅾️", "⭕"), "p": ("🅿️",), "r": ("®️",), "s": ("💲",), "t": ("✝️",), "u": ("⛎",), "v": ("♈",),
    "w": ("〰️",), "x": ("❌", "✖️"), "y": ("💴",), "z": ("💤",),
}  # fmt: skip
"""Letter → emoji that are read as it."""

KEYS: Mapping[str, str] = {
    "a": "qsz", "b": "vgn", "c": "xdv", "d": "sfe", "e": "wrd", "f": "dgr", "g": "fht", "h": "gjy", "i": "uok",
    "j": "hku", "k": "jli", "l": "ko", "m": "n", "n": "bmh", "o": "ipl", "p": "o", "q": "wa", "r": "etf", "s": "adw",
    "t": "ryg", "u": "yij", "v": "cbf", "w": "qes", "x": "zcs", "y": "tuh", "z": "xa",
}  # fmt: skip
"""Letter → letters beside it on a keyboard."""

ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
"""Characters that show nothing."""
MARKS = "".join(map(chr, (*range(0x0300, 0x0342), *range(0x0346, 0x034F), *range(0x0350, 0x036F))))
"""Combining marks of the block that all of them are drawn from in defaced texts."""
SEPARATORS = " .-_*"
"""Signs that stand between letters which are spelt out."""

"""Encoding detection: UTF-8, UTF-16 and UTF-32 by their bytes; any other code page is a guess, and said to be one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from agile_classifier.data.formats.lines import WIDE, Lines

CODE_PAGES = (
    *("cp1252", "cp1250", "cp1254", "cp1257", "cp1253", "cp1255", "cp1256", "cp1251", "koi8_r", "koi8_u"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949", "cp874", "iso8859_2", "cp850", "cp866", "mac_roman"),
)
"""Encodings that are looked for, the commoner first, as Python names them."""
EQUALLY_LIKELY = 0.12
"""Difference of likelihood below which the commoner of two code pages is chosen."""
SAMPLE_BYTES = 2**16
"""Bytes of lines beyond ASCII that the guess rests on."""
ENOUGH_STRAY = 100_000
"""Bytes that are no UTF-8 beyond those that are, with which the rest of a file need not be looked at."""
SHOWN_LENGTH = 40
"""Characters of the text that is shown for a person to judge by."""

_STRAY = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class Doubt:
    """A choice that the file does not prove, and what else it could be."""

    field: str
    """Field of `data` that decides: `encoding`."""
    chosen: str
    """The value that was chosen."""
    shown: str
    """Part of the file, read with the chosen value."""
    others: tuple[tuple[str, str], ...]
    """Other values that may be meant, the likeliest first, each with the same part of the file."""

    @property
    def sentence(self) -> str:
        """The doubt, for a person who knows what the file says."""
        others = " or ".join(f"{shown!r} ({value})" for value, shown in self.others)
        return (
            f"{self.field} {self.chosen} is a guess: it reads {self.shown!r}{f', not {others}' if others else ''}; "
            f"data.{self.field} (--{self.field}) decides"
        )


@dataclass(frozen=True)
class Encoding:
    """What the bytes of a file of text say about their encoding."""

    name: str
    reason: str = ""
    """A sentence where it is not plainly UTF-8."""
    doubt: Doubt | None = None


@dataclass
class _Survey:
    """What the bytes are, read as UTF-8."""

    n_text: int = 0
    """Characters beyond ASCII."""
    n_stray: int = 0
    """Bytes that are no UTF-8."""
    first_stray: int = 0
    """Line of the first of them, from 1."""
    sample: bytes = b""
    """Lines with such bytes, from the top."""


def detect_encoding(path: Path) -> Encoding:
    """The encoding of a file of text.

    Raises
    ------
    InputError
        The file cannot be unpacked.
    """
    if wide := _detect_wide(path):
        return Encoding(wide, f"The bytes are {wide.upper()}.")
    survey = _survey(path)
    if not survey.n_stray:
        return Encoding("utf-8")
    if survey.n_text >= survey.n_stray:
        few = f"{survey.n_stray:,} {'byte is' if survey.n_stray == 1 else 'bytes are'} not"
        return Encoding("utf-8", f"The text is UTF-8, but {few}, the first on line {survey.first_stray}.")
    return _guess_code_page(survey.sample)


def _detect_wide(path: Path) -> str:
    """UTF-16 and UTF-32 by their byte order mark, or UTF-16 by its zeros; empty for any other encoding."""
    with Lines(path, "latin-1", newline="") as lines:
        head = next(lines.chunks(), "").encode("latin-1")[:SAMPLE_BYTES]
    for name in ("utf-32", "utf-16"):
        if head.startswith(WIDE[name]):
            return name
    texts = {name: head[: len(head) // 2 * 2].decode(name, errors="replace") for name in ("utf-16-le", "utf-16-be")}
    likely, other = sorted(texts, key=lambda name: -_n_ascii(texts[name]))
    n_ascii, text = _n_ascii(texts[likely]), texts[likely]
    is_plain = all(letter.isprintable() or letter in "\t\r\n\ufeff\u3000" for letter in text)
    return (
        likely if b"\0" in head and is_plain and n_ascii >= max(1, len(text) / 50, 3 * _n_ascii(texts[other])) else ""
    )


def _n_ascii(text: str) -> int:
    return len(text.encode("ascii", "ignore"))


def _survey(path: Path) -> _Survey:
    survey, n_lines = _Survey(), 1
    with Lines(path, "utf-8", newline="") as lines:
        for chunk in lines.chunks():
            if not chunk.isascii():
                _count(survey, chunk, n_lines)
            n_lines += _count_lines(chunk)
            if survey.n_stray > survey.n_text + ENOUGH_STRAY:
                break
    return survey


def _count(survey: _Survey, chunk: str, line: int) -> None:
    """Add what a chunk holds, which begins on a line."""
    stray = _STRAY.search(chunk)
    n_stray = sum("\udc80" <= letter <= "\udcff" for letter in chunk) if stray else 0
    survey.n_text += len(chunk) - len(chunk.encode("ascii", "ignore")) - n_stray
    if stray and not survey.n_stray:
        survey.first_stray = line + _count_lines(chunk[: stray.start()])
    survey.n_stray += n_stray
    whole = chunk.splitlines(keepends=True)[0 if line == 1 else 1 :] if stray else []
    for text in whole:
        if len(survey.sample) < SAMPLE_BYTES and not text.isascii():
            survey.sample += text.encode("utf-8", "surrogateescape")


def _count_lines(text: str) -> int:
    return text.count("\n") or text.count("\r")


def _guess_code_page(sample: bytes) -> Encoding:
    chosen, *rest = _likely_code_pages(sample) or ["cp1252"]
    texts = {name: _decode(sample, name) for name in (chosen, *rest)}
    others = [name for name in rest if texts[name] != texts[chosen]]
    line = _line_to_show(sample, chosen, others)
    shown = _decode(line, chosen)[:SHOWN_LENGTH]
    told = dict[str, str]()
    for name in others:
        told.setdefault(_decode(line, name)[:SHOWN_LENGTH], name)
    alternatives = tuple((name, part) for part, name in told.items() if part != shown)[:2]
    doubt = Doubt("encoding", chosen, shown, alternatives)
    return Encoding(chosen, f"The bytes are not UTF-8; {doubt.sentence}.", doubt)


def _likely_code_pages(sample: bytes) -> list[str]:
    """Code pages that read the sample, the likeliest first, the commoner first where several are as likely."""
    likelihoods = dict[str, float]()
    for match in from_bytes(sample, cp_isolation=list(CODE_PAGES), threshold=0.3, enable_fallback=False):
        for name in match.could_be_from_charset:
            if name in CODE_PAGES:
                likelihoods.setdefault(name, match.coherence - 2 * match.chaos)
    names = sorted(likelihoods, key=lambda name: -likelihoods[name])
    close = [name for name in names if likelihoods[names[0]] - likelihoods[name] < EQUALLY_LIKELY]
    return [*sorted(close, key=CODE_PAGES.index), *names[len(close) :]]


def _line_to_show(sample: bytes, chosen: str, others: list[str]) -> bytes:
    """Part of the first line that another code page reads otherwise, from just before what is beyond ASCII."""
    lines = sample.splitlines() or [sample]
    telling = (line for other in others for line in lines if _decode(line, other) != _decode(line, chosen))
    line = next(telling, lines[0])
    start = next((place for place, byte in enumerate(line) if byte > 127), 0)
    return line[max(0, start - SHOWN_LENGTH // 4) :]


def _decode(content: bytes, encoding: str) -> str:
    return content.decode(encoding, errors="replace")

"""Prompt frame: what stands around a text for one tokenizer, and what keeps the text in its place.

`agile_classifier.models.prompts.prompts` says what the frame is made of; here are the mechanics of breaking, tokenizing
and cutting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a spec names a prompt, and must not load transformers
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class PromptFrame:
    """Fixed beginning and end around every text; the text between them is escaped and cut, the frame never."""

    tokenizer: PreTrainedTokenizerBase
    """Fast tokenizer, since it must give the offsets of its tokens."""
    before: str
    after: str
    adds_special_tokens: bool
    """Whether the tokenizer adds special tokens at the start; a chat template has written its own."""
    marks: frozenset[str]
    """Strings that a text must not contain."""
    breaker: str
    """Character that breaks a mark; it is in none of the marks."""
    special_ids: frozenset[int]
    """Ids of the special tokens that a text must not contain; the unknown token is none of them."""

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokenize whole prompts."""
        return self._tokenize_prompts([self.before + text + self.after for text in texts])

    def tokenize_answered(self, answers: Sequence[str]) -> list[list[int]]:
        """Tokenize the prompt without a text, with each answer behind it."""
        return self._tokenize_prompts([self.before + self.after + answer for answer in answers])

    def holds_foreign_special(self, ids: Sequence[int]) -> bool:
        """Whether a prompt has more special tokens than it has without a text."""
        return self._n_special(ids) > self._n_own_special

    def escape(self, text: str) -> str:
        """Break marks in a text, then what the tokenizer still reads as one, say because it normalises `＜eos＞`."""
        return self._read_escaped(text)[0]

    def break_marks(self, text: str) -> str:
        """Break marks until none is left; of two marks that start at one place, the longer is broken first."""
        while text and (broken := self._break_once(text)) != text:
            text = broken
        return text

    def fit(self, text: str, *, max_length: int) -> list[int]:
        """Tokenize the prompt with as much of the text's start as fits into `max_length` tokens.

        A cut may part what was one token into several: cut again, by one character at least.
        """
        cut = len(text)
        while True:
            shown, ids, offsets = self._read_escaped(text[:cut])  # its end and the separator may form a mark
            excess = len(ids) - max_length
            if excess <= 0:
                return ids
            starts = [start for start, _ in offsets if 0 <= start < len(shown)]
            cut = min(cut - 1, starts[-excess] if excess <= len(starts) else 0)

    @cached_property
    def _n_own_special(self) -> int:
        return self._n_special(self.tokenize([""])[0])

    @cached_property
    def _n_closing(self) -> int:
        """Number of tokens that the tokenizer appends, such as end-of-text, in whose place the answer stands."""
        mask = self._read([self.before + self.after], return_special_tokens_mask=True)["special_tokens_mask"][0]
        return next((number for number, added in enumerate(reversed(mask)) if not added), 0)

    @cached_property
    def _first_signs(self) -> re.Pattern[str]:
        return re.compile(f"[{re.escape(''.join(sorted({mark[0] for mark in self.marks})))}]")

    @cached_property
    def _mark_lengths(self) -> list[int]:
        return sorted({len(mark) for mark in self.marks}, reverse=True)

    def _find_marks(self, text: str) -> Iterator[tuple[int, int]]:
        """Find start and end of the longest mark at each place; they may overlap, and tokenizers know thousands."""
        for match in self._first_signs.finditer(text):
            start = match.start()
            pieces = (text[start : start + length] for length in self._mark_lengths)
            if longest := next((piece for piece in pieces if piece in self.marks), ""):
                yield start, start + len(longest)

    def _n_special(self, ids: Sequence[int]) -> int:
        return sum(token in self.special_ids for token in ids)

    def _read_escaped(self, text: str) -> tuple[str, list[int], list[tuple[int, int]]]:
        """Escape a text; returns it with its prompt's ids and offsets. It ends, since each round leaves fewer marks."""
        text = self.break_marks(text)
        ids, offsets = self._tokenize_with_offsets(text)
        while spans := self._foreign_special_spans(text, ids, offsets):
            for start, end in reversed(spans):
                text = text[:start] + self.breaker + text[end:]
            ids, offsets = self._tokenize_with_offsets(text)
        return text, ids, offsets

    def _foreign_special_spans(
        self, text: str, ids: list[int], offsets: list[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        """Spans of the text's characters that became special tokens."""
        if not self.holds_foreign_special(ids):
            return []
        inside = [(max(start, 0), min(end, len(text))) for start, end in offsets]
        return [
            (start, end)
            for token, (start, end) in zip(ids, inside, strict=True)
            if token in self.special_ids and text[start:end].strip(self.breaker)
        ]

    def _break_once(self, text: str) -> str:
        reach = self._mark_lengths[0]  # a mark may start before the text, or end behind it
        left, right = self.before[-reach:], self.after[:reach]
        framed, first, last = left + text + right, len(left), len(left) + len(text)
        pieces: list[str] = []
        done = first
        for start, end in self._find_marks(framed):
            at = max(start + 1, first)
            if end > first and start < last and (at > done or not pieces):
                kept = at - 1 if end - start == 1 else at  # one character cannot be broken: it is replaced
                pieces += [framed[done:kept], self.breaker]
                done = at
        return "".join([*pieces, framed[done:last]])

    def _tokenize_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Tokenize the prompt; returns ids, and each token's span counted from the text's first character."""
        encoded = self._read([self.before + text + self.after], return_offsets_mapping=True)
        n_tokens, shift = len(encoded["input_ids"][0]) - self._n_closing, len(self.before)
        offsets = [(start - shift, end - shift) for start, end in encoded["offset_mapping"][0][:n_tokens]]
        return encoded["input_ids"][0][:n_tokens], offsets

    def _tokenize_prompts(self, prompts: list[str]) -> list[list[int]]:
        return [ids[: len(ids) - self._n_closing] for ids in self._read(prompts)["input_ids"]]

    def _read(self, prompts: list[str], **options: bool) -> Any:
        return self.tokenizer(
            prompts,
            add_special_tokens=self.adds_special_tokens,
            truncation=False,
            padding=False,
            return_attention_mask=False,
            verbose=False,
            **options,
        )

"""Prompts: the text that a causal language model reads when its next token is the label of an example.

The probability of a class is the softmax over the logits of the label tokens alone, where the answer would stand.
Source: Mozes et al., "Towards Agile Text Classifiers for Everyone" (arXiv 2302.06541), and the form of Google's
codelab: `{instructions}:[A,B]`, separator, `Text:{text}`, separator, `Prediction:`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agile_classifier.errors import InputError
from agile_classifier.models.encoded import Encoded
from agile_classifier.models.prompts.frame import PromptFrame

if TYPE_CHECKING:  # a spec names a prompt, and must not load transformers
    from transformers import PreTrainedTokenizerBase

LABEL_PAIRS = (("yes", "no"), ("positive", "negative"), ("true", "false"), ("good", "bad"), ("A", "B"), ("1", "0"))
"""Labels proposed when the given ones cannot be used: most vocabularies hold one of these pairs."""

NO_YES = ("no", "yes")
"""Answers to the question of each of several labels, where `model.prompt.labels` names none."""

LEADS = ("", " ")
"""Strings that may stand between the prompt and a label, in the order in which they are tried."""

BREAKS = (" ", "_", "-", "·", "¦")
"""Characters that may break a string which a text must not contain; the first that is in none of them is used."""


@dataclass(frozen=True)
class Prompt:
    """Prompt around a text; raises InputError if no text could be classified with it."""

    labels: tuple[str, ...]
    """Labels of classes 0, 1, … as written in the prompt; two or more."""
    instructions: str = "Classify the following text into one of the following classes"
    separator: str = "<separator>"
    """The default of the codelab's class; its demonstration uses `\\n<separator>\\n`."""
    end_of_text: str | None = None
    """Token behind an answer in training; None is the tokenizer's own end-of-sequence token."""
    chat_template: bool = False
    """Whether to wrap the prompt as a user's turn of an instruct model, up to where its answer starts."""
    questions: tuple[str, ...] = ()
    """Labels of which each is asked behind the text, where one may carry several; `labels` are then the two answers."""

    def __post_init__(self) -> None:
        if len(self.labels) < 2:
            raise InputError(f"prompt: labels need two or more, one a class; found {list(self.labels)}")
        if blank := [label for label in self.labels if not label.strip()]:
            raise InputError(f"prompt: label {blank[0]!r} is blank")
        if repeated := [label for label in self.labels if self.labels.count(label) > 1]:
            raise InputError(f"prompt: label {repeated[0]!r} stands for more than one class")
        if self.questions and len(self.labels) != 2:
            raise InputError(f"prompt: each label is asked for no or yes, two answers; found {list(self.labels)}")
        if not self.separator.strip():
            raise InputError(f"prompt: separator {self.separator!r} is blank; it needs a sign that shows")


@dataclass(frozen=True)
class LabelTokens:
    """Tokens that a language model may answer with."""

    ids: tuple[int, ...]
    """One distinct token id a class, as it is in the answer's position."""
    end_of_text: int
    """Token that ends a training text behind its label, used if the loss covers the full text."""
    questions: tuple[tuple[int, ...], ...] = ()
    """Token ids of what is asked behind a text for each of several labels; empty where it has one class."""


def ask_each(prompt: Mapping[str, Any], names: Sequence[str], *, answers: Sequence[str] | None) -> dict[str, Any]:
    """Fields of a prompt that asks for each of several labels, from those of one that lists classes.

    The default instructions speak of one class, and are replaced.
    """
    is_default = prompt["instructions"] == Prompt.instructions
    return {
        **prompt,
        "labels": tuple(answers or NO_YES),
        "questions": tuple(names),
        **({"instructions": "Does the following text carry the label"} if is_default else {}),
    }


def encode_questions(prompt: Prompt, *, tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """Token ids of what follows a text for each of several labels, up to where the answer would stand."""
    tail = _turn("".join(_around(prompt)), tokenizer)[1] if prompt.chat_template else ""
    asked = [f" {name}{_end(prompt)}{tail}" for name in prompt.questions]
    return [list(ids) for ids in tokenizer(asked, add_special_tokens=False, return_attention_mask=False)["input_ids"]]


def render(prompt: Prompt, text: str) -> str:
    """Render a prompt as plain text, without chat template; `text` is not escaped here."""
    before, after = _around(prompt)
    return before + text + after


def escape(text: str, *, prompt: Prompt, tokenizer: PreTrainedTokenizerBase) -> str:
    """Escape a text so that it cannot leave its place in the prompt.

    Separators and special tokens are broken, `< eos>`.

    Doing it again changes nothing, and an empty text stays empty.
    """
    return _frame(prompt, tokenizer).escape(text)


def find_label_tokens(prompt: Prompt, *, tokenizer: PreTrainedTokenizerBase) -> LabelTokens:
    """Find the token of each class, as the tokenizer itself reads its label behind the prompt.

    Of several labels the tokens of both answers, and the questions.

    A label follows at once, as in the codelab, or else behind a space: the first form in which all are one token.

    Raises
    ------
    InputError
        A label is several tokens, none that the vocabulary knows, or that of another label; no end-of-text token.
    """
    end_of_text = _end_of_text_id(prompt, tokenizer)
    frame = _frame(prompt, tokenizer, asks=prompt.questions[:1])
    forms = [_answers([lead + label for label in prompt.labels], frame) for lead in LEADS]
    for answers in forms:
        if all(answer.is_label for answer in answers) and len(set(answers)) == len(answers):
            asked = encode_questions(prompt, tokenizer=tokenizer) if prompt.questions else ()
            return LabelTokens(tuple(answer.ids[0] for answer in answers), end_of_text, tuple(map(tuple, asked)))
    best = max(forms, key=lambda answers: sum(answer.is_label for answer in answers))
    raise InputError(f"prompt: {_fault(prompt.labels, best, tokenizer)}{_proposal(frame)}")


def encode_prompts(
    texts: Sequence[str], *, prompt: Prompt, tokenizer: PreTrainedTokenizerBase, max_length: int
) -> Encoded:
    """Escape, frame and tokenize texts: at most `max_length` tokens each, up to where the label would follow.

    Begins as the tokenizer has sequences begin, but has no end-of-text token. Raises InputError where `max_length`
    leaves no token for a text.
    """
    frame = _frame(prompt, tokenizer)
    if prompt.questions:
        max_length -= max(map(len, encode_questions(prompt, tokenizer=tokenizer)))
    n_around = len(frame.tokenize([""])[0])
    if n_around >= max_length:
        raise InputError(
            f"model.max_length {max_length}: the prompt takes {n_around} tokens without a text; none is left for one"
        )
    if not texts:
        return Encoded([])
    clean = [frame.break_marks(text) for text in texts]
    input_ids = frame.tokenize(clean)
    for position, ids in enumerate(input_ids):
        if frame.holds_foreign_special(ids):
            clean[position] = frame.escape(clean[position])
            input_ids[position] = frame.tokenize([clean[position]])[0]
    too_long = [position for position, ids in enumerate(input_ids) if len(ids) > max_length]
    for position in too_long:
        input_ids[position] = frame.fit(clean[position], max_length=max_length)
    n_escaped = sum(text != original for text, original in zip(clean, texts, strict=True))
    return Encoded(input_ids, tuple(too_long), n_escaped)


@dataclass(frozen=True)
class _Answer:
    """Tokens that a label adds to a prompt."""

    ids: tuple[int, ...]
    """Token ids of the label, with those of the prompt's end that merge with it."""
    is_label: bool
    """Whether the label is one known token behind an unchanged prompt."""
    is_unknown: bool


def _frame(prompt: Prompt, tokenizer: PreTrainedTokenizerBase, *, asks: Sequence[str] = ()) -> PromptFrame:
    """The frame of a prompt; of one with questions up to where these stand, or with the one that is asked."""
    if not tokenizer.is_fast:
        raise InputError(
            "prompt: the tokenizer cannot say where its tokens stand in a text; a tokenizer.json is needed"
        )
    before, after = _around(prompt)
    head, tail = _turn(before + after, tokenizer) if prompt.chat_template else ("", "")
    special = _special_tokens(tokenizer)
    marks = {*special, prompt.separator.strip(), prompt.end_of_text or "", *_turn_marks(head, tail, special)} - {""}
    behind = "".join(f" {name}{_end(prompt)}{tail}" for name in asks) if prompt.questions else tail
    return PromptFrame(
        tokenizer=tokenizer,
        before=head + before,
        after=after + behind,
        adds_special_tokens=not prompt.chat_template,
        marks=frozenset(marks),
        breaker=_breaker(marks),
        special_ids=frozenset(special.values()) - {tokenizer.unk_token_id},
    )


def _around(prompt: Prompt) -> tuple[str, str]:
    before = f"{prompt.instructions}:[{','.join(prompt.labels)}]{prompt.separator}Text:"
    return before, f"{prompt.separator}Label:" if prompt.questions else _end(prompt)


def _end(prompt: Prompt) -> str:
    return f"{prompt.separator}Prediction:"


def _turn(content: str, tokenizer: PreTrainedTokenizerBase) -> tuple[str, str]:
    """Texts that the chat template writes before and behind a user's turn."""
    if not tokenizer.chat_template:
        raise InputError("prompt: chat_template is true, but the tokenizer has no chat template: no instruct model")
    turn = tokenizer.apply_chat_template(
        [{"role": "user", "content": content}],
        tokenize=False,
        add_generation_prompt=True,
        enable_thinking=False,  # templates that know it let the answer follow at once; others pass it over
    )
    head, found, tail = turn.partition(content)
    if not found:
        raise InputError("prompt: the chat template alters the prompt, perhaps spaces at the start of its instructions")
    return head, tail


def _turn_marks(head: str, tail: str, special: Iterable[str]) -> set[str]:
    """Marks that a chat template writes next to a turn and that are no special tokens, such as `[/INST]`."""
    between = re.compile("|".join(["\n", *(re.escape(token) for token in special if token in head + tail)]))
    before, behind = ([part.strip() for part in between.split(side) if part.strip()] for side in (head, tail))
    return {part for part in (*before[-1:], *behind[:1]) if not part.isalnum()}


def _special_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    named = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
    return named | {token.content: number for number, token in tokenizer.added_tokens_decoder.items() if token.special}


def _breaker(marks: Iterable[str]) -> str:
    held = "".join(marks)
    free = [sign for sign in BREAKS if sign not in held]
    if not free:
        raise InputError(f"prompt: separator and special tokens hold all of {BREAKS}: none is left to break them with")
    return free[0]


def _end_of_text_id(prompt: Prompt, tokenizer: PreTrainedTokenizerBase) -> int:
    if prompt.end_of_text is None:
        if tokenizer.eos_token_id is None:
            raise InputError("prompt: the tokenizer has no end-of-text token of its own; end_of_text must name one")
        return int(tokenizer.eos_token_id)
    number = tokenizer.convert_tokens_to_ids(prompt.end_of_text)
    if number is None or tokenizer.convert_ids_to_tokens(number) != prompt.end_of_text:
        raise InputError(f"prompt: end_of_text {prompt.end_of_text!r} is not a token of the tokenizer's vocabulary")
    return int(number)


def _answers(labels: Sequence[str], frame: PromptFrame) -> list[_Answer]:
    alone, *answered = frame.tokenize_answered(["", *labels])
    return [_read_answer(alone, ids, unknown=frame.tokenizer.unk_token_id) for ids in answered]


def _read_answer(alone: list[int], answered: list[int], *, unknown: int | None) -> _Answer:
    n_shared = _n_shared(alone, answered)
    ids = tuple(answered[n_shared:])
    is_unknown = not ids or unknown in ids  # no token at all: it fused with an unknown one before it
    return _Answer(ids, len(ids) == 1 and n_shared == len(alone) and not is_unknown, is_unknown)


def _fault(labels: Sequence[str], answers: Sequence[_Answer], tokenizer: PreTrainedTokenizerBase) -> str:
    for label, answer in zip(labels, answers, strict=True):
        if answer.is_unknown:
            return f"label {label!r} is outside the tokenizer's vocabulary"
        if not answer.is_label:
            return f"label {label!r} is not one token behind the prompt but {_names(answer, tokenizer)}"
    first, second = next(
        (labels[answers.index(answer)], label)
        for position, (label, answer) in enumerate(zip(labels, answers, strict=True))
        if answers.index(answer) < position
    )
    return f"labels {first!r} and {second!r} are the same token {_names(answers[labels.index(first)], tokenizer)}"


def _names(answer: _Answer, tokenizer: PreTrainedTokenizerBase) -> str:
    return " + ".join(repr(token) for token in tokenizer.convert_ids_to_tokens(list(answer.ids)))


def _proposal(frame: PromptFrame) -> str:
    for lead in LEADS:
        for pair in LABEL_PAIRS:
            answers = _answers([lead + label for label in pair], frame)
            if all(answer.is_label for answer in answers) and answers[0] != answers[1]:
                return f"; {pair[0]!r} and {pair[1]!r} would do"
    return ""


def _n_shared(a: Sequence[int], b: Sequence[int]) -> int:
    differing = (number for number, (one, other) in enumerate(zip(a, b, strict=False)) if one != other)
    return next(differing, min(len(a), len(b)))

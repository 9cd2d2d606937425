"""Prompts: how they read, how they are tokenized, and which could classify nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tokenizers import processors
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from agile_classifier.errors import InputError
from agile_classifier.models.prompts.prompts import Prompt, encode_prompts, render
from tests.toys.toy_tokenizers import PROMPT, Case, byte_level, encoded, length_of_empty, n_special


def test_a_prompt_reads_as_in_the_codelab() -> None:
    prompt = Prompt(("Positive", "Negative"), instructions="Sort", separator="\n<separator>\n")
    expected = "Sort:[Positive,Negative]\n<separator>\nText:so good\n<separator>\nPrediction:"
    assert render(prompt, "so good") == expected


def test_a_clean_text_that_fits_is_tokenized_as_the_rendered_prompt(
    bpe: PreTrainedTokenizerFast, unigram: PreTrainedTokenizerFast
) -> None:
    texts = ["a fine day", "", " two  spaces ", "café 🙂", "שלום"]
    for tokenizer in (bpe, unigram):
        result = encode_prompts(texts, prompt=PROMPT, tokenizer=tokenizer, max_length=512)
        rendered = [tokenizer(render(PROMPT, text))["input_ids"] for text in texts]
        closing = 1 if tokenizer is unigram else 0
        assert result.input_ids == [ids[: len(ids) - closing] for ids in rendered]
        assert (result.n_cut, result.n_escaped) == (0, 0)
        assert result.lengths.tolist() == [len(ids) for ids in result.input_ids]


def test_a_prompt_begins_as_the_tokenizer_says_but_never_ends_with_an_end_of_text_token(
    unigram: PreTrainedTokenizerFast,
) -> None:
    (ids,) = encoded("a fine day", (unigram, PROMPT)).input_ids
    assert unigram("a")["input_ids"][-1] == unigram.eos_token_id
    assert ids[0] == unigram.bos_token_id
    assert unigram.eos_token_id not in ids


def test_a_chat_template_wraps_the_prompt_and_its_special_tokens_stand_once() -> None:
    tokenizer = byte_level()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|im_start|> $A <|im_end|>", special_tokens=[("<|im_start|>", 0), ("<|im_end|>", 1)]
    )
    (ids,) = encoded("a fine day", (tokenizer, replace(PROMPT, chat_template=True))).input_ids
    expected = f"<|im_start|>user\n{render(PROMPT, 'a fine day')}<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(ids) == expected
    assert n_special(ids, tokenizer) == 3


def test_a_prompt_that_leaves_no_token_for_a_text_is_refused(case: Case) -> None:
    length = length_of_empty(case)
    assert encoded("yes " * 9, case, max_length=length + 1).lengths[0] <= length + 1
    with pytest.raises(InputError, match=rf"max_length {length}: the prompt takes {length} tokens"):
        encoded("yes", case, max_length=length)


def test_no_texts_are_no_prompts(bpe: PreTrainedTokenizerFast) -> None:
    result = encode_prompts([], prompt=PROMPT, tokenizer=bpe, max_length=512)
    assert (result.input_ids, result.n_cut, result.n_escaped) == ([], 0, 0)
    assert len(result.lengths) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": ()}, "two or more"),
        ({"labels": ("yes",)}, "two or more"),
        ({"labels": ("yes", " ")}, "label ' ' is blank"),
        ({"labels": ("yes", "no", "yes")}, "label 'yes' stands for more than one class"),
        ({"labels": ("yes", "no"), "separator": ""}, "separator '' is blank"),
        ({"labels": ("yes", "no"), "separator": "\n\n"}, "separator .* is blank"),
    ],
)
def test_a_prompt_that_could_classify_nothing_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Prompt(**arguments)


def test_a_chat_template_that_is_missing_or_alters_the_prompt_is_refused(bpe: PreTrainedTokenizerFast) -> None:
    with pytest.raises(InputError, match="no chat template"):
        encoded("yes", (byte_level(chat_template=None), replace(PROMPT, chat_template=True)))
    with pytest.raises(InputError, match="alters the prompt"):
        encoded("yes", (bpe, replace(PROMPT, chat_template=True, instructions=" Classify")))


def test_a_tokenizer_that_cannot_say_where_its_tokens_stand_is_refused() -> None:
    with pytest.raises(InputError, match=r"a tokenizer\.json is needed"):
        encoded("yes", (ByT5Tokenizer(), PROMPT))


def test_special_tokens_that_hold_every_break_are_refused(bpe: PreTrainedTokenizerFast) -> None:
    with pytest.raises(InputError, match="none is left to break them with"):
        encoded("yes", (bpe, replace(PROMPT, end_of_text=" _-·¦")))

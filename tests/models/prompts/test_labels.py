"""Labels of prompts: an answer is one known token of the vocabulary, and ends as the tokenizer ends a text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tokenizers import normalizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from agile_classifier.errors import InputError
from agile_classifier.models.prompts.prompts import Prompt, find_label_tokens
from tests.toys.toy_tokenizers import PROMPT, Case, byte_level, encoded, metaspace


def test_labels_are_the_tokens_that_follow_the_prompt_at_once(
    bpe: PreTrainedTokenizerFast, unigram: PreTrainedTokenizerFast
) -> None:
    for tokenizer in (bpe, unigram):
        tokens = find_label_tokens(PROMPT, tokenizer=tokenizer)
        assert tokenizer.convert_ids_to_tokens(list(tokens.ids)) == ["yes", "no"]
        assert tokens.end_of_text == tokenizer.eos_token_id
    assert find_label_tokens(Prompt(("no", "yes")), tokenizer=bpe).ids == tokens_of(bpe, "no", "yes")


def test_labels_follow_a_chat_template_too(bpe: PreTrainedTokenizerFast) -> None:
    prompt = replace(PROMPT, chat_template=True)
    assert find_label_tokens(prompt, tokenizer=bpe).ids == tokens_of(bpe, "yes", "no")


def test_labels_that_are_one_token_only_behind_a_space_are_taken_with_it(unigram: PreTrainedTokenizerFast) -> None:
    tokens = find_label_tokens(Prompt(("fine", "no")), tokenizer=unigram)
    assert tokens.ids == tokens_of(unigram, "▁fine", "▁no")


def test_a_label_token_continues_the_prompt_exactly(case: Case) -> None:
    tokenizer, prompt = case
    tokens = find_label_tokens(prompt, tokenizer=tokenizer)
    (ids,) = encoded("a fine day", case).input_ids
    decoded = tokenizer.decode([*ids, tokens.ids[0]])
    assert decoded.removeprefix(tokenizer.decode(ids)) == "yes"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (("yes", "toxicity"), r"label 'toxicity' is not one token .* but 't' \+ .*'y'; 'yes' and 'no' would do"),
        (("fine", "positive"), r"label 'fine' is not one token behind the prompt but 'f' \+ 'i'"),
        (("no", "s"), "label 's' is not one token behind the prompt but 'Prediction:s'"),
        (("yes", "🙂"), "label '🙂' is outside the tokenizer's vocabulary; 'yes' and 'no' would do"),
    ],
)
def test_a_label_that_is_not_one_known_token_is_refused(
    labels: tuple[str, ...], message: str, unigram: PreTrainedTokenizerFast
) -> None:
    with pytest.raises(InputError, match=message):
        find_label_tokens(Prompt(labels), tokenizer=unigram)


def test_a_label_of_several_tokens_is_refused_with_its_tokens(bpe: PreTrainedTokenizerFast) -> None:
    with pytest.raises(InputError, match=r"label 'toxicity' is not one token .* but 'to' \+ 'x' .*would do"):
        find_label_tokens(Prompt(("yes", "toxicity")), tokenizer=bpe)


def test_labels_that_share_a_token_are_refused() -> None:
    tokenizer = metaspace(normalizer=normalizers.Replace("YES", "yes"))
    with pytest.raises(InputError, match="labels 'yes' and 'YES' are the same token 'yes'; 'yes' and 'no' would do"):
        find_label_tokens(Prompt(("no", "yes", "YES")), tokenizer=tokenizer)


def test_a_tokenizer_without_the_end_of_text_is_refused() -> None:
    tokenizer = byte_level()
    assert find_label_tokens(replace(PROMPT, end_of_text="<|im_start|>"), tokenizer=tokenizer).end_of_text == 0
    with pytest.raises(InputError, match="'<eos>' is not a token"):
        find_label_tokens(replace(PROMPT, end_of_text="<eos>"), tokenizer=tokenizer)
    with pytest.raises(InputError, match="'yes no' is not a token"):
        find_label_tokens(replace(PROMPT, end_of_text="yes no"), tokenizer=metaspace())
    tokenizer.eos_token = None
    with pytest.raises(InputError, match="no end-of-text token of its own"):
        find_label_tokens(PROMPT, tokenizer=tokenizer)


def tokens_of(tokenizer: PreTrainedTokenizerBase, *tokens: str) -> tuple[int, ...]:
    return tuple(tokenizer.convert_tokens_to_ids(list(tokens)))

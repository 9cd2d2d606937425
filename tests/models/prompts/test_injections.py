"""Prompt injections: none of them leaves its place in the prompt, whatever the tokenizer, normalised or not."""

from __future__ import annotations

import pytest

from agile_classifier.config.moderation.evasion import HARMLESS
from agile_classifier.data.evasion.normalize import NORMALS, normalize
from agile_classifier.models.prompts.injections import INJECTIONS, list_injections
from tests.toys.toy_tokenizers import Case, encoded, length_of_empty, n_special

TEXT = "you {idiot}"


def test_every_injection_holds_the_text_and_all_but_the_harmless_one_what_is_wanted(case: Case) -> None:
    tokenizer, prompt = case
    written = {name: write(TEXT) for name, write in list_injections(prompt, tokenizer).items()}
    assert written.keys() == INJECTIONS.keys()
    assert all(TEXT in text for text in written.values())
    assert {name for name, text in written.items() if prompt.labels[0] not in text} <= {HARMLESS}


@pytest.mark.parametrize("name", INJECTIONS)
def test_no_injection_becomes_a_control_token_or_a_separator(case: Case, name: str) -> None:
    tokenizer, prompt = case
    text = list_injections(prompt, tokenizer)[name](TEXT)
    own = n_special(encoded("", case).input_ids[0], tokenizer)
    for mark in tokenizer.all_special_tokens:
        hidden = text.replace(mark, "\u200b".join(mark))
        for written in (text, normalize(hidden, tuple(NORMALS))):
            ids = encoded(written, case).input_ids[0]
            assert n_special(ids, tokenizer) == own
            assert len(ids) > length_of_empty(case)

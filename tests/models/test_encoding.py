"""Encoding: nothing is lost unsaid, and batches cover every text once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from agile_classifier.models.encoding import encode, load_tokenizer, token_batches


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerBase:
    return load_tokenizer(tiny_model)


def test_texts_longer_than_the_model_reads_are_cut_and_counted(tokenizer: PreTrainedTokenizerBase) -> None:
    encoded = encode(["fine film", "fine " * 6, "fine " * 7], tokenizer=tokenizer, max_length=8)
    assert encoded.lengths.tolist() == [4, 8, 8]
    assert encoded.n_cut == 1
    start, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    assert all((ids[0], ids[-1]) == (start, end) for ids in encoded.input_ids)


def test_a_text_that_fits_is_encoded_as_the_tokenizer_alone_does(tokenizer: PreTrainedTokenizerBase) -> None:
    texts = ["a fine day", "the unknown", ""]
    assert encode(texts, tokenizer=tokenizer, max_length=64).input_ids == [
        tokenizer(text)["input_ids"] for text in texts
    ]


def test_no_texts_are_no_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    encoded = encode([], tokenizer=tokenizer, max_length=8)
    assert (encoded.input_ids, encoded.n_cut, len(encoded.lengths)) == ([], 0, 0)


def test_an_empty_text_is_one_token_even_where_a_tokenizer_adds_none_of_its_own() -> None:
    bare = Tokenizer(models.WordLevel({"[UNK]": 0, "</s>": 1, "fine": 2}, unk_token="[UNK]"))
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bare, unk_token="[UNK]", pad_token="</s>")
    assert encode(["fine", "", " "], tokenizer=tokenizer, max_length=8).input_ids == [[2], [1], [1]]


@given(
    lengths=st.lists(st.integers(1, 128), max_size=80).map(lambda found: np.asarray(found, dtype=np.int64)),
    budget=st.integers(1, 600),
)
def test_batches_cover_every_row_once_within_the_budget(lengths: np.ndarray, budget: int) -> None:
    batches = token_batches(lengths, budget=budget)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for number, batch in enumerate(batches, start=1):
        longest = lengths[batch].max()
        assert len(batch) == 1 or len(batch) * longest <= budget
        assert number == len(batches) or (len(batch) + 1) * longest > budget  # no batch could have taken one more


def test_a_tokenizer_that_pads_on_the_left_is_made_to_pad_on_the_right(
    tiny_language_model: Path, tmp_path: Path
) -> None:
    tokenizer = load_tokenizer(tiny_language_model)
    tokenizer.padding_side = "left"
    tokenizer.save_pretrained(tmp_path)
    padded = load_tokenizer(tmp_path).pad({"input_ids": [[3, 4], [5]]}, return_tensors="pt")
    assert padded["attention_mask"].tolist() == [[1, 1], [1, 0]]

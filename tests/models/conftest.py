"""Toy tokenizers for the tests of this folder, made once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tokenizers import normalizers
from transformers import PreTrainedTokenizerFast

from tests.toys.toy_tokenizers import PROMPT, Case, byte_level, metaspace


@pytest.fixture(scope="session")
def bpe() -> PreTrainedTokenizerFast:
    return byte_level()


@pytest.fixture(scope="session")
def unigram() -> PreTrainedTokenizerFast:
    return metaspace()


@pytest.fixture(
    scope="session",
    params=["byte-level", "byte-level chat", "metaspace", "normalising", "separator special", "separator of signs"],
)
def case(request: pytest.FixtureRequest) -> Case:
    return {
        "byte-level": lambda: (byte_level(), PROMPT),
        "byte-level chat": lambda: (byte_level(), replace(PROMPT, chat_template=True, separator="\n<separator>\n")),
        "metaspace": lambda: (metaspace(), PROMPT),
        "normalising": lambda: (metaspace(normalizer=normalizers.NFKC()), PROMPT),
        "separator special": lambda: (byte_level(), replace(PROMPT, separator="<|im_end|>")),
        "separator of signs": lambda: (byte_level(), replace(PROMPT, separator="<<")),
    }[request.param]()

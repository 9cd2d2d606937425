"""What several tests share: real data where it is at hand, a tiny real base model, and examples that can be learnt."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from classifier.places import mirror

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as operations.state sets it; torch reads it when it is loaded

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with interrupts ignored

settings.register_profile("shared machine", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("shared machine")

PRAISE = ("fine", "lovely", "warm", "bright", "gentle")
BLAME = ("awful", "ugly", "cold", "dull", "harsh")
FILLERS = ("the", "a", "film", "day", "was", "is", "this", "and", "very", "it", "song", "room")


@pytest.fixture(scope="session")
def ethos_file() -> Path:
    """ETHOS, 998 comments; GPL-3.0, so it is never part of the project."""
    return _data_file("ethos/Ethos_Dataset_Binary.csv")


@pytest.fixture(scope="session")
def unfair_tos_file() -> Path:
    """UNFAIR-ToS, 9,414 sentences of 50 contracts."""
    return _data_file("unfair_tos/unfair_tos_claudette.csv")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT of random weights (two layers, width 32) and a tokenizer of `tiny_examples`' words."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_model")
    words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *PRAISE, *BLAME, *FILLERS)
    BertTokenizerFast(vocab={word: number for number, word in enumerate(words)}).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Llama of random weights (two layers, width 32) and a tokenizer of `tiny_examples`' words and the prompt's."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_language_model")
    prompt = (
        "Classify the following text into one of the following classes : [ ] , < separator > Text : Prediction : no yes"
    )
    words = dict.fromkeys(("<unk>", "</s>", *PRAISE, *BLAME, *FILLERS, *prompt.split()))
    bare = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    bare.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation()])
    PreTrainedTokenizerFast(tokenizer_object=bare, unk_token="<unk>", eos_token="</s>").save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_examples() -> pd.DataFrame:
    """120 rows of `id`, `text`, `score`; the score, in [0, 1], is the share of praise among the telling words."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(1, 121):
        telling = int(rng.integers(1, 5))
        n_praise = int(rng.integers(0, telling + 1))
        words = [
            *rng.choice(PRAISE, n_praise),
            *rng.choice(BLAME, telling - n_praise),
            *rng.choice(FILLERS, rng.integers(2, 12)),
        ]
        rows.append({"id": str(number), "text": " ".join(rng.permutation(words)), "score": n_praise / telling})
    return pd.DataFrame(rows)


def _data_file(name: str) -> Path:
    """A file below AGILE_MIRROR; where AGILE_DATA_REQUIRED is set, its absence is a failure and no skip."""
    folder = mirror()
    found = next(folder.rglob(name), None) if folder else None
    if found is not None:
        return found
    reason = f"{name} is not below AGILE_MIRROR ({folder or 'not set'})"
    if os.environ.get("AGILE_DATA_REQUIRED"):
        pytest.fail(f"{reason}, and AGILE_DATA_REQUIRED is set")
    pytest.skip(reason)

"""Toy tokenizers of the two kinds that language models have, and prompts encoded with them."""

from __future__ import annotations

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from agile_classifier.models.encoded import Encoded
from agile_classifier.models.prompts.prompts import Prompt, encode_prompts

PROMPT = Prompt(("yes", "no"))
CORPUS = (
    "Classify the following text into one of the following classes:[yes,no]<separator>Text:a fine day\n",
    "Prediction:yes yes no no positive negative positive negative, is it a lovely film or an awful song?",
    "the room was warm and bright, the day was cold and dull; yes, no, yes and no: user assistant",
)
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content | trim }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = "▁Classify ▁the ▁following ▁text ▁into ▁one ▁of ▁classes Text: Prediction: Prediction:s yes no ▁yes ▁no positive ▁fine ▁day"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<>|[]():,.;!?'#-_/▁\n"
Case = tuple[PreTrainedTokenizerBase, Prompt]


def byte_level(*, chat_template: str | None = CHAT) -> PreTrainedTokenizerFast:
    """Byte-level BPE of an instruct model: ChatML's special tokens, none at the beginning of a sequence."""
    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bare.train_from_iterator(CORPUS * 3, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="<|im_end|>")
    tokenizer.chat_template = chat_template
    return tokenizer


def metaspace(*, normalizer: normalizers.Normalizer | None = None) -> PreTrainedTokenizerFast:
    """Unigram with `▁` for spaces, which knows no emoji and puts <bos> before and <eos> behind a sequence.

    With a normalizer it looks for special tokens in what the normalizer leaves of a text.
    """
    pieces = [*WORDS.split(), *(letter for letter in LETTERS)]
    vocabulary = [("<unk>", 0.0), ("<bos>", 0.0), ("<eos>", 0.0)]
    bare = Tokenizer(models.Unigram(vocabulary + [(piece, -3.0 if len(piece) > 1 else -9.0) for piece in pieces], 0))
    if normalizer is not None:
        bare.normalizer = normalizer
    bare.pre_tokenizer = pre_tokenizers.Metaspace()
    bare.decoder = decoders.Metaspace()
    bare.add_special_tokens([AddedToken(name, normalized=normalizer is not None) for name, _ in vocabulary])
    bare.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", 1), ("<eos>", 2)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=bare, unk_token="<unk>", bos_token="<bos>", eos_token="<eos>")


def encoded(text: str, case: Case, *, max_length: int = 100_000) -> Encoded:
    tokenizer, prompt = case
    return encode_prompts([text], prompt=prompt, tokenizer=tokenizer, max_length=max_length)


def length_of_empty(case: Case) -> int:
    return int(encoded("", case).lengths[0])


def n_special(ids: list[int], tokenizer: PreTrainedTokenizerBase) -> int:
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    return sum(token in special - {tokenizer.unk_token_id} for token in ids)

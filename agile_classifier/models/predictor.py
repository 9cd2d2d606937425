"""Predictor: probabilities of texts, from an adapter folder and its base model."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from agile_classifier.models.base_model import load_base_model
from agile_classifier.models.decision import require_finite
from agile_classifier.models.encoded import Encoded
from agile_classifier.models.encoding import (
    TOKENS_PER_BATCH,
    TOKENS_PER_PACK,
    encode,
    load_tokenizer,
    token_batches,
)
from agile_classifier.models.ensemble.bases import Base, find_bases
from agile_classifier.models.ensemble.members import Member, join_members, load_members
from agile_classifier.models.hardware import read_hardware
from agile_classifier.models.network.fast_lora import use_fused_lora
from agile_classifier.models.network.heads import to_probabilities
from agile_classifier.models.network.network import TextClassifier, load_network
from agile_classifier.models.prompts.prompts import encode_questions, find_label_tokens
from agile_classifier.models.sharing.bases import SharedBase, share_base_model, share_tokenizer
from agile_classifier.models.spec import TOKENIZER_FOLDER, ClassifierSpec

_encoding = threading.Lock()
"""Held by who encodes: a tokenizer in Rust that two threads use at once refuses one of them."""


class Predictor:
    """Scores texts with a tuned classifier: a network, or an ensemble of which it is the first member."""

    base: SharedBase | None = None
    """Base model that it shares with others of this process; None where its own."""

    def __init__(
        self,
        network: TextClassifier,
        tokenizer: PreTrainedTokenizerBase,
        spec: ClassifierSpec,
        members: Sequence[Member] = (),
    ) -> None:
        self.network, self.tokenizer, self.spec, self.members = network, tokenizer, spec, tuple(members)

    @classmethod
    def load(cls, adapter: Path, *, base: Base, checkpoint: str = "best", shares_base: bool = False) -> Predictor:
        """Load a classifier from the folder that `fine_tune` wrote; `checkpoint` is `best` or `last`.

        With `shares_base` others of this process may stand on the same base model, whose weights nobody may change.
        """
        bases = find_bases(adapter, base)
        made = cls._load_network(adapter, base=bases[0], checkpoint=checkpoint, shares_base=shares_base)
        made.members = load_members(
            adapter,
            lambda place, folder: cls._load_network(
                folder, base=bases[place], checkpoint=checkpoint, shares_base=shares_base
            ),
        )
        return made

    @classmethod
    def _load_network(cls, adapter: Path, *, base: Path, checkpoint: str, shares_base: bool) -> Predictor:
        """The network of an adapter's folder alone."""
        spec = ClassifierSpec.load(adapter)
        how: dict[str, Any] = {
            "pooling": spec.pooling, "n_classes": spec.n_classes, "quantization": spec.quantization,
            "double_quant": spec.double_quant, "compute_dtype": spec.compute_dtype, "device": read_hardware().device,
        }  # fmt: skip
        shared = share_base_model(base, digest=spec.base_digest, **how) if shares_base else None
        base_model = shared.make_tree() if shared else load_base_model(base, **how)
        tokenizer = (share_tokenizer if shared else load_tokenizer)(adapter / TOKENIZER_FOLDER)
        network = load_network(
            base_model,
            spec,
            adapter / checkpoint,
            label_tokens=find_label_tokens(spec.prompt, tokenizer=tokenizer) if spec.prompt else None,
        )
        if next(network.parameters()).device.type == "cpu":
            use_fused_lora(network)
        made = cls(network, tokenizer, spec)
        made.base = shared
        return made

    def score(self, texts: Sequence[str], *, encoded: Encoded | None = None) -> np.ndarray:
        """Probabilities of shape (n, n_classes), rows sum to 1 but with several labels, in the order of the texts.

        Of an ensemble, the mean of its members' log odds.

        Texts are sorted by length and batched by a token budget, so padding costs little.

        Parameters
        ----------
        encoded : Encoded, optional
            Result of `encode` on the texts, if it is at hand.

        Raises
        ------
        RuntimeError
            A probability is no finite number.
        """
        return self.finish(self._score_encoded(self.encode(texts) if encoded is None else encoded), texts)

    def score_alone(self, texts: Sequence[str]) -> np.ndarray:
        """Probabilities by the network alone, whatever members there are beside it; as `score`."""
        return require_finite(self._score_encoded(self.encode(texts)))

    def join(self, scores: Sequence[np.ndarray]) -> np.ndarray:
        """Probabilities of the ensemble from those by each member, in order; raises as `score`."""
        return require_finite(join_members(scores, several=self.spec.several))

    def finish(self, said: np.ndarray, texts: Sequence[str]) -> np.ndarray:
        """Probabilities of the texts from those of the network; raises as `score`."""
        return self.join([said, *self._score_others(texts)])

    @property
    def rounding(self) -> float:
        """Largest change of a probability that rounding explains, of all members: `ClassifierSpec.rounding`."""
        return max([self.spec.rounding, *(member.rounding for member in self.members)])

    def _score_others(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Probabilities by the members beside the network; a linear machine undoes nothing in a text by itself."""
        return [member.score(self.spec.clean(texts)) for member in self.members]

    def _score_encoded(self, encoded: Encoded) -> np.ndarray:
        probabilities = np.empty((len(encoded.input_ids), self.spec.n_classes))
        budget = TOKENS_PER_PACK if self.spec.prompt else TOKENS_PER_BATCH
        for batch in token_batches(encoded.lengths + self._n_asked, budget=budget):
            probabilities[batch] = self._score_batch([encoded.input_ids[row] for row in batch])
        return probabilities

    @property
    def _n_asked(self) -> int:
        """Tokens of the questions that follow each text; 0 where a text has one class."""
        prompt = self.spec.prompt
        return sum(map(len, encode_questions(prompt, tokenizer=self.tokenizer))) if prompt and prompt.questions else 0

    @torch.no_grad()
    def forget_tuning(self) -> None:
        """Drop the adapter, so that the base model answers alone.

        Only possible with label tokens, which need no head.
        """
        self.members = ()
        for name, parameter in self.network.named_parameters():
            if "lora_B" in name:
                parameter.zero_()

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encode texts into token ids as the network reads them, normalised as the specification says."""
        texts = self.spec.clean(texts)
        with _encoding:
            return encode(texts, tokenizer=self.tokenizer, max_length=self.spec.max_length, prompt=self.spec.prompt)

    @torch.inference_mode()
    def _score_batch(self, input_ids: list[list[int]]) -> np.ndarray:
        padded = self.tokenizer.pad({"input_ids": input_ids}, return_tensors="pt", padding=True)
        device = next(self.network.parameters()).device
        logits = self.network(padded["input_ids"].to(device), padded["attention_mask"].to(device))["logits"]
        return self.to_probabilities(logits)

    def to_probabilities(self, logits: torch.Tensor) -> np.ndarray:
        """Probabilities from the network's logits, both (B, n_classes)."""
        probabilities: np.ndarray = to_probabilities(logits.double(), several=self.spec.several).cpu().numpy()
        return probabilities

"""OnnxPredictor: probabilities of texts from an exported folder, by onnxruntime alone.

Neither torch nor bitsandbytes is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from transformers import PreTrainedTokenizerBase

from agile_classifier.errors import InputError
from agile_classifier.models.decision import DECISION_FILE, Decided, Decision, require_finite
from agile_classifier.models.encoded import Encoded
from agile_classifier.models.encoding import encode, load_tokenizer, token_batches
from agile_classifier.models.ensemble.members import Member, join_members, load_members
from agile_classifier.models.spec import TOKENIZER_FOLDER, ClassifierSpec

MODEL_FILE = "model.onnx"
INPUTS, OUTPUT = ("input_ids", "attention_mask"), "probabilities"
"""Names of the graph's inputs and output."""
TOKENS_PER_BATCH = 1024
"""Tokens of one run of the graph, padding included; larger batches took twice as long on one thread."""


class OnnxPredictor:
    """Scores texts as the exported version does, calibrated, within the difference that `export.json` states."""

    session: onnxruntime.InferenceSession
    tokenizer: PreTrainedTokenizerBase
    spec: ClassifierSpec
    decision: Decision
    members: tuple[Member, ...]

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        """Load an exported folder; 0 threads leaves their number to onnxruntime, a thread a core."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(folder / MODEL_FILE, options, providers=["CPUExecutionProvider"])
        self.tokenizer, self.spec = load_tokenizer(folder / TOKENIZER_FOLDER), ClassifierSpec.load(folder)
        self.members = load_members(folder, lambda _, member: OnnxPredictor(member, threads=threads))
        has_decision = (folder / DECISION_FILE).is_file()
        self.decision = Decision.load(folder) if has_decision else Decision(decision_threshold=None)

    @property
    def rounding(self) -> float:
        """Largest change of a probability that rounding explains, of all members: `ClassifierSpec.rounding`."""
        return max([self.spec.rounding, *(member.rounding for member in self.members)])

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Calibrated probabilities of shape (n, n_classes), in order; rows sum to 1 but of several labels."""
        return self.answer(texts).y_score

    def decide(self, texts: Sequence[str]) -> list[str]:
        """Decide on each text by the version's bands: `release`, `review` or `remove`.

        Raises
        ------
        InputError
            The version has no bands.
        """
        bands = self.answer(texts).bands
        if bands is None:
            raise InputError("this export has no bands: set decision.bands, train and export again")
        return list(bands)

    def answer(self, texts: Sequence[str]) -> Decided:
        """Calibrated probabilities, predicted classes and, where the version has bands, decisions of texts."""
        return self.decision.apply(self._score_raw(texts))

    def _score_raw(self, texts: Sequence[str]) -> np.ndarray:
        encoded = self.encode(texts)
        probabilities = np.empty((len(texts), self.spec.n_classes))
        for batch in token_batches(encoded.lengths, budget=TOKENS_PER_BATCH):
            probabilities[batch] = self._score_batch([encoded.input_ids[row] for row in batch])
        others = [member.score(self.spec.clean(texts)) for member in self.members]
        return require_finite(join_members([probabilities, *others], several=self.spec.several))

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Token ids as the graph reads them, of texts normalised as the specification says."""
        return encode(
            self.spec.clean(texts), tokenizer=self.tokenizer, max_length=self.spec.max_length, prompt=self.spec.prompt
        )

    def _score_batch(self, rows: list[list[int]]) -> np.ndarray:
        lengths = np.asarray([len(row) for row in rows])
        mask = np.arange(lengths.max()) < lengths[:, None]  # (B, L), padding on the right
        input_ids = np.full(mask.shape, self.tokenizer.pad_token_id, dtype=np.int64)
        input_ids[mask] = np.concatenate(rows)
        given = dict(zip(INPUTS, (input_ids, mask.astype(np.int64)), strict=True))
        probabilities: np.ndarray = self.session.run([OUTPUT], given)[0].astype(np.float64)  # (B, n_classes)
        if not self.spec.several:
            probabilities /= probabilities.sum(axis=1, keepdims=True)  # as float32 they sum to 1 but for its rounding
        return probabilities

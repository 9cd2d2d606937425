"""Whether leaving words out says the same as gradients do: our explanations beside captum's integrated gradients.

    python -m benchmarks.explain [--texts N] [--steps N]

Tunes the quickstart's recipe on ETHOS, and explains the answers to test texts of five words or more both ways: by the
log odds that each word adds (leave-one-out), and by integrated gradients of the same log odds along the embeddings,
summed over a word's tokens. Prints the rank correlation within a text, that with words in a drawn order beside it, and
how often both name the same word first. Needs captum (`pip install captum`). Exit status 0 whatever comes out.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import bootstrap, spearmanr

from agile_classifier.config.files import load_config
from agile_classifier.models.explanations.leave_one_out import Explanation, Word, explain_texts, find_words
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.studies.trial import read_base_model, read_parts
from agile_classifier.training.fine_tuning import fine_tune
from benchmarks.quality import CONFIGS

FEWEST_WORDS = 5
Floats = NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print correlations and their intervals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=100)
    parser.add_argument("--steps", type=int, default=50)
    given = parser.parse_args(arguments)
    config = load_config(CONFIGS / "ethos.yaml", overrides=("model.quantization=none", "fine_tune.epochs=3"))
    parts, class_names = read_parts(config)
    base = read_base_model(config.model)
    spec = ClassifierSpec.describe(config.model, class_names=class_names, base_digest="")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        fine_tune(
            parts, spec, config.fine_tune, base=base, checkpoints=folder / "checkpoints", output=folder / "adapter"
        )
        predictor = Predictor.load(folder / "adapter", base=base)
    limit = config.model.max_length
    texts = [
        text
        for text, ids in zip(
            parts["test"]["text"], predictor.encode(list(parts["test"]["text"])).input_ids, strict=True
        )
        if len(find_words(text)) >= FEWEST_WORDS and len(ids) < limit
    ][: given.texts]
    print(compare(texts, predictor, n_steps=given.steps))
    return 0


def compare(texts: Sequence[str], predictor: Predictor, *, n_steps: int) -> str:
    """The agreement of both ways on some texts, in words."""
    y_pred = predictor.score(texts).argmax(axis=1)
    ours = explain_texts(
        texts, predictor.score, class_names=predictor.spec.class_names, explained=[int(one) for one in y_pred]
    )
    theirs = [integrate(each, int(one), predictor, n_steps=n_steps) for each, one in zip(ours, y_pred, strict=True)]
    pairs = [(np.array([word.change for word in each.words]), other) for each, other in zip(ours, theirs, strict=True)]
    chance = np.random.default_rng(0)
    found = np.array([spearmanr(one, other).statistic for one, other in pairs])
    drawn = np.array([spearmanr(chance.permutation(one), other).statistic for one, other in pairs])
    same_first = np.mean([np.abs(one).argmax() == np.abs(other).argmax() for one, other in pairs])
    by_chance = np.mean([1 / len(one) for one, _ in pairs])
    return "\n".join([
        f"{len(pairs)} texts of {np.mean([len(one) for one, _ in pairs]):.1f} words on average",
        f"rank correlation within a text: {_with_interval(found)}; words in a drawn order: {_with_interval(drawn)}",
        f"the same word first: {same_first:.0%} of texts; by chance {by_chance:.0%}",
        f"share of change that the telling words explain: {np.mean([each.told_share for each in ours]):.2f} by"
        f" {np.mean([len(each.telling()) for each in ours]):.1f} words",
    ])  # fmt: skip


def integrate(explanation: Explanation, class_number: int, predictor: Predictor, *, n_steps: int) -> Floats:
    """Integrated gradients of the class' log odds, of shape (n_words,): summed over each word's tokens."""
    from captum.attr import LayerIntegratedGradients

    encoded = predictor.tokenizer(explanation.text, return_offsets_mapping=True, return_tensors="pt")
    ids, mask, offsets = encoded["input_ids"], encoded["attention_mask"], encoded["offset_mapping"][0].tolist()
    special = torch.isin(ids, torch.tensor(predictor.tokenizer.all_special_ids))
    baseline = torch.where(special, ids, torch.full_like(ids, int(predictor.tokenizer.pad_token_id)))

    def log_odds(input_ids: torch.Tensor) -> torch.Tensor:
        logits = predictor.network(input_ids, mask.expand(len(input_ids), -1))["logits"].double()
        others = torch.cat([logits[:, :class_number], logits[:, class_number + 1 :]], dim=1)
        return logits[:, class_number] - others.logsumexp(dim=1)

    embeddings = predictor.network.encoder.get_base_model().get_input_embeddings()
    given = LayerIntegratedGradients(log_odds, embeddings).attribute(
        ids, baselines=baseline, n_steps=n_steps, internal_batch_size=16
    )
    by_token = given.sum(-1)[0].detach().double().numpy()
    spans = list(zip(by_token, offsets, strict=True))
    return np.array([sum(value for value, span in spans if _lies_in(span, word)) for word in explanation.words])


def _lies_in(span: tuple[int, int], word: Word) -> bool:
    """Whether a token begins in a word; special tokens have no length."""
    start, end = span
    return end > start and word.start <= start < word.end


def _with_interval(values: Floats) -> str:
    known = values[np.isfinite(values)]
    between = bootstrap((known,), np.mean, rng=0).confidence_interval
    return f"{known.mean():.2f} (95 % interval {between.low:.2f} to {between.high:.2f}, n = {len(known)})"


if __name__ == "__main__":
    raise SystemExit(main())

"""Cells of the benchmark: one arm on one split, trained and asked about plain and attacked texts."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from agile_classifier.config.files import load_config
from agile_classifier.config.moderation.evasion import EvasionConfig
from agile_classifier.config.run import RunConfig
from agile_classifier.data.evasion.normalize import normalize_texts
from agile_classifier.evaluation.contenders import choose_threshold
from agile_classifier.evaluation.evasion.measure import Attacked, measure_evasion
from agile_classifier.metrics.comparison import Answers
from agile_classifier.metrics.metrics import evaluate_scores
from agile_classifier.models.embeddings import embed
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.prompts.injections import list_injections
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.studies.trial import read_base_model, read_parts
from agile_classifier.training.augmentation import augment
from agile_classifier.training.fine_tuning import fine_tune
from benchmarks.quality import CONFIGS

Floats = NDArray[np.float64]
Score = Callable[[Sequence[str]], Floats]
JUDGED = {"tuned": ("test",), "probe": ("validation", "test"), "prompted": ("test",)}
"""Model → parts that are attacked; what is recommended is chosen by the probe's validation."""
MODELS = tuple(JUDGED)
SPLIT = {"split.method": "shuffle", "split.train": 640, "split.validation": 160, "split.test": 198}
NORMALIZE, AUGMENT = {"data.normalize": ["all"]}, {"fine_tune.augment.attacks": ["all"]}
ARMS: Mapping[str, Mapping[str, Any]] = {
    "nothing": {},
    "normalize": NORMALIZE,
    "augment": AUGMENT,
    "both": {**NORMALIZE, **AUGMENT},
}
"""Arm → fields of the config that differ."""
EVASION = EvasionConfig(attacks=("all",))  # type: ignore[arg-type]  # read by its validator
RESAMPLES = 100
"""Bootstrap resamples of an interval that is not shown: the spread over splits is."""


def run_cell(model: str, arm: str, split: int) -> dict[str, Any]:
    """One arm on one split: what each attack does to its answers on validation and test."""
    began = time.monotonic()
    config = configure(model, arm, split)
    parts, class_names = read_parts(config)
    with _SCORERS[model](config, parts, class_names) as (score, predictor):
        validation = parts["validation"]
        threshold = choose_threshold(
            config.evaluation,
            y_true=validation["label"].to_numpy(),
            y_score=score(list(validation["text"])),
            n_classes=2,
        )
        judged = {part: _judge(score, parts[part], threshold, predictor) for part in JUDGED[model]}
    sizes = {f"n_{part}": len(rows) for part, rows in parts.items()}
    facts = {"model": model, "arm": arm, "split": split, **sizes, "seconds": round(time.monotonic() - began, 1)}
    print(facts, flush=True)
    return {**facts, **judged}


def configure(model: str, arm: str, split: int) -> RunConfig:
    """Config of a cell: the quickstart's recipe on ETHOS, or the one of SmolLM2."""
    name, recipe = ("ethos-smollm2", {}) if model == "prompted" else ("ethos", {"fine_tune.epochs": 3})
    changed = {**SPLIT, "split.seed": split, **recipe, **ARMS[arm]}
    return load_config(
        CONFIGS / f"{name}.yaml", overrides=tuple(f"{field}={value}" for field, value in changed.items())
    )


def _judge(score: Score, rows: pd.DataFrame, threshold: float | None, predictor: Predictor | None) -> dict[str, Any]:
    """Attack, or `none` → metrics and flips."""
    texts, y_true = list(rows["text"]), rows["label"].to_numpy()
    plain = Answers(score(texts), threshold)
    prompt = predictor.spec.prompt if predictor else None
    injections = list_injections(prompt, predictor.tokenizer) if predictor and prompt else {}
    found = measure_evasion(
        score, texts, y_true, plain, settings=EVASION, injections=injections, n_resamples=RESAMPLES, seed=1
    )
    metrics = evaluate_scores(y_true=y_true, y_score=plain.y_score, decision_threshold=threshold)
    return {
        "none": {"roc_auc": metrics["roc_auc"], "f1": metrics["f1"]},
        **{name: _facts(one) for name, one in found.items()},
    }


def _facts(one: Attacked) -> dict[str, Any]:
    return {**one.metrics, "n": one.flips.n, "n_flipped": one.flips.n_hit}


Parts = Mapping[str, pd.DataFrame]


@contextmanager
def _tuned(config: RunConfig, parts: Parts, class_names: Sequence[str]) -> Iterator[tuple[Score, Predictor]]:
    base = read_base_model(config.model)
    spec = ClassifierSpec.describe(
        config.model, class_names=class_names, base_digest="", normalize=config.data.normalize
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        fine_tune(
            parts, spec, config.fine_tune, base=base, checkpoints=folder / "checkpoints", output=folder / "adapter"
        )
        predictor = Predictor.load(folder / "adapter", base=base)
        yield predictor.score, predictor


@contextmanager
def _probe(config: RunConfig, parts: Parts, _: Sequence[str]) -> Iterator[tuple[Score, None]]:
    """Logistic regression on the untuned model, of texts normalised and augmented as the network's are."""
    base, length = read_base_model(config.model), config.model.max_length

    def read(texts: Sequence[str]) -> Floats:
        cleaned = normalize_texts(texts, config.data.normalize)
        if new := [text for text in dict.fromkeys(cleaned) if text not in _EMBEDDED]:
            _EMBEDDED.update(zip(new, embed(new, base=base, max_length=length), strict=True))
        return np.stack([_EMBEDDED[text] for text in cleaned]).astype(np.float64)

    train = augment(parts["train"], config.fine_tune.augment, seed=config.fine_tune.seed)
    probe = LogisticRegression(max_iter=5000).fit(read(list(train["text"])), train["label"])
    yield lambda texts: np.asarray(probe.predict_proba(read(texts))), None


_EMBEDDED: dict[str, NDArray[np.float32]] = {}
"""Embeddings that earlier cells have made: an attack writes a text the same way in every split."""
_SCORERS: Mapping[str, Any] = {"tuned": _tuned, "prompted": _tuned, "probe": _probe}

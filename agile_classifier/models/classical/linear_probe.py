"""Linear probe: logistic regression on the untuned model's features, as the head that tuning starts from.

A head of random numbers bends the features before it has learnt anything itself; one that is right from the start lets
them keep what they know (linear probing, then fine-tuning: arXiv 2202.10054).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn
from transformers import PreTrainedTokenizerBase

from agile_classifier.label_sets import part_labels
from agile_classifier.models.encoding import TOKENS_PER_BATCH, token_batches
from agile_classifier.models.network.network import TextClassifier

Floats = NDArray[np.float64]
STRENGTH = 1.0
"""Inverse of the regularisation, scikit-learn's `C`, for features of length 1 a layer."""
MOST_PROBED = 20_000
"""Texts that a probe learns from; of more a sample, since the features of all might not fit into memory."""


def choose_probed(n_texts: int, *, seed: int) -> list[int]:
    """Positions of the texts that a probe learns from, in order: all, or a sample of `MOST_PROBED`."""
    if n_texts <= MOST_PROBED:
        return list(range(n_texts))
    return sorted(np.random.default_rng(seed).choice(n_texts, MOST_PROBED, replace=False).tolist())


@torch.inference_mode()
def read_features(
    network: TextClassifier, input_ids: Sequence[Sequence[int]], *, tokenizer: PreTrainedTokenizerBase
) -> Floats:
    """What the head is given of each text, of shape (n, width), in the order of the texts."""
    was_training, device = network.training, next(network.parameters()).device
    network.eval()
    features: list[Floats] = [np.empty(0)] * len(input_ids)
    for batch in token_batches(np.asarray([len(ids) for ids in input_ids]), budget=TOKENS_PER_BATCH):
        padded = tokenizer.pad({"input_ids": [input_ids[row] for row in batch]}, return_tensors="pt", padding=True)
        read = network.read(network.encoder, padded["input_ids"].to(device), padded["attention_mask"].to(device))
        for row, vector in zip(batch, read.double().cpu().numpy(), strict=True):
            features[row] = vector
    network.train(was_training)
    return np.stack(features)


def fit_probe(features: ArrayLike, train: pd.DataFrame) -> LogisticRegression:
    """Logistic regression on what training reads of `train`.

    `label`, or `target` in its place, with `weight` where there is one.

    A target of 0.8 is one text that stands twice, as class 1 with weight 0.8 and as class 0 with weight 0.2.
    """
    rows, label = np.asarray(features), train["label"].to_numpy()
    weight = train["weight"].to_numpy() if "weight" in train else np.ones(len(train))
    if "target" in train:
        target = train["target"].to_numpy()
        rows, label = np.concatenate([rows, rows]), np.repeat([1, 0], len(train))
        weight = np.concatenate([weight * target, weight * (1 - target)])
    return LogisticRegression(C=STRENGTH, max_iter=5000).fit(rows, label, sample_weight=weight)


def fit_probes(features: ArrayLike, train: pd.DataFrame, *, n_labels: int) -> list[LogisticRegression]:
    """A probe for each of several labels, of which `label` of `train` holds sets; every label must occur and lack."""
    present = part_labels(train["label"], n_labels)
    return [fit_probe(features, pd.DataFrame({"label": present[:, number]})) for number in range(n_labels)]


def score_probe(
    features: Mapping[str, ArrayLike],
    train: pd.DataFrame,
    *,
    parts: Sequence[str],
    n_classes: int,
    several: bool = False,
) -> dict[str, Floats]:
    """Score parts by the probe of `train`: probabilities of shape (n, n_classes) each; a class that train misses has 0.

    With several labels, by a probe for each.

    Parameters
    ----------
    features : mapping of part to array of shape (n, width)
        Features of `train`, row by row, and of every part that is scored.
    """
    found = {part: np.zeros((len(np.asarray(features[part])), n_classes)) for part in parts}
    if several:
        probes = fit_probes(features["train"], train, n_labels=n_classes)
        for part in (part for part, full in found.items() if len(full)):
            rows = np.asarray(features[part])
            found[part] = np.column_stack([probe.predict_proba(rows)[:, 1] for probe in probes])
    elif any(map(len, found.values())):
        probe = fit_probe(features["train"], train)
        for part, full in found.items():
            if len(full):
                full[:, probe.classes_] = probe.predict_proba(np.asarray(features[part]))
    return found


@torch.no_grad()
def start_at_probe(head: nn.Module, features: ArrayLike, train: pd.DataFrame, *, several: bool = False) -> None:
    """Give the linear layer of a head the coefficients of the probe; with several labels, of the probe of each.

    A class that train misses keeps what it was drawn as.
    """
    layer = next(module for module in head.modules() if isinstance(module, nn.Linear))
    if several:
        probes = fit_probes(features, train, n_labels=layer.out_features)
        layer.weight.copy_(torch.as_tensor(np.concatenate([probe.coef_ for probe in probes])))
        layer.bias.copy_(torch.as_tensor(np.concatenate([probe.intercept_ for probe in probes])))
        return
    probe = fit_probe(features, train)
    weight, bias = probe.coef_, probe.intercept_
    if len(probe.classes_) == 2:  # one row for the log-odds of the second class: half to it, half from the first
        weight, bias = np.concatenate([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
    classes = torch.as_tensor(probe.classes_)
    layer.weight[classes] = torch.as_tensor(weight).to(layer.weight)
    layer.bias[classes] = torch.as_tensor(bias).to(layer.bias)

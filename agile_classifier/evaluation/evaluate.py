"""Examination: best and last checkpoint and the baselines on every test row, and the texts behind the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agile_classifier.config.evaluation import EvaluationConfig
from agile_classifier.config.moderation.decision import BandsConfig
from agile_classifier.errors import GateRefused
from agile_classifier.evaluation.bands import examine_bands, require_class
from agile_classifier.evaluation.bias.figures import GroupReport, find_positive, measure_groups
from agile_classifier.evaluation.bias.groups import read_groups
from agile_classifier.evaluation.contenders import (
    PREFIXES,
    Evaluation,
    Floats,
    choose_baseline_threshold,
    choose_threshold,
    evaluate_contenders,
    require_cuttable,
    score_baselines,
)
from agile_classifier.evaluation.ensemble.figures import MEMBERS
from agile_classifier.evaluation.ensemble.members import CHECKPOINTS, Scores, describe_members, score_networks
from agile_classifier.evaluation.evasion.tried import Tried
from agile_classifier.evaluation.reports.evaluation import wrong_rows
from agile_classifier.evaluation.reports.inputs import Review
from agile_classifier.evaluation.review import find_neighbours, find_suspects, sweep_label_threshold
from agile_classifier.evaluation.score_tables import score_table
from agile_classifier.evaluation.several.views import read_truth
from agile_classifier.evaluation.slices import list_slices, measure_slices
from agile_classifier.metrics.calibration import Calibration, fit_calibration
from agile_classifier.metrics.comparison import Answers
from agile_classifier.models.classical.baselines import BASELINES
from agile_classifier.models.classical.linear_probe import choose_probed, score_probe
from agile_classifier.models.embeddings import embed_parts
from agile_classifier.models.encoded import Encoded
from agile_classifier.models.encoding import encode, load_tokenizer
from agile_classifier.models.ensemble.bases import Base, find_bases
from agile_classifier.models.ensemble.members import list_networks
from agile_classifier.models.spec import TOKENIZER_FOLDER, ClassifierSpec
from agile_classifier.training.history import History

CALIBRATED = (*CHECKPOINTS.values(), *MEMBERS)
"""Contenders whose probabilities are calibrated on validation."""


@dataclass(frozen=True)
class Examination:
    """What was measured, the scores behind it, and what the texts say about both."""

    evaluation: Evaluation
    test_scores: pd.DataFrame
    """Scores of the test rows, as `evaluation.score_tables.score_table` makes them."""
    review: Review


@dataclass(frozen=True)
class _Embedded:
    """What the frozen base model sees in the texts."""

    train: pd.DataFrame
    """Train rows that were embedded, all or a sample."""
    features: Mapping[str, NDArray[np.float32]]
    """Part → features of its rows, of shape (n, d)."""


@dataclass(frozen=True)
class _Chosen:
    """A contender's answers on test, by what was chosen on validation."""

    answers: Answers
    calibration: Calibration


def examine(
    *,
    adapter: Path,
    base: Base,
    train: pd.DataFrame,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    label_threshold: float | None,
    settings: EvaluationConfig,
    bands: BandsConfig = BandsConfig(),
    n_checkpoints: int = 1,
) -> Examination:
    """Measure every contender on the test rows, and look at the texts behind the numbers.

    Each checkpoint's calibration and decision threshold are chosen on its own validation scores, in this order; a
    baseline has the threshold alone. Only the candidate, which is what is registered, can be refused by a policy.

    Parameters
    ----------
    label_threshold : float or None
        Where the scores of the parts were cut; None where classes are given.
    bands : BandsConfig
        What is promised of texts that are decided without a person.
    n_checkpoints : int
        Most checkpoints among which validation has chosen.
    """
    spec, others = ClassifierSpec.load(adapter), {"validation": validation, "test": test}
    require_cuttable(settings, n_classes=2 if spec.several else spec.n_classes)
    require_class(bands, spec.class_names, several=spec.several)
    encoded = _encode(adapter, spec, others)
    embedded = _embed(train, others, base=find_bases(adapter, base)[0], spec=spec, seed=settings.seed)
    by_networks, speeds = score_networks(adapter, base, spec, others, encoded)
    y_score = {
        **by_networks,
        **_score_baselines(train, others, spec),
        "frozen": score_probe(
            embedded.features, embedded.train, parts=tuple(others), n_classes=spec.n_classes, several=spec.several
        ),
    }
    chosen = {
        name: _choose(name, y_score[name], validation, settings=settings, spec=spec)
        for name in PREFIXES
        if name in y_score
    }
    banding = examine_bands(
        bands, {"train": train, **others}, y_score["candidate"], class_names=spec.class_names,
        several=spec.several, n_checkpoints=n_checkpoints,
    )  # fmt: skip
    evaluation = _evaluate(chosen, test, counts=_count_changed(adapter, others, encoded), settings=settings, spec=spec)
    answers = chosen["candidate"].answers
    tried = Tried(adapter, base, chosen["candidate"].calibration, answers)
    measured = {
        "banding": banding,
        "groups": _measure_groups(answers, test, class_names=tuple(spec.class_names), settings=settings),
        "evasion": {} if spec.several else tried.evade(test, settings),
        "members": describe_members(adapter, speeds) if speeds else (),
    }
    evaluation = evaluation.model_copy(update=measured)
    review = _review(
        answers, embedded, test, cut=encoded["test"].cut, label_threshold=label_threshold, settings=settings, spec=spec
    )
    if not spec.several:
        review = replace(review, explained=tried.explain(list(test["text"]), tuple(review.neighbours), settings))
    scores = {name: one.answers.y_score for name, one in chosen.items()}
    return Examination(evaluation, score_table(test, scores), review)


def require_whole_texts(evaluation: Evaluation, *, limit: float | None) -> None:
    """Let a model be judged only where it has read most of the texts to their end.

    Raises
    ------
    GateRefused
        More of the test texts were cut than the limit allows.
    """
    n_cut = evaluation.n_cut["test"]
    if limit is not None and n_cut > limit * evaluation.n_test:
        raise GateRefused(
            f"{n_cut} of {evaluation.n_test} test texts are longer than model.max_length, and were cut;"
            f" evaluation.cut_limit allows {limit:.1%}: raise the one or the other"
        )


def _encode(adapter: Path, spec: ClassifierSpec, parts: Mapping[str, pd.DataFrame]) -> dict[str, Encoded]:
    """Each part's texts tokenized once, for every checkpoint: they share the tokenizer."""
    tokenizer = load_tokenizer(adapter / TOKENIZER_FOLDER)
    return {
        part: encode(spec.clean(rows["text"]), tokenizer=tokenizer, max_length=spec.max_length, prompt=spec.prompt)
        for part, rows in parts.items()
    }


def _embed(
    train: pd.DataFrame, others: Mapping[str, pd.DataFrame], *, base: Path, spec: ClassifierSpec, seed: int
) -> _Embedded:
    probed = train.iloc[choose_probed(len(train), seed=seed)]
    texts = {part: spec.clean(rows["text"]) for part, rows in {"train": probed, **others}.items()}
    return _Embedded(probed, embed_parts(texts, base=base, max_length=spec.max_length))


def _score_baselines(
    train: pd.DataFrame, others: Mapping[str, pd.DataFrame], spec: ClassifierSpec
) -> dict[str, dict[str, Floats]]:
    """Baseline → part → scores, of texts normalised as the classifier's are."""
    read = {part: rows.assign(text=spec.clean(rows["text"])) for part, rows in {"train": train, **others}.items()}
    return score_baselines(
        read.pop("train"), read, names=tuple(BASELINES), n_classes=spec.n_classes, several=spec.several
    )


def _choose(
    name: str, y_score: Scores, validation: pd.DataFrame, *, settings: EvaluationConfig, spec: ClassifierSpec
) -> _Chosen:
    """Calibrate a checkpoint on validation, then cut it or a baseline there."""
    y_true = _read_truth(validation, spec)
    calibration = Calibration()
    if name in CALIBRATED:
        calibration = fit_calibration(settings.calibration, y_true=y_true, y_score=y_score["validation"])
    choose = choose_threshold if name == "candidate" else choose_baseline_threshold
    on_validation = calibration.apply(y_score["validation"])
    threshold = choose(settings, y_true=y_true, y_score=on_validation, n_classes=spec.n_classes, names=spec.class_names)
    return _Chosen(Answers(calibration.apply(y_score["test"]), threshold), calibration)


def _count_changed(
    adapter: Path, parts: Mapping[str, pd.DataFrame], encoded: Mapping[str, Encoded]
) -> dict[str, dict[str, int]]:
    """`n_cut` and `n_escaped`: part → texts that were cut, or escaped, before the model read them.

    Of an ensemble the most that one of its networks had so.
    """
    first, *others = list_networks(adapter)
    read = [(first, encoded), *((each, _encode(each, ClassifierSpec.load(each), parts)) for each in others)]
    histories = [History.load(network) for network, _ in read]
    return {
        "n_cut": {"train": max(history.n_cut_train for history in histories)}
        | {part: max(texts[part].n_cut for _, texts in read) for part in encoded},
        "n_escaped": {"train": max(history.n_escaped_train for history in histories)}
        | {part: max(texts[part].n_escaped for _, texts in read) for part in encoded},
    }


def _evaluate(
    chosen: Mapping[str, _Chosen],
    test: pd.DataFrame,
    *,
    counts: Mapping[str, Mapping[str, int]],
    settings: EvaluationConfig,
    spec: ClassifierSpec,
) -> Evaluation:
    return evaluate_contenders(
        _read_truth(test, spec),
        {name: one.answers.y_score for name, one in chosen.items()},
        thresholds={name: one.answers.threshold for name, one in chosen.items()},
        calibrations={name: one.calibration for name, one in chosen.items() if name in CALIBRATED},
        n_resamples=settings.n_resamples,
        seed=settings.seed,
        n_cut=counts["n_cut"],
        n_escaped=counts["n_escaped"],
        label_names=spec.class_names if spec.several else (),
    )


def _read_truth(rows: pd.DataFrame, spec: ClassifierSpec) -> NDArray[np.int64]:
    return read_truth(rows, n_labels=spec.n_classes if spec.several else None)


def _measure_groups(
    answers: Answers, test: pd.DataFrame, *, class_names: tuple[str, ...], settings: EvaluationConfig
) -> GroupReport | None:
    """The candidate on the groups of people that test texts name; None where no group was asked for."""
    groups = read_groups(test)
    if not groups:
        return None
    return measure_groups(
        groups,
        y_true=test["label"].to_numpy(),
        answers=answers,
        positive=find_positive(settings.groups.positive, class_names),
        class_names=class_names,
        n_resamples=settings.n_resamples,
        seed=settings.seed,
    )


def _review(
    answers: Answers,
    embedded: _Embedded,
    test: pd.DataFrame,
    *,
    cut: Sequence[int],
    label_threshold: float | None,
    settings: EvaluationConfig,
    spec: ClassifierSpec,
) -> Review:
    """The texts behind the candidate's numbers; `cut`: test rows whose texts are longer than the model reads."""
    y_true, features = _read_truth(test, spec), embedded.features
    slices = measure_slices(
        list_slices(test, columns=settings.slices, label_threshold=label_threshold),
        y_true=y_true,
        y_score=answers.y_score,
        decision_threshold=answers.threshold,
        n_resamples=settings.n_resamples,
        seed=settings.seed,
    )
    wrong = wrong_rows(y_true, answers.y_score, answers.threshold)
    near = find_neighbours(features["test"][wrong], features["train"], embedded.train)
    suspects = None if spec.several else find_suspects(features["train"], embedded.train, seed=settings.seed)
    cuts = []
    if label_threshold is not None:
        cuts = sweep_label_threshold(test, answers.y_score, label_threshold=label_threshold)
    return Review(slices, dict(zip(wrong, near, strict=True)), suspects, cuts, cut)

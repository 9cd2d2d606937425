"""Labelling and splitting: from validated examples to the three parts, and the facts that a report must state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.data_quality import DataQualityConfig
from agile_classifier.config.labels.many import MANY
from agile_classifier.config.split import SplitConfig
from agile_classifier.data import splits
from agile_classifier.data.duplicates.handling import DuplicateFacts, Handled, handle_duplicates
from agile_classifier.data.duplicates.learnt import LearntTexts
from agile_classifier.data.duplicates.parts import leave_out_copies, move_units_to_validation, split_whole
from agile_classifier.data.duplicates.start_copies import StartCopies, leave_out_learnt
from agile_classifier.data.labels.classes import label_given
from agile_classifier.data.labels.cut import count_ties, doubt_weights, label_scores, soft_targets, vote_targets
from agile_classifier.data.labels.kept import (
    KeptThreshold,
    ThresholdFacts,
    choose_label_threshold,
    compare_thresholds,
)
from agile_classifier.data.labels.kinds import label_any
from agile_classifier.data.labels.many import label_many
from agile_classifier.data.labels.unlabelled import leave_out_unlabelled
from agile_classifier.data.part_checks import require_both_of_labels, require_two_classes
from agile_classifier.data.raters.answers import RATINGS, read_ratings
from agile_classifier.data.raters.ceiling import Ceiling, measure_ceiling
from agile_classifier.data.raters.facts import RaterFacts
from agile_classifier.data.splits import PARTS, Split
from agile_classifier.data.tables import examples_digest, read_kept
from agile_classifier.label_sets import part_labels


class PartFacts(BaseModel):
    """What a report states of a part."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    n_rows: int
    class_rows: dict[str, int]
    """Class name → rows; with several labels, the rows that carry each."""
    class_shares: dict[str, float]
    """Class name → share of the rows, to four places; with several labels they do not sum to 1."""
    digest: str
    """SHA-256 of the rows' `id` and `label`."""


class Labelling(BaseModel):
    """How examples were labelled and split, as every later step and every report states it."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    label_threshold: float | None
    """Score at and above which an example is of class 1; None where classes are given."""
    n_doubtful: int
    """Texts of train so near to the label threshold that they count less, or were left out."""
    n_ties: int
    """Examples whose score is the label threshold."""
    class_names: tuple[str, ...]
    """Names of classes 0, 1, …; with several labels, of the labels."""
    several: bool = False
    """Whether a text may carry several labels, so that `label` holds sets of them (`agile_classifier.label_sets`)."""
    n_unused: int
    """Examples with a label in no part."""
    n_unlabelled: int = 0
    """Examples left out because they have no label (`labels.unlabelled: leave_out`)."""
    parts: dict[str, PartFacts]
    """`train`, `validation`, `test` → what is stated of it."""
    duplicates: DuplicateFacts | None = None
    """What was done with texts that stand more than once; None where every row is kept."""
    origin: str = ""
    """Where the label threshold is from, as a clause: fitted on which rows, kept from which version, or set."""
    kept: KeptThreshold | None = None
    """Label threshold of the champion as it was looked up; None where none was."""
    threshold: ThresholdFacts | None = None
    """What became of the champion's label threshold; None where there was none to keep."""
    raters: RaterFacts | None = None
    """How far the raters of all examples agree; None where there are none."""
    ceiling: Ceiling | None = None
    """How far one rater goes with the others on test; None where no test text has two answers."""
    start_copies: StartCopies | None = None
    """Examples that the classifier had learnt which training goes on from; None without one."""


@dataclass(frozen=True)
class Labelled:
    """Examples with a `label` column, in three parts."""

    parts: dict[str, pd.DataFrame]
    """`train`, `validation`, `test`, each in its order of use."""
    labelling: Labelling


def label_examples(
    examples: pd.DataFrame,
    labels: LabelsConfig,
    *,
    fit_rows: np.ndarray | None = None,
    kept: KeptThreshold | None = None,
) -> tuple[pd.Series, tuple[str, ...], float | None]:
    """Labels, names of the classes and, for a rule that cuts scores, the label threshold.

    With several labels a label is the set of them (`agile_classifier.label_sets`), and the names are the labels'.

    Parameters
    ----------
    fit_rows : array of positions
        Rows that the label threshold may be fitted on; all without it.
    kept : KeptThreshold, optional
        The champion's label threshold, which goes on unless `labels` say otherwise.
    """
    if labels.rule == "given":
        label, order = label_given(read_kept(examples, labels.columns[0]), labels)
        return label, order, None
    class_names = labels.class_names or ("0", "1")
    if labels.rule in ("any", MANY):
        columns = pd.DataFrame({name: read_kept(examples, name) for name in labels.columns})
        return (
            (*label_many(columns, labels), None)
            if labels.rule == MANY
            else (label_any(columns, labels), class_names, None)
        )
    threshold = choose_label_threshold(_scores_of_fit(examples, fit_rows), labels, kept)
    return label_scores(examples["score"], label_threshold=threshold), class_names, threshold


def label_and_split(
    examples: pd.DataFrame,
    labels: LabelsConfig,
    split: SplitConfig,
    quality: DataQualityConfig = DataQualityConfig(),
    kept: KeptThreshold | None = None,
    learnt: LearntTexts | None = None,
) -> Labelled:
    """Split, then label: the label threshold sees `train` alone unless `labels.fit_on` is `all`.

    Parameters
    ----------
    kept : KeptThreshold, optional
        The champion's label threshold, which goes on unless `labels` say otherwise; without it one is fitted.
    learnt : LearntTexts, optional
        What the classifier has learnt that training goes on from: left out of validation and test.

    Raises
    ------
    InputError
        A part is too small or holds one class, or the start had learnt all of it.
    GateRefused
        As `agile_classifier.data.duplicates.handling.handle_duplicates`.
    """
    labelled = leave_out_unlabelled(examples, labels)
    placed = _place(labelled, labels, split, quality, learnt)
    places, votes = placed.places, placed.handled.votes
    fit_rows = places.train if labels.fit_on == "train" else None
    rows = placed.handled.examples
    label, class_names, threshold = label_examples(rows, labels, fit_rows=fit_rows, kept=kept)
    told = rows.assign(label=label)
    parts = {part: told.iloc[getattr(places, part)].reset_index(drop=True) for part in PARTS}
    if votes is not None:
        parts["train"] = parts["train"].assign(target=votes.to_numpy()[places.train])
    n_doubtful, n_ties, facts = 0, 0, None
    if threshold is not None:
        parts["train"], n_doubtful = _teach(parts["train"], labels, label_threshold=threshold)
        n_ties = count_ties(rows["score"], label_threshold=threshold)
        facts = compare_thresholds(rows["score"], _scores_of_fit(rows, fit_rows), labels, kept)
    several = labels.rule == MANY
    if several:
        require_both_of_labels(parts, class_names)
    else:
        require_two_classes(parts, class_names, facts)
    ceiling = measure_ceiling(read_ratings(parts["test"]), label_threshold=threshold, how=labels.raters)
    parts = {part: frame.drop(columns=RATINGS, errors="ignore") for part, frame in parts.items()}
    labelling = Labelling(
        label_threshold=threshold,
        n_doubtful=n_doubtful,
        n_ties=n_ties,
        class_names=class_names,
        several=several,
        n_unused=len(rows) - sum(map(len, parts.values())),
        n_unlabelled=len(examples) - len(labelled),
        parts={part: _facts(frame, class_names, several=several) for part, frame in parts.items()},
        duplicates=placed.duplicates,
        origin="" if threshold is None else facts.sentence if facts else _origin(labels),
        kept=kept,
        threshold=facts,
        ceiling=ceiling,
        start_copies=placed.start_copies,
    )
    return Labelled(parts, labelling)


@dataclass(frozen=True)
class _Placed:
    """Examples and the part that each is in."""

    handled: Handled
    places: Split
    duplicates: DuplicateFacts | None
    start_copies: StartCopies | None


def _place(
    examples: pd.DataFrame,
    labels: LabelsConfig,
    split: SplitConfig,
    quality: DataQualityConfig,
    learnt: LearntTexts | None,
) -> _Placed:
    """Handle duplicates, split, and leave out copies of what is held out or what the start has learnt."""
    given = None if labels.needs_score else label_examples(examples, labels)[0]
    handled = handle_duplicates(examples, given, split, quality)
    places, duplicates, start_copies = _split(handled, labels, split), handled.facts, None
    if split.method == "stable" and handled.unit is not None:
        every, places = places, leave_out_copies(places, handled.unit, ids=handled.examples["id"])
        duplicates = duplicates and duplicates.model_copy(update={"n_left_out": every.n_rows - places.n_rows})
    if learnt is not None:
        places, start_copies = leave_out_learnt(places, handled.examples["text"], learnt)
    return _Placed(handled, places, duplicates, start_copies)


def _scores_of_fit(examples: pd.DataFrame, fit_rows: np.ndarray | None) -> pd.Series:
    """Scores that the label threshold may be fitted on."""
    return examples["score"] if fit_rows is None else examples["score"].iloc[fit_rows]


def _origin(labels: LabelsConfig) -> str:
    """Where a label threshold is from that follows no champion's."""
    rows = "train" if labels.fit_on == "train" else "all rows"
    return "set by labels.value" if labels.fitted_rule is None else f"fitted on {rows}"


def _teach(train: pd.DataFrame, labels: LabelsConfig, *, label_threshold: float) -> tuple[pd.DataFrame, int]:
    """Train with what its scores add to the labels, and how many texts were doubtful.

    These are the columns `target` and `weight`; texts of weight 0 are left out.
    """
    columns, counts = dict[str, pd.Series](), pd.Series(1.0, index=train.index)
    if labels.target == "soft":
        columns["target"] = soft_targets(train["score"], label_threshold=label_threshold, softness=labels.softness)
    if labels.target == "votes":
        columns["target"], counts = vote_targets(train, label_threshold=label_threshold, most=labels.most_votes)
    n_doubtful = 0
    if labels.doubtful_band:
        band, weight = labels.doubtful_band, labels.doubtful_weight
        doubt = doubt_weights(train["score"], label_threshold=label_threshold, band=band, weight=weight)
        counts, n_doubtful = counts * doubt, int((doubt < 1).sum())
    if labels.target == "votes" or labels.doubtful_weight:
        columns["weight"] = counts / counts.mean()
    taught = train.assign(**columns)[counts > 0]
    return taught.reset_index(drop=True), n_doubtful


def _split(handled: Handled, labels: LabelsConfig, split: SplitConfig) -> Split:
    places = _cut_parts(handled, labels, split)
    if split.validation_share is None:
        return places
    if handled.unit is not None:
        return move_units_to_validation(places, handled.unit, share=split.validation_share, seed=split.seed)
    return splits.move_to_validation(places, share=split.validation_share, seed=split.seed)


def _cut_parts(handled: Handled, labels: LabelsConfig, split: SplitConfig) -> Split:
    examples, unit = handled.examples, handled.unit
    if split.method == "columns":
        return splits.split_columns(read_kept(examples, str(split.column)))
    if split.method == "stable":
        return splits.split_stable(list(examples["text"]), examples.get("group"), split)
    if split.method == "group":
        return splits.split_group(examples["group"] if unit is None else pd.Series(unit), split)
    if split.method == "shuffle":
        one = pd.Series(0, index=examples.index)
        return (
            splits.split_shuffle(len(examples), split)
            if unit is None
            else split_whole(unit, one, split, ids=examples["id"])
        )
    score = examples["score"] if labels.needs_score else None
    strata = label_examples(examples, labels)[0] if score is None else splits.score_strata(score)
    if labels.rule == MANY and unit is None:
        return splits.split_sets(strata, split)
    return (
        splits.split_stratified(strata, split) if unit is None else split_whole(unit, strata, split, ids=examples["id"])
    )


def _facts(frame: pd.DataFrame, class_names: Sequence[str], *, several: bool) -> PartFacts:
    if several:
        held = part_labels(frame["label"], len(class_names)).sum(axis=0)
        class_rows = {name: int(n) for name, n in zip(class_names, held, strict=True)}
    else:
        counts = frame["label"].value_counts()
        class_rows = {name: int(counts.get(number, 0)) for number, name in enumerate(class_names)}
    return PartFacts(
        n_rows=len(frame),
        class_rows=class_rows,
        class_shares={name: round(n / max(1, len(frame)), 4) for name, n in class_rows.items()},
        digest=examples_digest(frame[["id", "label"]]),
    )

"""Config of the evaluation: how a classifier is judged, what it must show to be promoted, and when it has drifted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from agile_classifier.config.bounds import MOST_NAMES, Cell, Names, Rows, Seed
from agile_classifier.config.fairness.groups import GroupsConfig
from agile_classifier.config.fairness.limits import FairnessLimits
from agile_classifier.config.labels.limits import LabelLimits
from agile_classifier.config.moderation.evasion import EvasionConfig, FlipRate
from agile_classifier.config.moderation.shadow import ShadowConfig
from agile_classifier.config.section import Section


class EvaluationConfig(Section):
    """How the tuned classifier is judged."""

    decision_threshold: Literal["best_f1", "cost", "precision", "recall"] | Annotated[float, Field(gt=0, lt=1)] = (
        "best_f1"
    )
    """Cut on the probability of class 1: a number, or by validation: `best_f1` (0.5 where there is no validation; with
    more than two classes, where nothing else is allowed, the likeliest class), least `cost` of errors, best recall at
    a `precision` of `least` or more, best precision at a `recall` of `least` or more. Of several labels each has its
    own."""
    least: Annotated[float, Field(gt=0, le=1)] | None = None
    """Smallest precision or recall on validation, for a `decision_threshold` by either."""
    false_negative_cost: Annotated[float, Field(gt=0, le=1_000_000)] = 1.0
    """For `cost`: what a missed text of class 1 costs, in units of a false alarm."""
    calibration: Literal["none", "auto", "temperature", "platt", "isotonic"] = "none"
    """Map of the probabilities, fitted on validation and kept with the model; `auto`: that of the least log loss over
    folds of validation, none where they are too few."""
    slices: Names = ()
    """Source columns each value of which is judged apart in the report, beside thirds by length and by agreement, and
    groups."""
    groups: GroupsConfig = GroupsConfig()
    """Groups of people that texts name, each judged against the others in the report."""
    evasion: EvasionConfig = EvasionConfig()
    """Attacks by which the candidate is tried on the test rows, as in `evasion: true` or `evasion: [leetspeak]`; none
    by default."""
    explained_errors: Annotated[int, Field(ge=0, le=20)] = 5
    """Worst errors whose words the report weighs, each left out in turn."""
    n_resamples: Annotated[int, Field(ge=100, le=100_000)] = 1000
    """Bootstrap resamples of the test rows."""
    cut_limit: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Largest share of test texts longer than `model.max_length`, and so cut; past it the run is refused. null: only
    reported."""
    seed: Seed = 0
    """Seed of the bootstrap."""

    @model_validator(mode="after")
    def _policy_is_whole(self) -> EvaluationConfig:
        if (self.decision_threshold in ("precision", "recall")) != (self.least is not None):
            raise ValueError(
                "evaluation.least belongs to evaluation.decision_threshold precision or recall;"
                f" found decision_threshold {self.decision_threshold}, least {self.least}"
            )
        default = type(self).model_fields["false_negative_cost"].default
        if self.decision_threshold != "cost" and self.false_negative_cost != default:
            raise ValueError(
                "evaluation.false_negative_cost belongs to evaluation.decision_threshold cost;"
                f" found decision_threshold {self.decision_threshold}, false_negative_cost {self.false_negative_cost}"
            )
        return self

    def cut_refusal(self, n_classes: int) -> str | None:
        """Why the decision threshold asks for what so many classes do not have; None where they have it."""
        if n_classes <= 2 or self.decision_threshold == "best_f1":
            return None
        return (
            f"evaluation.decision_threshold {self.decision_threshold} is a cut between two classes,"
            f" found {n_classes} classes; allowed with more than two is best_f1, the default: no cut, the likeliest"
            " class"
        )


class PromotionConfig(FairnessLimits):
    """What a candidate must show to become champion."""

    metric: Literal["roc_auc", "f1", "pr_auc", "accuracy"] = "roc_auc"
    """Metric that candidate and champion are compared on, and that the verdict of the report rests on."""
    smallest_gain: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Gain that the lower end of the paired 95 % interval must exceed."""
    run_noise: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Standard deviation of `metric` over seeds of the training, as `agile study` states it; the interval is widened
    by it, so that luck of a seed promotes nothing."""
    min_rows: Rows = 100
    """Fewest test rows, unseen by both models, that a comparison may rest on."""
    approval: Literal["automatic", "person"] = "automatic"
    """`automatic`: the numbers decide; `person`: training ends at the candidate, and a promotion run waits for yes or
    no."""
    wait: Annotated[int, Field(gt=0, le=604_800)] = 600
    """Seconds that such a run waits awake, a week at most; then it is paused, and can be decided later."""
    margin: Annotated[float, Field(ge=0, le=10)] | None = None
    """Largest loss in any other metric that the paired 95 % interval may reach; without it they are not looked at."""
    slice_margin: Annotated[float, Field(ge=0, le=1)] | None = None
    """The same for `metric` on every slice: thirds of the texts by length and, with a group column, each group."""
    slice_min_rows: Annotated[int, Field(gt=1, le=1_000_000_000)] = 30
    """Slices of fewer compared rows are not judged."""
    calibration_limit: Annotated[float, Field(gt=0, le=1)] | None = None
    """Largest expected calibration error."""
    parity_limit: Annotated[float, Field(gt=0, le=1)] | None = None
    """Largest change of a probability by saving and reloading, as measured at registration."""
    size_limit: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    """Largest size of the version's own files, in MB; a base model inside counts."""
    max_flip_rate: FlipRate | None = None
    """Largest share of the rightly found texts of class 1 that any attack of `evaluation.evasion` turns round."""
    latency_limit: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    """Largest median time to score one text alone, in ms, on the machine that compares."""
    labels: LabelLimits = LabelLimits()
    """What a candidate must keep on each of several labels; only with `labels.rule: many`."""
    min_automation: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Smallest share of texts decided without a person, by the lower end of its exact 95 % interval; a version without
    bands (`decision.bands`) does not reach it, nor one whose promises the test rows contradict."""
    shadow: ShadowConfig | None = None
    """What the candidate must have shown in the champion's shadow; null: nothing. A first champion needs none."""


DRIFT_LIMITS = (
    "score_psi",
    "score_ks",
    "class_share",
    "length_psi",
    "length_ks",
    "unknown_share",
    "embedding_auc",
)
"""Fields of `MonitoringConfig` that are largest values of a statistic of drift."""
ReviewShare = Annotated[float, Field(gt=0, le=1)]


class MonitoringConfig(Section):
    """How a version is watched in service: by how far a later batch is from its test rows, and by people's verdicts.

    No step of a training is given it.
    """

    on_drift: Literal["warn", "refuse", "train"] = "warn"
    """Past a limit `warn` says so, `refuse` also exits 3, `train` starts the training that made the version again."""
    min_rows: Rows = 100
    """Fewest rows of a batch that anything is concluded from."""
    score_psi: Annotated[float, Field(ge=0, le=100)] = 0.2
    """Largest population stability index of the probabilities."""
    score_ks: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Largest Kolmogorov-Smirnov distance of the probabilities."""
    class_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Largest change of a predicted class's share."""
    length_psi: Annotated[float, Field(ge=0, le=100)] = 0.2
    """Largest population stability index of the lengths in characters."""
    length_ks: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Largest Kolmogorov-Smirnov distance of the lengths."""
    unknown_share: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Largest change of the share of tokens that the tokenizer does not know."""
    embedding_auc: Annotated[float, Field(ge=0.5, le=1)] = 0.65
    """Largest ROC AUC with which embeddings tell a text of the batch from one of the test rows; 0.5 is guessing."""

    review: dict[Cell, ReviewShare] = Field({}, max_length=MOST_NAMES)
    """Predicted class → share of its texts that are marked for a person, by chance, where rows carry a
    `prediction_id`. Recall can be told only if each class has a share."""
    keep_texts: bool = False
    """Whether the texts of served predictions and of verdicts are kept, so that `feedback://MODEL` can train on
    them."""
    period_days: Annotated[int, Field(gt=0, le=3_650)] = 7
    """Days over which precision and recall are measured together."""
    min_verdicts: Rows = 50
    """Fewest predictions with a verdict in a period that decay is concluded from."""
    decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Largest loss of precision or recall: past it lies the whole 95 % interval below the test figure of the
    version."""
    on_decay: Literal["warn", "train"] = "warn"
    """Past that loss `warn` says so, `train` starts the training that made the version again."""

    @property
    def limits(self) -> dict[str, float]:
        """The largest allowed value of every statistic of drift."""
        return self.model_dump(include=set(DRIFT_LIMITS))

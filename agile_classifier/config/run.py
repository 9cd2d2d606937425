"""RunConfig: the one typed description of a run.

A YAML holds only what differs from the defaults of its sections, which stand in `agile_classifier.config.data`,
`.training`, `.evaluation` and here: one default, one place. They stand under `parameters:`, so that the same file is a
ZenML run configuration. A step is given its sections, frozen, and hands them to the domain.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from agile_classifier.config import bounds
from agile_classifier.config.bounds import LONGEST_MODEL_NAME
from agile_classifier.config.data import DataConfig, LabelsConfig, ValidationConfig
from agile_classifier.config.data_quality import DataQualityConfig
from agile_classifier.config.ensemble.members import Planned, list_members, name_member
from agile_classifier.config.evaluation import EvaluationConfig, MonitoringConfig, PromotionConfig
from agile_classifier.config.labels.many import MANY, member_refusal, require_possible
from agile_classifier.config.moderation.decision import DecisionConfig
from agile_classifier.config.moderation.evasion import INJECTIONS
from agile_classifier.config.section import Section
from agile_classifier.config.split import SplitConfig
from agile_classifier.config.training import FineTuneConfig, ModelConfig


class RegistryConfig(Section):
    """Where the model version is kept."""

    model_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\- ]*$", max_length=LONGEST_MODEL_NAME)]
    """Name of the registered model: letters, digits, - _ . and spaces within."""
    include_base: bool = False
    """Whether the version holds the base model itself, rather than a pinned reference to it."""
    parity_rows: Annotated[int, Field(ge=100, le=100_000)] = 200
    """Test texts scored by the reloaded model before it is registered."""
    parity_tolerance: Annotated[float, Field(gt=0, le=1)] | None = None
    """Largest allowed change of a probability by saving and reloading; by default 0.001, and 0.02 where int8 or
    bfloat16 rounds it."""


class CostsConfig(Section):
    """What a run is charged for; no step is given it, so that another price re-runs and re-trains nothing."""

    price_per_hour: Annotated[float, Field(ge=0, le=1_000_000_000)] | None = None
    """Money for one device (GPU, or process on a CPU) for an hour, in any one currency; `fine_tune` then records its
    cost."""


class ScheduleConfig(Section):
    """When new labels are reason enough for a training; no step is given it."""

    min_new_labels: bounds.Rows | None = None
    """Number of labels given or changed in Label Studio since the last training, at which `agile deploy` starts the
    next; without it, its button Start Training alone does."""


class RunConfig(Section):
    """Everything that describes a training run."""

    data: DataConfig
    validation: ValidationConfig = ValidationConfig()
    labels: LabelsConfig = LabelsConfig()
    split: SplitConfig = SplitConfig()
    data_quality: DataQualityConfig = DataQualityConfig()
    model: ModelConfig
    fine_tune: FineTuneConfig = FineTuneConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    decision: DecisionConfig = DecisionConfig()
    registry: RegistryConfig
    promotion: PromotionConfig = PromotionConfig()
    costs: CostsConfig = CostsConfig()
    monitoring: MonitoringConfig = MonitoringConfig()
    schedule: ScheduleConfig = ScheduleConfig()

    @model_validator(mode="before")
    @classmethod
    def _refuse_old_names(cls, sections: Any) -> Any:
        for name in ("honesty", "leakage"):
            if isinstance(sections, dict) and name in sections:
                raise ValueError(f"{name}: this section is called data_quality now, its fields as before; rename it")
        return sections

    @model_validator(mode="after")
    def _sections_agree(self) -> RunConfig:
        if self.labels.needs_score and not self.data.has_score:
            raise ValueError(f"labels.rule {self.labels.rule} cuts scores: name the score column in data.columns.score")
        if self.data.relabel == "mean" and not self.labels.needs_score:
            raise ValueError(
                f"data.relabel mean averages scores, and labels.rule {self.labels.rule} reads classes;"
                " allowed are latest and error"
            )
        self._require_raters()
        if self.split.method == "group" and not self.data.has_group:
            raise ValueError("split.method group needs data.columns.group")
        needy = {
            "decision_threshold": ("cost", "precision", "recall"),
            "calibration": ("temperature", "platt", "isotonic"),
        }
        for field, choices in needy.items():
            if not self.split.has_validation and getattr(self.evaluation, field) in choices:
                raise ValueError(
                    f"evaluation.{field} {getattr(self.evaluation, field)} is fitted on validation:"
                    " raise split.validation, found 0"
                )
        cut = self.evaluation.cut_refusal(len(self.labels.class_names or ()))
        refusal = (None if self.labels.rule == MANY else cut) or self._bands_refusal()
        if refusal is not None:
            raise ValueError(refusal)
        for member in list_members(self.model, self.fine_tune):
            if refusal := self._member_refusal(member):
                raise ValueError(refusal if member.number == 1 else f"{name_member(member.number)}: {refusal}")
        require_possible(self)
        self._require_groups()
        self._require_attacks()
        return self

    def _member_refusal(self, member: Planned) -> str | None:
        """Why a network, or another member of an ensemble, cannot learn from such data; None where it can."""
        model, fine_tune = member.model, member.fine_tune
        many = member_refusal(member) if self.labels.rule == MANY else None
        return many or (None if fine_tune.takes_soft_targets else self._targets_refusal(model, fine_tune))

    def _bands_refusal(self) -> str | None:
        """Why the bands that are asked for can never be found, as far as a config can tell; None where they may be."""
        bands = self.decision.bands
        if not bands.is_asked:
            return None
        if not self.split.has_validation:
            return "decision.bands are found on validation: raise split.validation, found 0"
        names = self.labels.class_names
        return None if names is None else bands.class_refusal(names, several=self.labels.rule == MANY)

    def _require_groups(self) -> None:
        """Refuse a limit on groups where none is named, and a positive class that is none."""
        groups = self.evaluation.groups
        if self.promotion.bias_limit is not None and not groups.is_asked:
            raise ValueError(
                "promotion.bias_limit needs groups: name evaluation.groups.columns, evaluation.groups.categories or"
                " evaluation.groups.terms (english comes with the package)"
            )
        class_names = self.labels.class_names
        if class_names and (refusal := groups.positive_refusal(class_names)) is not None:
            raise ValueError(refusal)

    def _require_attacks(self) -> None:
        """Refuse a limit on what is not measured, and a suite for prompts where there is none."""
        attacks = self.evaluation.evasion.attacks
        if attacks == (INJECTIONS,) and self.model.head != "label_tokens":
            raise ValueError(f"evaluation.evasion.attacks {INJECTIONS} needs model.head label_tokens")
        if self.promotion.max_flip_rate is not None and not attacks:
            raise ValueError(
                "promotion.max_flip_rate needs attacks that flips are counted under: name them in"
                " evaluation.evasion.attacks, or all"
            )

    def _require_raters(self) -> None:
        """Refuse what speaks of raters where no column holds their answers."""
        labels = self.labels
        if any(source.columns.rater for source in self.data.parts) and not labels.needs_score:
            raise ValueError(
                f"data.columns.rater makes one score of each text's answers; labels.rule {labels.rule} reads classes:"
                " allowed are median, quantile and value"
            )
        asked = {
            f"labels.raters {labels.raters}": labels.raters != "mean",
            f"labels.repeated {labels.repeated}": labels.repeated != "refuse",
            f"labels.target {labels.target}": labels.target == "votes",
            "data_quality.min_agreement": self.data_quality.min_agreement is not None,
        }
        if any(asked.values()) and not self.data.has_raters:
            raise ValueError(
                f"{next(field for field, is_asked in asked.items() if is_asked)} needs the answers of several raters:"
                " name their columns in data.columns.raters, or the one that says whose answer a row holds in"
                " data.columns.rater"
            )

    def _targets_refusal(self, model: ModelConfig, fine_tune: FineTuneConfig) -> str | None:
        """Why a loss over a vocabulary would take no notice of something; None where it would."""
        loss = f"fine_tune.loss {fine_tune.loss}"
        if model.head != "label_tokens":
            return f"{loss} needs model.head label_tokens"
        if (
            self.labels.target != "hard"
            or (self.labels.doubtful_band and self.labels.doubtful_weight)
            or fine_tune.balance == "weights"
            or (self.data_quality.duplicates == "together" and not self.labels.needs_score)
        ):
            return (
                f"{loss} takes neither soft targets nor weights: found labels.target {self.labels.target},"
                f" labels.doubtful_weight {self.labels.doubtful_weight}, fine_tune.balance {fine_tune.balance},"
                f" data_quality.duplicates {self.data_quality.duplicates}; allowed with them is loss label_tokens"
            )
        return None

    @property
    def recorded(self) -> dict[str, Any]:
        """What a model version records of the run that made it: everything but gates, limits and prices."""
        left_out: dict[str, Any] = dict.fromkeys(("promotion", "registry", "costs", "monitoring", "schedule"), True)
        left_out["data_quality"] = {*(f"{name}_limit" for name in self.data_quality.limits), "min_agreement"}
        return self.model_dump(mode="json", exclude=left_out)

    @property
    def kept_columns(self) -> tuple[str, ...]:
        """Source columns that later steps read beside the mapped roles."""
        column = (self.split.column,) if self.split.column else ()
        groups = self.evaluation.groups
        asked = (*self.evaluation.slices, *groups.columns, *groups.categories)
        return tuple(dict.fromkeys((*self.labels.columns, *column, *asked)))

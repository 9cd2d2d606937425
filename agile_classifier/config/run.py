"""RunConfig: the one typed description of a run.

A YAML holds only what differs from the defaults here; its sections stand under `parameters:`, so that the same file
is a ZenML run configuration. One default, one place: this module. Below the steps nothing sees these classes; the
domain takes plain keyword values.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from agile_classifier.config.data import (
    ClassNames,
    DataConfig,
    LabelsConfig,
    LeakageConfig,
    Names,
    Section,
    SplitConfig,
    ValidationConfig,
)

LORA_FIELDS = ("rank", "alpha", "dropout", "target_modules", "initialization")
"""Fields of `fine_tune` that shape the adapter."""
LINEAR_HEADS = (("classification", "mean"), ("classification", "layers"))
"""`model.head` and `model.pooling` that end in a trained linear layer."""
DEVICE_FIELDS = ("devices", "device")
"""Fields of `fine_tune` that say where it is trained."""


class PromptConfig(Section):
    """What stands around a text that a language model is asked to classify."""

    instructions: str = "Classify the following text into one of the following classes"
    """What the model is told before the labels."""
    labels: ClassNames | None = None
    """Labels of classes 0, 1, … as the prompt lists them, one token each; without them, the class names."""
    separator: str = "<separator>"
    """Between instructions, text and answer."""
    end_of_text: str | None = None
    """Token behind an answer in training; without one, the tokenizer's own."""
    chat_template: bool = False
    """Whether the prompt is a user's turn in the model's chat template, for instruct models."""


class ModelConfig(Section):
    """The frozen base model and how it is read."""

    source: str
    """A local folder, a hub id, or package://NAME==VERSION/path/in/archive."""
    sha256: Names | None = None
    """SHA-256 of each package; packages are always pinned."""
    revision: str | None = None
    """Commit of a hub model; hub models are always pinned."""
    head: Literal["classification", "label_tokens"] = "classification"
    """`classification` behind an encoder, or the `label_tokens` that a causal language model would answer a prompt with."""
    pooling: Literal["mean", "layers", "native"] = "mean"
    """`mean` of the last hidden states or means of four `layers` under a linear head, or the model's `native` sequence-classification head."""
    prompt: PromptConfig = PromptConfig()
    """The prompt, for head label_tokens."""
    quantization: Literal["nf4", "int8", "none"] = "nf4"
    """Storage of the frozen weights: 4-bit normal float, 8-bit integers, or the compute dtype."""
    double_quant: bool = True
    """Whether nf4's own scales are quantized too."""
    compute_dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto`: bfloat16 where the hardware has instructions for it, else float32."""
    max_length: Annotated[int, Field(ge=8)] = 128
    """Longest text the model reads, in tokens, its prompt included; longer ones are cut, and counted."""

    @model_validator(mode="after")
    def _fields_agree(self) -> ModelConfig:
        if self.head == "classification" and self.prompt != PromptConfig():
            raise ValueError("model.prompt belongs to model.head label_tokens; found head classification")
        if self.head == "label_tokens" and self.pooling != "mean":
            raise ValueError(f"model.pooling belongs to model.head classification; found pooling {self.pooling}")
        return self


class EarlyStopping(Section):
    """When to stop because validation no longer improves."""

    metric: Literal["f1", "f1_macro", "roc_auc", "loss"] = "f1"
    """Validation metric that names the best checkpoint."""
    patience: Annotated[int, Field(gt=0)] | None = None
    """Epochs without improvement before training stops; never without it."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """Smallest change of the metric that counts as an improvement."""


class FineTuneConfig(Section):
    """LoRA and its optimisation."""

    rank: Annotated[int, Field(gt=0)] = 8
    """Rank of the LoRA matrices."""
    alpha: Annotated[float, Field(gt=0)] = 16
    """LoRA scale; the update is multiplied by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout before the LoRA matrices and before the head."""
    target_modules: Names = ("all-linear",)
    """Endings of the names of adapted layers; `all-linear`: every linear layer of the encoder."""
    initialization: Literal["default", "loftq"] = "default"
    """`loftq` starts the adapter at the quantization error of nf4 weights instead of at zero."""
    loss: Literal["label_tokens", "vocabulary", "full_text"] = "label_tokens"
    """Cross-entropy of the answer over the `label_tokens`, over the whole `vocabulary`, or of every token of prompt and answer (`full_text`)."""
    head_start: Literal["random", "linear_probe"] = "random"
    """What a linear head is before training: `random`, or the `linear_probe`, logistic regression on the untuned model's numbers (arXiv 2202.10054)."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Peak learning rate of AdamW."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """AdamW's decoupled weight decay."""
    balance: Literal["none", "weights", "resampling"] = "none"
    """What is done about rare classes: nothing, a loss in which every class weighs the same, or rare texts drawn again until it does."""
    companion: Literal["none", "tfidf_svm"] = "none"
    """What answers beside the network: nothing, or a linear SVM on TF-IDF of the same train texts; the log odds of both are averaged."""
    epochs: Annotated[int, Field(gt=0)] = 5
    """Passes over train."""
    batch_size: Annotated[int, Field(gt=0)] = 16
    """Texts in one forward pass."""
    gradient_accumulation_steps: Annotated[int, Field(gt=0)] = 1
    """Forward passes in one optimizer step."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of all steps in which the learning rate rises; it then falls linearly to 0."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Gradients are scaled down to this Euclidean norm."""
    early_stopping: EarlyStopping = EarlyStopping()
    """Which validation metric names the best checkpoint, and when to stop."""
    max_time: Annotated[float, Field(gt=0)] = 10_800
    """Longest training time, in seconds; then training ends with what it has."""
    seed: int = 0
    """Seed of initialisation, dropout and batch order."""
    devices: Annotated[int, Field(ge=1)] | Literal["auto"] = 1
    """Devices of one machine that share each batch, in a process each; `auto`: every GPU, or the CPU as one."""
    device: Literal["auto", "gpu", "cpu"] = "auto"
    """`gpu` refuses to train where there is none, `cpu` uses none; `auto`: a GPU where there is one."""

    @property
    def takes_soft_targets(self) -> bool:
        """Whether the loss can be taught probabilities and weights; those over a vocabulary know right answers alone."""
        return self.loss == "label_tokens"

    @property
    def lora(self) -> dict[str, Any]:
        """The fields that shape the adapter."""
        return {name: getattr(self, name) for name in LORA_FIELDS}

    @property
    def optimisation(self) -> dict[str, Any]:
        """The fields that drive its training, flat."""
        fields = self.model_dump(exclude={*LORA_FIELDS, *DEVICE_FIELDS, "companion", "early_stopping"})
        return {**fields, **self.early_stopping.model_dump()}


class EvaluationConfig(Section):
    """How the tuned classifier is judged."""

    decision_threshold: Literal["best_f1", "cost", "precision", "recall"] | Annotated[float, Field(gt=0, lt=1)] = (
        "best_f1"
    )
    """Cut on the probability of class 1: a number, or by validation: `best_f1` (0.5 where there is no validation; with more than two classes, where nothing else is allowed, the likeliest class), least `cost` of errors, best recall at a `precision` of `least` or more, best precision at a `recall` of `least` or more."""
    least: Annotated[float, Field(gt=0, le=1)] | None = None
    """Smallest precision or recall on validation, for a `decision_threshold` by either."""
    false_negative_cost: Annotated[float, Field(gt=0)] = 1.0
    """For `cost`: what a missed text of class 1 costs, in units of a false alarm."""
    calibration: Literal["none", "auto", "temperature", "platt", "isotonic"] = "none"
    """Map of the probabilities, fitted on validation and kept with the model; `auto`: that of the least log loss over folds of validation, none where they are too few."""
    slices: Names = ()
    """Source columns each value of which is judged apart in the report, beside thirds by length and by agreement, and groups."""
    n_resamples: Annotated[int, Field(ge=100)] = 1000
    """Bootstrap resamples of the test rows."""
    cut_limit: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Largest share of test texts longer than `model.max_length`, and so cut; past it the run is refused. null: only reported."""
    seed: int = 0
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
            f"evaluation.decision_threshold {self.decision_threshold} is a cut between two classes, found {n_classes} classes;"
            " allowed with more than two is best_f1, the default: no cut, the likeliest class"
        )


class RegistryConfig(Section):
    """Where the model version is kept."""

    model_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\- ]*$")]
    """Name of the registered model."""
    include_base: bool = False
    """Whether the version holds the base model itself, rather than a pinned reference to it."""
    parity_rows: Annotated[int, Field(ge=100)] = 200
    """Test texts scored by the reloaded model before it is registered."""
    parity_tolerance: Annotated[float, Field(gt=0)] | None = None
    """Largest allowed change of a probability by saving and reloading; by default 0.001, and 0.02 where int8 or bfloat16 rounds it."""


class PromotionConfig(Section):
    """What a candidate must show to become champion."""

    metric: Literal["roc_auc", "f1", "pr_auc", "accuracy"] = "roc_auc"
    """Metric that candidate and champion are compared on, and that the verdict of the report rests on."""
    smallest_gain: Annotated[float, Field(ge=0)] = 0.0
    """Gain that the lower end of the paired 95 % interval must exceed."""
    run_noise: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of `metric` over seeds of the training, as `agile study` states it; the interval is widened by it, so that luck of a seed promotes nothing."""
    min_rows: Annotated[int, Field(gt=0)] = 100
    """Fewest test rows, unseen by both models, that a comparison may rest on."""
    approval: Literal["automatic", "person"] = "automatic"
    """`automatic`: the numbers decide; `person`: training ends at the candidate, and a promotion run waits for yes or no."""
    wait: Annotated[int, Field(gt=0)] = 600
    """Seconds that such a run waits awake; then it is paused, and can be decided later."""
    margin: Annotated[float, Field(ge=0)] | None = None
    """Largest loss in any other metric that the paired 95 % interval may reach; without it they are not looked at."""
    slice_margin: Annotated[float, Field(ge=0)] | None = None
    """The same for `metric` on every slice: thirds of the texts by length and, with a group column, each group."""
    slice_min_rows: Annotated[int, Field(gt=1)] = 30
    """Slices of fewer compared rows are not judged."""
    calibration_limit: Annotated[float, Field(gt=0, le=1)] | None = None
    """Largest expected calibration error."""
    parity_limit: Annotated[float, Field(gt=0)] | None = None
    """Largest change of a probability by saving and reloading, as measured at registration."""
    size_limit: Annotated[float, Field(gt=0)] | None = None
    """Largest size of the version's own files, in MB; a base model inside counts."""
    latency_limit: Annotated[float, Field(gt=0)] | None = None
    """Largest median time to score one text alone, in ms, on the machine that compares."""


class CostsConfig(Section):
    """What a run is charged for; no step is given it, so that another price re-runs and re-trains nothing."""

    price_per_hour: Annotated[float, Field(ge=0)] | None = None
    """Money for one device (GPU, or process on a CPU) for an hour, in any one currency; `fine_tune` then records its cost."""


class MonitoringConfig(Section):
    """How far a later batch may be from the test rows of the version that scored it; no step of a training is given it."""

    on_drift: Literal["warn", "refuse", "train"] = "warn"
    """Past a limit `warn` says so, `refuse` also exits 3, `train` starts the training that made the version again."""
    min_rows: Annotated[int, Field(gt=0)] = 100
    """Fewest rows of a batch that anything is concluded from."""
    score_psi: Annotated[float, Field(ge=0)] = 0.2
    """Largest population stability index of the probabilities."""
    score_ks: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Largest Kolmogorov-Smirnov distance of the probabilities."""
    class_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Largest change of a predicted class's share."""
    length_psi: Annotated[float, Field(ge=0)] = 0.2
    """Largest population stability index of the lengths in characters."""
    length_ks: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Largest Kolmogorov-Smirnov distance of the lengths."""
    unknown_share: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Largest change of the share of tokens that the tokenizer does not know."""
    embedding_auc: Annotated[float, Field(ge=0.5, le=1)] = 0.65
    """Largest ROC AUC with which embeddings tell a text of the batch from one of the test rows; 0.5 is guessing."""

    @property
    def limits(self) -> dict[str, float]:
        """The largest allowed value of every statistic."""
        return self.model_dump(exclude={"on_drift", "min_rows"})


class RunConfig(Section):
    """Everything that describes a training run."""

    data: DataConfig
    validation: ValidationConfig = ValidationConfig()
    labels: LabelsConfig = LabelsConfig()
    split: SplitConfig = SplitConfig()
    leakage: LeakageConfig = LeakageConfig()
    model: ModelConfig
    fine_tune: FineTuneConfig = FineTuneConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    registry: RegistryConfig
    promotion: PromotionConfig = PromotionConfig()
    costs: CostsConfig = CostsConfig()
    monitoring: MonitoringConfig = MonitoringConfig()

    @model_validator(mode="after")
    def _sections_agree(self) -> RunConfig:
        if self.labels.needs_score and self.data.columns.score is None:
            raise ValueError(f"labels.rule {self.labels.rule} cuts scores: name the score column in data.columns.score")
        if self.split.method == "group" and self.data.columns.group is None:
            raise ValueError("split.method group needs data.columns.group")
        if self.fine_tune.initialization == "loftq" and self.model.quantization != "nf4":
            raise ValueError(f"fine_tune.initialization loftq needs quantization nf4, found {self.model.quantization}")
        if self.fine_tune.head_start == "linear_probe" and (self.model.head, self.model.pooling) not in LINEAR_HEADS:
            raise ValueError(
                "fine_tune.head_start linear_probe needs model.head classification, pooling mean or layers"
            )
        needy = {
            "decision_threshold": ("cost", "precision", "recall"),
            "calibration": ("temperature", "platt", "isotonic"),
        }
        for field, choices in needy.items():
            if not self.split.has_validation and getattr(self.evaluation, field) in choices:
                raise ValueError(
                    f"evaluation.{field} {getattr(self.evaluation, field)} is fitted on validation: raise split.validation, found 0"
                )
        refusal = self.evaluation.cut_refusal(len(self.labels.names or ()))
        if refusal is not None:
            raise ValueError(refusal)
        if not self.fine_tune.takes_soft_targets:
            self._require_plain_targets()
        return self

    def _require_plain_targets(self) -> None:
        """Refuse what a loss over a vocabulary would take no notice of."""
        loss = f"fine_tune.loss {self.fine_tune.loss}"
        if self.model.head != "label_tokens":
            raise ValueError(f"{loss} needs model.head label_tokens")
        if (
            self.labels.target == "soft"
            or (self.labels.doubtful_band and self.labels.doubtful_weight)
            or self.fine_tune.balance == "weights"
        ):
            raise ValueError(
                f"{loss} takes neither soft targets nor weights: found labels.target {self.labels.target},"
                f" labels.doubtful_weight {self.labels.doubtful_weight}, fine_tune.balance {self.fine_tune.balance};"
                " allowed with them is loss label_tokens"
            )

    @property
    def recorded(self) -> dict[str, Any]:
        """What a model version records of the run that made it: everything but gates, prices and later limits."""
        return self.model_dump(mode="json", exclude={"leakage", "promotion", "registry", "costs", "monitoring"})

    @property
    def kept_columns(self) -> tuple[str, ...]:
        """Source columns beyond the mapped roles that later steps read."""
        column = (self.split.column,) if self.split.column else ()
        return tuple(dict.fromkeys((*self.labels.columns, *column, *self.evaluation.slices)))

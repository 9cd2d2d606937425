"""Config of the training: the base model, the adapter in it, and how that is trained."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from agile_classifier.config.addresses.version import StartAddress
from agile_classifier.config.bounds import Address, Digests, Layers, Revision, Seed, Text, Title
from agile_classifier.config.moderation.evasion import AugmentConfig
from agile_classifier.config.section import ClassNames, Section

LINEAR_POOLINGS = ("mean", "layers")
"""`model.pooling` under which a head ends in a trained linear layer."""
MOST_MEMBERS = 3
"""Most members of an ensemble beside the first."""
CHANGED_DEFAULTS = (("model", "pooling"), ("fine_tune", "head_start"), ("fine_tune", "epochs"))
"""Section and field whose default has been another: what was kept without them would mean something else today."""
DEVICE_FIELDS = ("devices", "device")
"""Fields of `fine_tune` that say where it is trained."""


class PromptConfig(Section):
    """What stands around a text that a language model is asked to classify."""

    instructions: Text = "Classify the following text into one of the following classes"
    """What the model is told before the labels."""
    labels: ClassNames | None = None
    """Labels of classes 0, 1, … as the prompt lists them, one token each; without them, the class names."""
    separator: Text = "<separator>"
    """Between instructions, text and answer."""
    end_of_text: Text | None = None
    """Token behind an answer in training; without one, the tokenizer's own."""
    chat_template: bool = False
    """Whether the prompt is a user's turn in the model's chat template, for instruct models."""


class MemberConfig(Section):
    """A further member of an ensemble, trained on the same texts."""

    kind: Literal["network", "tfidf_svm"] = "network"
    """`network`, as the run's own but for what is said here; or `tfidf_svm`, a linear SVM on words and parts of words,
    which reads no base model and trains in seconds."""
    config: Address | None = None
    """A config whose sections `model` and `fine_tune` describe the network, in place of those here."""
    model: dict[Title, Any] = Field(default_factory=dict)
    """Fields of `model` that differ from the run's own. A `source` brings its own pin, a `head` its own pooling."""
    fine_tune: dict[Title, Any] = Field(default_factory=dict)
    """Fields of `fine_tune` that differ from the run's own."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> MemberConfig:
        said = [name for name in ("config", "model", "fine_tune") if getattr(self, name)]
        if self.kind == "tfidf_svm" and said:
            raise ValueError(f"kind tfidf_svm has no {said[0]}; found {', '.join(said)}")
        if self.config is not None and len(said) > 1:
            raise ValueError(f"config stands for model and fine_tune; found {', '.join(said)}")
        if self.kind == "network" and not said:
            raise ValueError("it differs in nothing from the run's own network: say model, fine_tune or config")
        return self


class ModelConfig(Section):
    """The frozen base model and how it is read."""

    source: Address
    """A local folder, a hub id, or package://NAME==VERSION/path/in/archive."""
    sha256: Digests | None = None
    """SHA-256 of each package; packages are always pinned."""
    revision: Revision | None = None
    """Commit of a hub model; hub models are always pinned."""
    start_from: StartAddress | None = None
    """Tuned classifier of the same base model and head whose adapter training goes on from: models:/NAME@ALIAS,
    models:/NAME/VERSION, or an adapter folder; without it from an adapter that changes nothing."""
    head: Literal["classification", "label_tokens"] = "classification"
    """`classification` behind an encoder, or the `label_tokens` that a causal language model would answer a prompt
    with."""
    pooling: Literal["layers", "mean", "native"] = "layers"
    """Means of four `layers` or the `mean` of the last hidden states under a linear head, or the model's `native`
    sequence-classification head."""
    prompt: PromptConfig = PromptConfig()
    """The prompt, for head label_tokens."""
    quantization: Literal["nf4", "int8", "none"] = "nf4"
    """Storage of the frozen weights: 4-bit normal float, 8-bit integers, or the compute dtype."""
    double_quant: bool = True
    """Whether nf4's own scales are quantized too."""
    compute_dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto`: bfloat16 where the hardware has instructions for it, else float32."""
    max_length: Annotated[int, Field(ge=8, le=131_072)] = 128
    """Longest text the model reads, in tokens, its prompt included; longer ones are cut, and counted."""
    members: Annotated[tuple[MemberConfig, ...], Field(max_length=MOST_MEMBERS)] = ()
    """What answers beside this network as an ensemble, by the mean of all log odds: each `{kind: tfidf_svm}`, a linear
    SVM on words, or `{model: …, fine_tune: …}` with what differs from this run's own, or `{config: other.yaml}`."""

    @property
    def has_linear_head(self) -> bool:
        """Whether the head ends in a trained linear layer."""
        return self.head == "classification" and self.pooling in LINEAR_POOLINGS

    @model_validator(mode="after")
    def _fields_agree(self) -> ModelConfig:
        if self.head == "classification" and self.prompt != PromptConfig():
            raise ValueError("model.prompt belongs to model.head label_tokens; found head classification")
        if self.head == "label_tokens" and self.pooling == "native":
            raise ValueError("model.pooling native belongs to model.head classification; found head label_tokens")
        return self


class EarlyStopping(Section):
    """When to stop because validation no longer improves."""

    metric: Literal["f1", "f1_macro", "roc_auc", "loss"] = "f1"
    """Validation metric that names the best checkpoint."""
    patience: Annotated[int, Field(gt=0, le=10_000)] | None = None
    """Epochs without improvement before training stops; never without it."""
    min_delta: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Smallest change of the metric that counts as an improvement."""


class FineTuneConfig(Section):
    """LoRA and its optimisation."""

    rank: Annotated[int, Field(gt=0, le=1_024)] = 8
    """Rank of the LoRA matrices."""
    alpha: Annotated[float, Field(gt=0, le=10_000)] = 16
    """LoRA scale; the update is multiplied by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout before the LoRA matrices and before the head."""
    target_modules: Layers = ("all-linear",)
    """Endings of the names of adapted layers; `all-linear`: every linear layer of the encoder."""
    initialization: Literal["default", "loftq"] = "default"
    """`loftq` starts the adapter at the quantization error of nf4 weights instead of at zero."""
    loss: Literal["label_tokens", "vocabulary", "full_text"] = "label_tokens"
    """Cross-entropy of the answer over the `label_tokens`, over the whole `vocabulary`, or of every token of prompt
    and answer (`full_text`)."""
    head_start: Literal["auto", "linear_probe", "random"] = "auto"
    """What a head is before training: the `linear_probe`, logistic regression on the untuned model's numbers, or on
    those of `model.start_from` (arXiv 2202.10054), or `random`; `auto`: the probe where the head is linear, that is
    under `model.pooling` layers or mean."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    """Peak learning rate of AdamW."""
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.01
    """AdamW's decoupled weight decay."""
    balance: Literal["none", "weights", "resampling"] = "none"
    """What is done about rare classes: nothing, a loss in which every class weighs the same, or rare texts drawn again
    until it does."""
    augment: AugmentConfig = AugmentConfig()
    """Copies of train texts, written as people write past a classifier, that are learnt beside them; none by
    default."""
    epochs: Annotated[int, Field(gt=0, le=10_000)] = 3
    """Passes over train."""
    batch_size: Annotated[int, Field(gt=0, le=4_096)] = 16
    """Texts in one forward pass."""
    gradient_accumulation_steps: Annotated[int, Field(gt=0, le=4_096)] = 1
    """Forward passes in one optimizer step."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of all steps in which the learning rate rises; it then falls linearly to 0."""
    max_grad_norm: Annotated[float, Field(gt=0, le=1_000_000)] = 1.0
    """Gradients are scaled down to this Euclidean norm."""
    early_stopping: EarlyStopping = EarlyStopping()
    """Which validation metric names the best checkpoint, and when to stop."""
    max_time: Annotated[float, Field(gt=0, le=2_592_000)] = 10_800
    """Longest training time of a network, in seconds, 30 days at most; then its training ends with what it has. Each
    member of an ensemble has that much."""
    seed: Seed = 0
    """Seed of initialisation, dropout and batch order."""
    devices: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = 1
    """Devices of one machine that share each batch, in a process each; `auto`: every GPU, or the CPU as one."""
    device: Literal["auto", "gpu", "cpu"] = "auto"
    """`gpu` refuses to train where there is none, `cpu` uses none; `auto`: a GPU where there is one."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_old_names(cls, section: Any) -> Any:
        if isinstance(section, dict) and "ensemble_with" in section:
            instead = "[]" if section["ensemble_with"] == "none" else "[{kind: tfidf_svm}]"
            raise ValueError(f"ensemble_with: is written model.members: {instead} now; take it out of fine_tune")
        return section

    @property
    def takes_soft_targets(self) -> bool:
        """Whether the loss can learn probabilities and weights; one over a vocabulary knows right answers alone."""
        return self.loss == "label_tokens"

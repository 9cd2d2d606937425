"""ClassifierSpec: what must be known, beside the tensors, to score a text exactly as in training."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agile_classifier.data.evasion.normalize import normalize_texts
from agile_classifier.models.prompts.prompts import Prompt, ask_each

if TYPE_CHECKING:  # a version that is only scored holds no config
    from agile_classifier.config.training import ModelConfig

SPEC_FILE = "classifier.json"
TOKENIZER_FOLDER = "tokenizer"
MEMBERS_FOLDER, MEMBER_FOLDER = "members", "member"
"""Folder of the members of an ensemble beside the first (`agile_classifier/models/ensemble/members.py`), and that of
the only one which versions of before had."""
TAUGHT = ("label", "target", "weight")
"""Columns of examples that training reads beside `text`; the last two are optional (`losses.class_loss`)."""
EXACT, ROUNDED = 1e-3, 0.02
"""Bounds of `ClassifierSpec.rounding`: of a classifier that computes in float32, and of one that rounds activations."""
PROBABILITY = "probability_"
"""Prefix of the column of a class's probability in a registered classifier's answer."""


@dataclass(frozen=True)
class Start:
    """A classifier that another was started from."""

    name: str
    """Name of the registered model, or of the folder."""
    version: str | None
    """Number of its version; None of a folder."""
    digest: str
    """SHA-256 over the files of its adapter."""
    n_texts: int | None
    """Texts that it had learnt from, or was chosen by; None where it does not say."""
    sources: tuple[str, ...]
    """Last parts of the addresses of its data; empty where it does not say."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Start:
        """A start of the plain values that JSON keeps."""
        return cls(**{**values, "sources": tuple(values["sources"])})

    @property
    def facts(self) -> dict[str, str | int | None]:
        """Plain values for metadata and tags."""
        return {**asdict(self), "sources": ", ".join(self.sources) or None}

    @property
    def title(self) -> str:
        """What a person calls it: `edos version 3`, `the folder edos`."""
        return f"the folder {self.name}" if self.version is None else f"{self.name} version {self.version}"

    @property
    def sentence(self) -> str:
        """What it is and what it has learnt from, in words."""
        texts = "an unknown number of" if self.n_texts is None else f"{self.n_texts}"
        of = f" of {', '.join(self.sources)}" if self.sources else ""
        return f"{self.title}, trained on {texts} texts{of}"


@dataclass(frozen=True)
class ClassifierSpec:
    """Specification of a classifier, stored as `classifier.json` beside the adapter."""

    class_names: tuple[str, ...]
    """Names of classes 0, 1, …; with several labels, of the labels."""
    pooling: str
    """`mean`, `layers` or `native` of a classification head, `answer` of label tokens."""
    quantization: str
    double_quant: bool
    compute_dtype: str
    """Number format that the adapter was trained in, resolved (never `auto`)."""
    max_length: int
    """Largest number of tokens that the model reads of a text."""
    hidden_size: int
    """Width of the last hidden states."""
    base_source: str
    """Source of the base model, as the config names it."""
    base_sha256: tuple[str, ...] | None
    base_revision: str | None
    base_digest: str
    """SHA-256 over the base model's files; loading refuses another base."""
    prompt: Prompt | None = None
    """Prompt around a text, for label tokens; None with a classification head."""
    several: bool = False
    """Whether a text may carry several labels: each has a probability of its own, and they do not sum to 1."""
    normalize: tuple[str, ...] = ()
    """What is undone in a text before it is read (`agile_classifier/data/evasion/normalize.py`); of older versions
    nothing."""
    starts: tuple[Start, ...] = ()
    """Classifier that training went on from, then what that had gone on from; empty without `model.start_from`."""

    @property
    def n_classes(self) -> int:
        """Number of classes, or of labels: columns of the network's answer."""
        return len(self.class_names)

    @property
    def rounding(self) -> float:
        """Largest change of a probability that rounding explains, in another batch, process or runtime.

        int8 layers quantize what enters them too, bfloat16 keeps eight bits of it. Seen with MiniLM: int8 0.005 and
        bfloat16 0.006, in float32 5e-7.
        """
        return ROUNDED if self.quantization == "int8" or self.compute_dtype != "float32" else EXACT

    def clean(self, texts: Iterable[str]) -> list[str]:
        """Texts as the classifier reads them; a person is shown those that were given."""
        return normalize_texts(texts, self.normalize)

    @classmethod
    def describe(
        cls,
        model: ModelConfig,
        *,
        class_names: Sequence[str],
        base_digest: str,
        several: bool = False,
        normalize: Sequence[str] = (),
        starts: Sequence[Start] = (),
    ) -> ClassifierSpec:
        """Describe a classifier from a config's section `model`; `compute_dtype` may be `auto`, `hidden_size` is 0."""
        answers = model.head == "label_tokens"
        prompt = {**dict(model.prompt), "labels": model.prompt.labels or tuple(class_names)}
        if several:
            prompt = ask_each(prompt, class_names, answers=model.prompt.labels)
        return cls(
            class_names=tuple(class_names),
            pooling="answer" if answers else model.pooling,
            quantization=model.quantization,
            double_quant=model.double_quant,
            compute_dtype=model.compute_dtype,
            max_length=model.max_length,
            hidden_size=0,
            base_source=model.source,
            base_sha256=model.sha256,
            base_revision=model.revision,
            base_digest=base_digest,
            prompt=Prompt(**prompt) if answers else None,
            several=several,
            normalize=tuple(normalize),
            starts=tuple(starts),
        )

    def save(self, folder: Path) -> None:
        """Write `classifier.json`."""
        (folder / SPEC_FILE).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> ClassifierSpec:
        """Read `classifier.json`."""
        values = json.loads((folder / SPEC_FILE).read_text(encoding="utf-8"))
        values["class_names"] = tuple(values["class_names"])
        values["base_sha256"] = tuple(values["base_sha256"]) if values["base_sha256"] else None
        if values["prompt"]:
            lists = {name: tuple(values["prompt"].get(name, ())) for name in ("labels", "questions")}
            values["prompt"] = Prompt(**{**values["prompt"], **lists})
        values["normalize"] = tuple(values.get("normalize", ()))
        values["starts"] = tuple(
            Start(**{**each, "sources": tuple(each["sources"])}) for each in values.get("starts", ())
        )
        return cls(**values)

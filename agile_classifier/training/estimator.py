"""AgileClassifier: the classifier of a run as an estimator in scikit-learn's manner, for notebooks and searches that need no pipeline.

from agile_classifier.training.estimator import AgileClassifier
model = AgileClassifier("sentence-transformers/all-MiniLM-L6-v2", revision="…", epochs=3).fit(texts, labels)
model.predict_proba(["what a lovely day"])
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.environment import cache, hub_token, mirror
from agile_classifier.errors import InputError
from agile_classifier.files import tree_digest
from agile_classifier.metrics.calibration import Calibration
from agile_classifier.metrics.metrics import predict
from agile_classifier.models.decision import DECISION_FILE, Decision
from agile_classifier.models.gguf import fetch_base_model
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import MEMBER_FOLDER, SPEC_FILE, TOKENIZER_FOLDER, ClassifierSpec
from agile_classifier.training.fine_tuning import fine_tune
from agile_classifier.training.optimisation import Optimisation

_MODEL = ModelConfig.model_fields
_TUNING = FineTuneConfig.model_fields


class AgileClassifier(ClassifierMixin, BaseEstimator):
    """A LoRA-tuned text classifier with either head; parameters and defaults are those of a config's `model` and `fine_tune`.

    Parameters
    ----------
    base_model : str
        `model.source`: a folder, a hub id, package://…; with `sha256` or `revision` as there.
    head, pooling, prompt, quantization, max_length
        As in `model`; `prompt` a mapping of its fields.
    rank, alpha, dropout, target_modules, loss, ensemble_with, learning_rate, epochs, batch_size, seed
        As in `fine_tune`.
    checkpoint : {"best", "last"}
        Which one answers; they are the same without validation texts.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    adapter_ : dict of str to bytes
        What was trained, as files; a pickle holds it and not the base model.
    decision_threshold_ : float or None
        Cut on the probability of `classes_[1]`, of a registered version; None: the most probable class.
    """

    _predictor: Predictor | None = None
    _base: Path | None = None
    """Folder of the base model, where it was brought along; of this machine, so no part of a pickle."""

    def __init__(
        self,
        base_model: str,
        *,
        sha256: str | tuple[str, ...] | None = None,
        revision: str | None = None,
        head: str = _MODEL["head"].default,
        pooling: str = _MODEL["pooling"].default,
        prompt: Mapping[str, Any] | None = None,
        quantization: str = _MODEL["quantization"].default,
        max_length: int = _MODEL["max_length"].default,
        rank: int = _TUNING["rank"].default,
        alpha: float = _TUNING["alpha"].default,
        dropout: float = _TUNING["dropout"].default,
        target_modules: Sequence[str] = _TUNING["target_modules"].default,
        loss: str = _TUNING["loss"].default,
        ensemble_with: str = _TUNING["ensemble_with"].default,
        learning_rate: float = _TUNING["learning_rate"].default,
        epochs: int = _TUNING["epochs"].default,
        batch_size: int = _TUNING["batch_size"].default,
        seed: int = _TUNING["seed"].default,
        checkpoint: str = "best",
    ) -> None:
        self.base_model, self.sha256, self.revision = base_model, sha256, revision
        self.head, self.pooling, self.prompt = head, pooling, prompt
        self.quantization, self.max_length = quantization, max_length
        self.rank, self.alpha, self.dropout, self.target_modules = rank, alpha, dropout, target_modules
        self.loss, self.ensemble_with = loss, ensemble_with
        self.learning_rate, self.epochs, self.batch_size = learning_rate, epochs, batch_size
        self.seed, self.checkpoint = seed, checkpoint

    def fit(
        self, X: Sequence[str], y: Sequence[Any], validation: tuple[Sequence[str], Sequence[Any]] | None = None
    ) -> AgileClassifier:
        """Tune a fresh adapter; `validation`, texts and classes, chooses the best epoch.

        Raises
        ------
        ValueError
            A text is no text, there is one class only, or lengths differ.
        InputError
            A parameter is not allowed, or the base model cannot be used.
        """
        texts, labels = _texts(X), column_or_1d(y)
        check_consistent_length(texts, labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y: needs two or more classes, found 1 class: {self.classes_[0]!r}")
        held_out = (_texts(validation[0]), np.searchsorted(self.classes_, validation[1])) if validation else ([], [])
        base = self._fetch_base()
        model, tuning = self._sections()
        with tempfile.TemporaryDirectory() as scratch:
            adapter = Path(scratch) / "adapter"
            fine_tune(
                base=base,
                spec=ClassifierSpec.describe(
                    class_names=[str(name) for name in self.classes_],
                    base_digest=tree_digest(base),
                    **model.model_dump(),
                ),
                train=pd.DataFrame({"text": texts, "label": codes}),
                validation=pd.DataFrame({"text": held_out[0], "label": held_out[1]}),
                lora=tuning.lora,
                optimisation=Optimisation(**tuning.optimisation),
                checkpoints=Path(scratch) / "checkpoints",
                output=adapter,
                on_epoch=lambda _: None,
                ensemble_with=tuning.ensemble_with,
            )
            self.adapter_ = _read_files(adapter, adapter)
        self.decision_threshold_: float | None = None
        self.calibration_ = Calibration()
        self._base, self._predictor = None, None
        return self

    @classmethod
    def from_adapter(cls, adapter: Path, *, base: Path | None = None, **tuning: Any) -> AgileClassifier:
        """A fitted one from the folder that `fine_tune` wrote, or from that of a registered version: its `best` checkpoint.

        Parameters
        ----------
        base : Path, optional
            Folder of the base model; without it, it is fetched by the pin that the folder names.
        tuning
            Parameters that the folder does not record, `epochs` say: what a clone would be fitted with.
        """
        spec = ClassifierSpec.load(adapter)
        member = {"ensemble_with": "tfidf_svm"} if (adapter / MEMBER_FOLDER).is_dir() else {}
        made = cls(**{**_parameters(spec), **_lora_parameters(adapter), **member, **tuning})
        made.classes_ = np.asarray(spec.class_names)
        parts = (SPEC_FILE, TOKENIZER_FOLDER, MEMBER_FOLDER, made.checkpoint)
        made.adapter_ = _read_files(adapter, *(adapter / part for part in parts))
        decision = _read_decision(adapter)
        made.decision_threshold_, made.calibration_, made._base = (
            decision.decision_threshold,
            decision.calibration,
            base,
        )
        return made

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities of shape (n, n_classes), columns as in `classes_`."""
        check_is_fitted(self)
        return self.calibration_.apply(self._load().score(_texts(X)))

    def predict(self, X: Sequence[str]) -> NDArray[Any]:
        """Each text's class: by `decision_threshold_`, or else the most probable one."""
        probabilities = self.predict_proba(X)
        classes: NDArray[Any] = self.classes_[predict(probabilities, self.decision_threshold_)]
        return classes

    def __getstate__(self) -> dict[str, Any]:
        """Without the loaded network, and without this machine's folder of the base model."""
        return {**super().__getstate__(), "_predictor": None, "_base": None}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.one_d_array, tags.input_tags.two_d_array = True, True, False
        return tags

    def _sections(self) -> tuple[ModelConfig, FineTuneConfig]:
        given = self.get_params()
        model = {name: given[name] for name in _MODEL if name in given} | {"source": self.base_model}
        tuning = {name: given[name] for name in _TUNING if name in given}
        try:
            return ModelConfig(**{**model, "prompt": dict(self.prompt or {})}), FineTuneConfig(**tuning)
        except ValueError as error:  # pydantic's, of several lines
            raise InputError(f"AgileClassifier: {' '.join(str(error).split())}") from None

    def _fetch_base(self) -> Path:
        pins = (self.sha256,) if isinstance(self.sha256, str) else self.sha256
        return fetch_base_model(
            str(self.base_model), sha256=pins, revision=self.revision, token=hub_token(), cache=cache(), mirror=mirror()
        )

    def _load(self) -> Predictor:
        if self._predictor is None:
            with tempfile.TemporaryDirectory() as scratch:
                for name, content in self.adapter_.items():
                    path = Path(scratch) / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
                base = self._base or self._fetch_base()
                _require_same_base(base, ClassifierSpec.load(Path(scratch)))
                self._predictor = Predictor.load(Path(scratch), base=base, checkpoint=self.checkpoint)
        return self._predictor


def _parameters(spec: ClassifierSpec) -> dict[str, Any]:
    return {
        "base_model": spec.base_source,
        "sha256": spec.base_sha256,
        "revision": spec.base_revision,
        "head": "label_tokens" if spec.prompt else "classification",
        "pooling": _MODEL["pooling"].default if spec.prompt else spec.pooling,
        "prompt": asdict(spec.prompt) if spec.prompt else None,
        "quantization": spec.quantization,
        "max_length": spec.max_length,
    }


def _lora_parameters(adapter: Path) -> dict[str, Any]:
    """Those that PEFT writes down; of `all-linear` it keeps the names that it found."""
    written = json.loads((adapter / "best" / "adapter_config.json").read_text(encoding="utf-8"))
    return {
        "rank": written["r"],
        "alpha": written["lora_alpha"],
        "dropout": written["lora_dropout"],
        "target_modules": tuple(sorted(written["target_modules"])),
    }


def _read_decision(adapter: Path) -> Decision:
    """A registered version's; what `fine_tune` alone wrote has none."""
    return Decision.load(adapter) if (adapter / DECISION_FILE).is_file() else Decision(decision_threshold=None)


def _read_files(adapter: Path, *parts: Path) -> dict[str, bytes]:
    """Contents by path below the adapter's folder."""
    files = [file for part in parts for file in (part, *part.rglob("*")) if file.is_file()]
    return {str(file.relative_to(adapter)): file.read_bytes() for file in files}


def _require_same_base(base: Path, spec: ClassifierSpec) -> None:
    if (digest := tree_digest(base)) != spec.base_digest:
        raise InputError(
            f"base model {spec.base_source}: digest is {digest}, the adapter was trained on {spec.base_digest}"
        )


def _texts(values: Sequence[str]) -> list[str]:
    texts = list(values)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"X: row {row} is {text!r}; a text is needed")
    return texts

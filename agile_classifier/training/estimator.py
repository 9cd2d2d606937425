"""AgileClassifier: the classifier of a run as a scikit-learn estimator, for notebooks and searches without a pipeline.

from agile_classifier.training.estimator import AgileClassifier
model = AgileClassifier("sentence-transformers/all-MiniLM-L6-v2", revision="…", epochs=3).fit(texts, labels)
model.predict_proba(["what a lovely day"])
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from agile_classifier.config.ensemble.members import Planned, list_members
from agile_classifier.config.moderation.evasion import Normalize
from agile_classifier.config.section import Section
from agile_classifier.config.training import FineTuneConfig, ModelConfig
from agile_classifier.environment import cache, hub_token, mirror
from agile_classifier.errors import InputError, explain_validation
from agile_classifier.files import tree_digest
from agile_classifier.label_sets import join_labels
from agile_classifier.metrics.bands import Bands
from agile_classifier.metrics.calibration import Calibration
from agile_classifier.metrics.metrics import DEFAULT_THRESHOLD, DecisionThreshold
from agile_classifier.models.decision import Decided, Decision
from agile_classifier.models.digests import verify_inside
from agile_classifier.models.ensemble.bases import fetch_bases, fetch_bases_of, list_pins
from agile_classifier.models.ensemble.members import is_network, list_member_folders, list_networks
from agile_classifier.models.hardware import choose_devices
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.models.starts.folder import require_fit, trace_folder
from agile_classifier.training.ensemble import Means, describe_members, train_members
from agile_classifier.training.fitted.adapter_files import (
    list_parts,
    read_decision,
    read_files,
    read_lora,
    read_member,
    read_parameters,
    require_same_bases,
)
from agile_classifier.training.fitted.label_tables import is_label_table, read_label_table, require_several
from agile_classifier.training.fitted.origin import Origin, open_start, read_origin

_SECTIONS = (ModelConfig, FineTuneConfig)
_FIELDS = {name: field for section in _SECTIONS for name, field in section.model_fields.items() if name != "source"}
_SIGNATURE = Signature([
    Parameter("self", Parameter.POSITIONAL_OR_KEYWORD),
    Parameter("base_model", Parameter.POSITIONAL_OR_KEYWORD, annotation=str),
    *(
        Parameter(name, Parameter.KEYWORD_ONLY, default=field.default, annotation=field.annotation)
        for name, field in _FIELDS.items()
    ),
    Parameter("normalize", Parameter.KEYWORD_ONLY, default=(), annotation=tuple[str, ...]),
    Parameter("checkpoint", Parameter.KEYWORD_ONLY, default="best", annotation=Literal["best", "last"]),
])  # fmt: skip
"""Signature of `AgileClassifier`, which scikit-learn and a notebook read: the sections' own fields and defaults."""

Init = TypeVar("Init", bound=Callable[..., None])
AnySection = TypeVar("AnySection", bound=Section)


def _takes_fields(init: Init) -> Init:
    """Let a constructor of any keywords say which it takes."""
    init.__signature__ = _SIGNATURE  # type: ignore[attr-defined]  # inspect reads it
    return init


class AgileClassifier(ClassifierMixin, BaseEstimator):
    """A LoRA-tuned text classifier with either head.

    Parameters
    ----------
    base_model : str
        `model.source` of a config: a folder, a hub id, package://…
    **parameters
        Any other field of a config's sections `model` (`head`, `pooling`, `prompt`, `max_length`, …) and `fine_tune`
        (`rank`, `learning_rate`, `epochs`, `early_stopping`, …), under its own name and with its own default; `prompt`
        and `early_stopping` are mappings of their fields. `normalize`, as `data.normalize` of a config: what is undone
        in a text before it is read. And `checkpoint`, `best` or `last`: which one answers; they are the same without
        validation texts.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes; of several labels their names, or numbers where nothing names them.
    adapter_ : dict of str to bytes
        What was trained, as files; a pickle holds it and not the base model.
    decision_threshold_ : float, tuple of float or None
        Cut on the probability of `classes_[1]`, of a registered version; None: the most probable class. Of several
        labels one each, 0.5 unless a registered version has others.
    bands_ : Bands or None
        What a registered version decides without a person, and what it promises of that.

    Examples
    --------
    >>> model = AgileClassifier("sentence-transformers/all-MiniLM-L6-v2", revision="…", epochs=3, rank=16)
    >>> model.get_params()["learning_rate"]
    0.001
    """

    base_model: str
    normalize: Sequence[str]
    checkpoint: str
    _predictor: Predictor | None = None
    _origin: Origin | None = None
    """Start of the version or folder that this was made of, which a clone that keeps `start_from` goes on from too."""
    _base: Path | None = None
    """Folder of the base model, where it was brought along; of this machine, so no part of a pickle."""

    @_takes_fields
    def __init__(self, base_model: str, **parameters: Any) -> None:
        given = _SIGNATURE.bind(self, base_model, **parameters)
        given.apply_defaults()
        for name, value in given.arguments.items():
            if name != "self":
                setattr(self, name, value)

    def fit(
        self, X: Sequence[str], y: Sequence[Any], validation: tuple[Sequence[str], Sequence[Any]] | None = None
    ) -> AgileClassifier:
        """Tune a fresh adapter; `validation`, texts and classes, chooses the best epoch.

        Parameters
        ----------
        y : sequence of shape (n,), or table of shape (n, n_labels) of 0 and 1
            Classes; or which of several labels each text carries. Columns of a DataFrame name the labels.

        Raises
        ------
        ValueError
            A text is no text, there is one class only, or lengths differ.
        InputError
            A parameter is not allowed, or the base model cannot be used.
        """
        texts = _texts(X)
        check_consistent_length(texts, y)
        if is_label_table(y):
            self.classes_, codes = read_label_table(y)
            held_codes: Any = join_labels(validation[1]) if validation else []
        else:
            self.classes_, codes = np.unique(column_or_1d(y), return_inverse=True)
            held_codes = np.searchsorted(self.classes_, validation[1]) if validation else []
        if len(self.classes_) < 2:
            raise ValueError(f"y: needs two or more classes, found 1 class: {self.classes_[0]!r}")
        held_out = (_texts(validation[0]), held_codes) if validation else ([], [])
        parts = {"train": (texts, codes), "validation": held_out}
        model, settings = self._model(), self._section(FineTuneConfig)
        names, several = [*map(str, self.classes_)], is_label_table(y)
        planned = _plan(model, settings)
        if several:
            require_several(planned)
        base = fetch_bases(list_pins(planned), token=hub_token(), cache=cache(), mirror=mirror())
        start = None if model.start_from is None else open_start(model.start_from, self._origin)
        if start is not None:
            require_fit(start, model, settings, base_digest=tree_digest(base[0]))
        members = describe_members(
            planned, base=base, class_names=names, several=several, normalize=_read_normalize(self.normalize),
            start=start, starts=trace_folder(start) if start else (),
        )  # fmt: skip
        devices = choose_devices(settings.devices, device=settings.device, batch_size=settings.batch_size)
        with tempfile.TemporaryDirectory() as scratch:
            adapter = Path(scratch) / "adapter"
            train_members(
                {part: pd.DataFrame({"text": texts, "label": labels}) for part, (texts, labels) in parts.items()},
                members,
                Means(Path(scratch) / "checkpoints", devices=devices),
                output=adapter,
            )
            self.adapter_ = read_files(adapter, adapter)
        self.decision_threshold_: DecisionThreshold = (DEFAULT_THRESHOLD,) * len(names) if several else None
        self.calibration_ = Calibration()
        self.bands_: Bands | None = None
        self._base, self._predictor = None, None
        return self

    @classmethod
    def from_adapter(cls, adapter: Path, *, base: Path | None = None, **tuning: Any) -> AgileClassifier:
        """Make a fitted classifier of a folder that `fine_tune` wrote, or of a registered version's.

        Parameters
        ----------
        base : Path, optional
            Folder of the base model; without it, it is fetched by the pin that the folder names.
        tuning
            Parameters that the folder does not record, `epochs` say: what a clone would be fitted with. Of a classifier
            that went on from another, `start_from` is the folder of that one.
        """
        verify_inside(adapter)
        spec, others = ClassifierSpec.load(adapter), list_member_folders(adapter).values()
        members = {"members": tuple(map(read_member, others))} if others else {}
        origin = read_origin(spec, tuning.get("start_from"))
        start = {"start_from": origin.address} if origin else {}
        made = cls(**{**read_parameters(spec), **read_lora(adapter), **members, **tuning, **start})
        made._origin = origin
        made.classes_ = np.asarray(spec.class_names)
        networks = [network / part for network in list_networks(adapter) for part in list_parts(made.checkpoint)]
        made.adapter_ = read_files(adapter, *networks, *(each for each in others if not is_network(each)))
        decision = read_decision(adapter)
        made.decision_threshold_, made.calibration_ = decision.decision_threshold, decision.calibration
        made.bands_, made._base = decision.bands, base
        return made

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities of shape (n, n_classes), columns as in `classes_`."""
        return self._answer(X).y_score

    def predict(self, X: Sequence[str]) -> NDArray[Any]:
        """Each text's class: by `decision_threshold_`, or else the most probable one.

        Of several labels a table of shape (n, n_labels), 1 where a text carries one.
        """
        found = self._answer(X).y_pred
        if found.ndim == 2:
            return found
        classes: NDArray[Any] = self.classes_[found]
        return classes

    def decide(self, X: Sequence[str]) -> NDArray[Any]:
        """Decide on each text by a registered version's bands: `release`, `review` or `remove`, of shape (n,).

        Raises
        ------
        InputError
            There are no bands.
        """
        check_is_fitted(self)
        if self.bands_ is None:
            raise InputError("AgileClassifier: no bands; those of a version trained with decision.bands are here")
        decided: NDArray[Any] = self.bands_.decide(self._load().score(_texts(X)))
        return decided

    def __sklearn_clone__(self) -> AgileClassifier:
        """An unfitted copy, which knows the start that this was made from."""
        copied: AgileClassifier = super().__sklearn_clone__()
        copied._origin = self._origin
        return copied

    def __getstate__(self) -> dict[str, Any]:
        """Without the loaded network, and without this machine's folder of the base model."""
        return {**super().__getstate__(), "_predictor": None, "_base": None}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.one_d_array, tags.input_tags.two_d_array = True, True, False
        return tags

    def _answer(self, X: Sequence[str]) -> Decided:
        check_is_fitted(self)
        decision = Decision(decision_threshold=self.decision_threshold_, calibration=self.calibration_)
        return decision.apply(self._load().score(_texts(X)))

    def _model(self) -> ModelConfig:
        return self._section(ModelConfig, source=self.base_model)

    def _section(self, section: type[AnySection], **more: Any) -> AnySection:
        """Build a section of the config from this estimator's parameters; `prompt` may be None for its default."""
        given = {name: value for name, value in self.get_params().items() if name in section.model_fields}
        if given.get("prompt", ...) is None:
            del given["prompt"]
        try:
            return section(**given, **more)
        except ValidationError as error:
            raise InputError(f"AgileClassifier: {explain_validation(error, section)}") from None

    def _load(self) -> Predictor:
        if self._predictor is None:
            with tempfile.TemporaryDirectory() as scratch:
                for name, content in self.adapter_.items():
                    path = Path(scratch) / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
                base = fetch_bases_of(Path(scratch)) if self._base is None else self._base
                if self._base is not None:
                    require_same_bases(self._base, Path(scratch))
                self._predictor = Predictor.load(Path(scratch), base=base, checkpoint=self.checkpoint)
        return self._predictor


def _read_normalize(names: Sequence[str]) -> tuple[str, ...]:
    try:
        found: tuple[str, ...] = TypeAdapter(Normalize).validate_python(names)
    except ValidationError as error:
        raise InputError(f"AgileClassifier: {explain_validation(error, within='normalize')}") from None
    return found


def _plan(model: ModelConfig, settings: FineTuneConfig) -> tuple[Planned, ...]:
    try:
        return list_members(model, settings)
    except ValueError as error:
        raise InputError(f"AgileClassifier: {error}") from None


def _texts(values: Sequence[str]) -> list[str]:
    texts = list(values)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"X: row {row} is {text!r}; a text is needed")
    return texts

"""Search: other learning rates, ranks, epochs and targets for a config, by their score on held-out folds of train.

Neither test nor validation is read: one part of a few hundred rows is too small to choose among dozens of configs by
(198 are ± 0.05 ROC AUC), and a part that chose must not set the decision threshold too. So train is cut into folds,
each held out once; a try that falls behind after a fold is given up. The config as it is, is the first try and what the
best is compared with, fold by fold.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from agile_classifier.config.evaluation import EvaluationConfig
from agile_classifier.config.files import parse_config, pin_data, set_value
from agile_classifier.config.labels.many import MANY
from agile_classifier.config.run import RunConfig
from agile_classifier.errors import InputError
from agile_classifier.evaluation.contenders import require_cuttable
from agile_classifier.studies.grid import DECIDING
from agile_classifier.studies.trial import read_parts, run_on_parts

SPACE: Mapping[str, BaseDistribution] = {
    "fine_tune.learning_rate": FloatDistribution(1e-4, 3e-3, log=True),
    "fine_tune.rank": CategoricalDistribution((4, 8, 16, 32)),
    "fine_tune.epochs": IntDistribution(2, 10),
    "labels.target": CategoricalDistribution(("hard", "soft")),
}
"""Field of a config → what is tried, and the config's own value; `labels.target` only where texts have scores that the
loss can be taught."""

RANDOM_TRIES = 5
"""Tries drawn at random before the sampler learns from them."""

Parts = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Try:
    """Values for the fields of the space, and what came of them."""

    values: Mapping[str, Any]
    folds: tuple[float, ...]
    """The metric on each fold that was run."""

    @property
    def score(self) -> float:
        """Mean over the folds."""
        return mean(self.folds)


@dataclass(frozen=True)
class Found:
    """What a search knows."""

    own: Try
    """The config as it is."""
    best: Try
    """Best try of those that ran on every fold; it may be the config's own."""
    n_tries: int
    n_given_up: int

    @property
    def gain(self) -> tuple[float, float]:
        """Mean gain of the best on the config's own, fold by fold, and its standard error."""
        gains = np.subtract(self.best.folds, self.own.folds)
        return float(gains.mean()), float(gains.std(ddof=1) / len(gains) ** 0.5)


class Search:
    """Tries one after the other, each kept in a file as soon as a fold is done, so that a later call goes on.

    Parameters
    ----------
    parameters : dict
        A config's sections, as its file holds them.
    folder : Path
        Where searches are kept, a file each; the same config, metric and number of folds find the same file.
    folds : int
        At least 2.

    Raises
    ------
    InputError
        A class has fewer rows of train than there are folds.
    """

    def __init__(self, parameters: dict[str, Any], *, name: str, metric: str, folds: int, folder: Path) -> None:
        self.parameters, self.name, self.metric, self.n_folds = parameters, name, metric, folds
        self.config = pin_data(parse_config(parameters, name=name))
        if self.config.labels.rule == MANY:
            raise InputError(f"{name}: a search tries classifiers of one label; found labels.rule many")
        self.own = {field: _value(self.config, field) for field in SPACE if _is_tried(field, self.config)}
        self.space = {field: _widened(SPACE[field], value) for field, value in self.own.items()}
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / f"{self._key()}.log"
        self.study = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(self.file))),
            study_name="search",
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=0),
        )
        # a search that goes on must not draw the same random tries again
        self.study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=RANDOM_TRIES, seed=self.config.fine_tune.seed + len(self.study.trials)
        )

    def run(self, *, minutes: float, say: Callable[[str], None]) -> Found:
        """Try until the next try would not end in time; the config's own is always tried to its end."""
        self._take_up_again()
        end = time.monotonic() + 60 * minutes
        while True:
            expected = self._seconds_of_a_try()
            if self._finished() and time.monotonic() + expected > end:
                return self.found()
            trial = self.study.ask(dict(self.space))
            folds = self._run(trial)
            state = "given up" if len(folds) < self.n_folds else "done"
            if not folds:
                say(f"try {trial.number + 1} left out: {_in_words(trial.params)} cannot be trained together")
                continue
            say(
                f"try {trial.number + 1} {state}: {self.metric} {mean(folds):.3f}"
                f" on {len(folds)} of {self.n_folds} folds,"
                f" {_in_words(trial.params)}; best {self.found().best.score:.3f},"
                f" {max(0.0, end - time.monotonic()) / 60:.0f} min left"
            )

    def found(self) -> Found:
        """What is known so far; the config's own must have been tried."""
        finished = self._finished()
        own = next(done for done in finished if done.params == self.own)
        best = max(finished, key=lambda done: done.value or 0.0)
        given_up = self.study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))
        return Found(_as_try(own), _as_try(best), len(finished) + len(given_up), len(given_up))

    def with_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The config's sections, with these values."""
        changed: dict[str, Any] = json.loads(json.dumps(self.parameters))
        for field, value in values.items():
            set_value(changed, field, value)
        return changed

    def _run(self, trial: optuna.Trial) -> list[float]:
        """Judge a try fold by fold; one below the median of the others after a fold is given up."""
        folds: list[float] = list(trial.user_attrs.get("folds", ()))
        try:
            config = parse_config(self.with_values(trial.params), name=self.name)
        except InputError:  # values that do not go together, as those that make a member of an ensemble another again
            self.study.tell(trial, state=TrialState.PRUNED)
            return folds
        for place, (parts, class_names) in enumerate(self._read_folds(config)):
            if place >= len(folds):
                began = time.monotonic()
                folds.append(run_on_parts(_without_policy(config), parts, class_names).metrics[self.metric])
                trial.set_user_attr("folds", folds)
                trial.set_user_attr(f"seconds {place}", time.monotonic() - began)
            trial.report(mean(folds), step=place)
            if len(folds) < self.n_folds and trial.should_prune():
                self.study.tell(trial, state=TrialState.PRUNED)
                return folds
        self.study.tell(trial, mean(folds))
        return folds

    def _read_folds(self, config: RunConfig) -> Iterator[tuple[Parts, list[str]]]:
        """`n_folds` times the rest of train as `train`, no validation, and a fold as `test`; and the class names."""
        parts, class_names = read_parts(config)
        require_cuttable(config.evaluation, n_classes=len(class_names))
        rows = parts["train"]
        rarest = int(rows["label"].value_counts().min())
        if rarest < self.n_folds:
            raise InputError(
                f"{self.name}: the rarest class of train has {rarest} rows; --folds {self.n_folds} needs as many"
            )
        by_group = config.split.keeps_groups and "group" in rows
        chosen = StratifiedGroupKFold if by_group else StratifiedKFold
        cut = chosen(self.n_folds, shuffle=True, random_state=config.split.seed)
        for learnt, held_out in cut.split(rows, rows["label"], rows["group"] if by_group else None):
            train, test = (rows.iloc[places].reset_index(drop=True) for places in (learnt, held_out))
            yield {"train": train, "validation": rows.iloc[:0], "test": test}, class_names

    def _take_up_again(self) -> None:
        """Queue the config's own values, then those that an earlier call was killed in, with the folds it had done."""
        left = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if not any(known.params == self.own for known in (*self._finished(), *left)):
            self.study.enqueue_trial(self.own)
        for trial in left:
            if trial.params.keys() == self.own.keys():
                self.study.enqueue_trial(trial.params, user_attrs=trial.user_attrs)
            self.study.tell(trial.number, state=TrialState.FAIL)

    def _finished(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))

    def _seconds_of_a_try(self) -> float:
        took = [
            sum(value for name, value in done.user_attrs.items() if name.startswith("seconds "))
            for done in self._finished()
        ]
        return mean(took) if took else 0.0

    def _key(self) -> str:
        """Digest of what decides a try, but for what is searched."""
        sections = self.config.model_dump(mode="json", include=set(DECIDING))
        for field in self.space:
            section, _, name = field.partition(".")
            sections[section].pop(name)
        decides = [sections, self.own, self.metric, self.n_folds, sorted(map(str, self.space.items()))]
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def _is_tried(field: str, config: RunConfig) -> bool:
    return field != "labels.target" or (config.labels.needs_score and config.fine_tune.takes_soft_targets)


def _without_policy(config: RunConfig) -> RunConfig:
    """Folds have no validation for a policy to choose on; `best_f1` is 0.5 there. A number stays."""
    if isinstance(config.evaluation.decision_threshold, float):
        return config
    kept = config.evaluation.model_dump(exclude={"decision_threshold", "least", "false_negative_cost"})
    return config.model_copy(update={"evaluation": EvaluationConfig(**kept, decision_threshold="best_f1")})


def _value(config: RunConfig, field: str) -> Any:
    section, _, name = field.partition(".")
    return getattr(getattr(config, section), name)


def _widened(tried: BaseDistribution, own: Any) -> BaseDistribution:
    """With the config's own value in it."""
    if isinstance(tried, CategoricalDistribution):
        return CategoricalDistribution(tuple(dict.fromkeys((*tried.choices, own))))
    if isinstance(tried, FloatDistribution):
        return FloatDistribution(min(tried.low, own), max(tried.high, own), log=tried.log)
    if isinstance(tried, IntDistribution):
        return IntDistribution(min(tried.low, own), max(tried.high, own))
    raise TypeError(type(tried).__name__)


def _as_try(trial: FrozenTrial) -> Try:
    return Try(trial.params, tuple(trial.user_attrs["folds"]))


def _in_words(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{field.partition('.')[2]} {value:.2g}" if isinstance(value, float) else f"{field.partition('.')[2]} {value}"
        for field, value in values.items()
    )

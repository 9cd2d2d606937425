"""Check of a version: the functional tests of a suite, outside a promotion."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from agile_classifier.data.text import text_digest
from agile_classifier.errors import GateRefused, InputError
from agile_classifier.evaluation.bias.figures import as_metric_name
from agile_classifier.evaluation.checks.cases import SuiteCases, list_cases
from agile_classifier.evaluation.checks.outcomes import Outcome, in_words, measure_outcomes
from agile_classifier.evaluation.checks.suite import Class, Suite, read_suite
from agile_classifier.files import write_whole
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.contents import version_files
from agile_classifier.ops.registry.scorer import Scorer
from agile_classifier.ops.scoring.batch import find_scorer
from agile_classifier.ops.state.named_files import find_suite

CHECK = "check."
"""How the tag of a version begins that says what it gets right of a suite."""
LONGEST_TAG = 100_000
"""Longest tag of a version that MLflow keeps, in characters."""


@dataclass(frozen=True)
class Checked:
    """A version held against a suite."""

    model_name: str
    version: str
    outcomes: tuple[Outcome, ...]
    table: pd.DataFrame
    """A row a text: `test`, `text`, `expected`, `label`, `passed`, and the probability of every class."""
    n_learnt: int
    """Texts of the suite that the version has learnt from, or was chosen on: of those a pass says little."""


def check_version(
    wanted: str | None,
    address: str,
    *,
    model_name: str | None,
    classes: Mapping[str, Class] = MappingProxyType({}),
) -> Checked:
    """Hold a version, named by number or alias, or the champion, against a suite.

    Parameters
    ----------
    address : str
        The suite's file, in the working directory or in the configs folder.
    classes : mapping
        Word of the suite → class of the version, in place of what the suite says of it.

    Raises
    ------
    InputError
        No such version or suite, a suite that cannot be read, a class that the version does not have, or a version by
        which a text carries several labels.
    """
    if wanted is None and not Path(address).suffix:
        raise InputError(
            f"agile check {address}: the suite is missing; it follows the version: agile check {address} SUITE"
        )
    cases = list_cases(_with_classes(read_suite(find_suite(address)), classes))
    name, number = find_scorer(_only_model(model_name, wanted), wanted)
    spec = version_files.read_spec(name, number)
    if spec.several:
        raise InputError(
            f"model {name}, version {number}: its texts carry several labels, and a functional test expects one class;"
            f" agile score --evaluate measures each label"
        )
    class_names = tuple(spec.class_names)
    expected = [class_names[index] for index in cases.expected(class_names)]
    texts = [case.text for case in cases.cases]
    answers = Scorer(name, number)(texts)
    table = _as_table(cases, expected, answers, class_names)
    learnt = version_files.read_learnt_from(name, number)
    outcomes = measure_outcomes(cases, table["passed"].to_numpy())
    return Checked(name, number, outcomes, table, sum(text_digest(text) in learnt for text in texts))


def record_check(checked: Checked) -> None:
    """Write on the version, as a tag a suite, what it got right and when."""
    rates = {outcome.test: f"{outcome.passed}/{outcome.n}" for outcome in checked.outcomes}
    said = f"{in_words(checked.outcomes)} ({datetime.now(UTC):%Y-%m-%d %H:%M} UTC) {json.dumps(rates)}"
    tag = f"{CHECK}{as_metric_name(checked.outcomes[0].suite)}"
    registry.tag_version(checked.model_name, checked.version, {tag: said[:LONGEST_TAG]})


def write_answers(checked: Checked, output: Path) -> None:
    """Write every text with its answer as CSV, those that fail first."""
    ordered = checked.table.sort_values(["passed", "test"], kind="stable")
    write_whole(output, ordered.to_csv(index=False))


def require_kept(checked: Checked) -> None:
    """Refuse a version that fails a test.

    Raises
    ------
    GateRefused
        A test is below its least pass rate.
    """
    broken = [outcome.test for outcome in checked.outcomes if not outcome.is_kept]
    if broken:
        raise GateRefused(
            f"model {checked.model_name}: version {checked.version} fails {len(broken)} of {len(checked.outcomes)}"
            f" functional tests of {checked.outcomes[0].suite}: {', '.join(broken)}"
        )


def _with_classes(suite: Suite, classes: Mapping[str, Class]) -> Suite:
    return suite.model_copy(update={"classes": {**suite.classes, **classes}})


def _only_model(model_name: str | None, wanted: str | None) -> str | None:
    """The model of a version that is named: the only one there is, where none is given."""
    return model_name if wanted is None else registry.only_model(model_name)


def _as_table(
    cases: SuiteCases, expected: Sequence[str], answers: pd.DataFrame, class_names: Sequence[str]
) -> pd.DataFrame:
    columns = [f"{PROBABILITY}{name}" for name in class_names]
    told = pd.DataFrame(
        {
            "test": [case.test for case in cases.cases],
            "text": [case.text for case in cases.cases],
            "expected": list(expected),
            "label": answers["label"].to_numpy(),
        }
    )
    passed = np.asarray(told["expected"] == told["label"], dtype=bool)
    return pd.concat([told.assign(passed=passed), answers[columns].reset_index(drop=True)], axis=1)


def read_class(written: str) -> tuple[str, Class]:
    """Read `WORD=CLASS` of the command line; a class of digits alone is a place.

    Raises
    ------
    InputError
        There is no such sign in it.
    """
    word, sign, name = written.rpartition("=")
    if not sign or not word or not name:
        raise InputError(f"--class {written}: expected WORD=CLASS, a word of the suite and a class of the version")
    return word, int(name) if name.isdecimal() else name

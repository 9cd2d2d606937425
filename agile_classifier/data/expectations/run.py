"""Validation of examples against a suite of Great Expectations, read from YAML, before anything is learnt from them.

Great Expectations drops an entry it does not understand and calls an empty suite a success; here both are errors. The
gate is the severity of what failed: a failed critical expectation refuses the data, a failed warning only tells.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import filterwarnings

if logging.getLogger("great_expectations").level == logging.NOTSET:  # its import alone logs hundreds of INFO lines
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
if not sys.warnoptions:  # it imports Google's clients where they are installed, and they warn of this Python's age
    filterwarnings("ignore", category=FutureWarning, module="google")

import great_expectations as gx
import pandas as pd
from great_expectations.compatibility import pydantic as gx_pydantic
from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.exceptions.exceptions import ExpectationNotFoundError
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.expectations.registry import get_expectation_impl

import agile_classifier.data.expectations.types  # noqa: F401  (registers the expectations that a suite may name)
from agile_classifier.data.expectations.page import render_validation_page, shown
from agile_classifier.data.expectations.suite import Entry, Suite, read_entries
from agile_classifier.data.tables import source_name
from agile_classifier.errors import InputError, explain_validation, one_line

__all__ = ["Failure", "Suite", "ValidationReport", "evaluate_expectations", "read_suite"]

MAX_ROWS = 20
"""Most failing rows kept of one expectation."""

MAX_ROWS_IN_SENTENCE = 3
"""Most failing rows named in a failure's sentence."""


@dataclass(frozen=True)
class Failure:
    """An expectation that does not hold."""

    expectation: str
    """Type of the expectation, as the suite names it."""
    column: str | None
    reason: str
    n_failed: int
    """Number of failing rows; 0 if the expectation is not about single rows."""
    rows: tuple[tuple[str, str], ...]
    """The first failing rows, at most 20: the id of the example (or its row, from 1) and the value, shortened."""
    sentence: str
    """One line: what must hold, how many rows fail, and which."""


@dataclass(frozen=True)
class ValidationReport:
    """Result of a validation: which expectations failed, and a page for people."""

    critical: tuple[Failure, ...]
    """Failures that refuse the data."""
    warnings: tuple[Failure, ...]
    """Failures that only warn."""
    n_expectations: int
    html: str
    """Page for people as HTML: one file, without scripts or anything to load."""


def read_suite(path: Path) -> Suite:
    """Read a suite and build every entry once, because Great Expectations would silently drop a wrong one.

    Raises
    ------
    InputError
        Names the file, the entry (from 1), what was found and what is allowed.
    """
    entries = read_entries(path)
    for number, entry in enumerate(entries, start=1):
        _build_once(entry, where=f"{path}: expectation {number}")
    suite = Suite(name=str(path), entries=entries)
    _as_gx_suite(suite, parameters=dict.fromkeys(suite.parameters, 0))
    return suite


def evaluate_expectations(
    examples: pd.DataFrame, *, suite: Suite, parameters: Mapping[str, float | int], provisional_label: pd.Series | None
) -> ValidationReport:
    """Evaluate every expectation of the suite; none is left out for lack of a column (for that, `Suite.without`).

    Parameters
    ----------
    examples : DataFrame of shape (n, n_columns)
        Columns `id` and `text`, often `score`; not changed.
    parameters : mapping
        A value for each of `suite.parameters`.
    provisional_label : Series of shape (n,), or None
        The class of each example, in the order of the rows; the suite sees it as the column `provisional_label`.

    Raises
    ------
    InputError
        The suite uses a parameter that the run does not give.
    """
    missing = sorted(suite.parameters - set(parameters))
    if missing:
        raise InputError(f"{suite.name}: unknown parameter {missing[0]}; a run gives {', '.join(sorted(parameters))}")
    frame = examples.reset_index(drop=True)
    if provisional_label is not None:
        frame["provisional_label"] = provisional_label.to_numpy()
    frame = frame.rename(columns=_shown_names(frame))
    result = _run(frame, suite=suite, parameters=parameters)
    _name_rows(result, names=_names_of(frame))
    failures: dict[str, list[Failure]] = {"critical": [], "warning": []}
    for entry, entry_result in zip(suite.entries, _in_order(result, suite=suite), strict=True):
        if not entry_result.success:
            failures[entry.severity].append(_failure(entry, entry_result, parameters=parameters))
    critical, warnings = tuple(failures["critical"]), tuple(failures["warning"])
    sentences = {
        "critical": [failure.sentence for failure in critical],
        "warnings": [failure.sentence for failure in warnings],
    }
    page = render_validation_page(result, **sentences)
    return ValidationReport(critical=critical, warnings=warnings, n_expectations=len(suite.entries), html=page)


def _shown_names(frame: pd.DataFrame) -> dict[str, str]:
    """Kept columns under the names that a suite knows them by, the person's own; a role of that name goes before."""
    names = {column: source_name(column) for column in frame.columns}
    return {column: name for column, name in names.items() if name not in frame.columns}


def _build_once(entry: Entry, *, where: str) -> None:
    try:
        _as_gx_expectation(entry, number=0, description=entry.reason)
    except ExpectationNotFoundError:
        raise InputError(f"{where}: type: unknown expectation {entry.type}") from None
    except gx_pydantic.ValidationError as error:
        raise InputError(f"{where} ({entry.type}): {explain_validation(error)}") from None


def _as_gx_expectation(entry: Entry, *, number: int, description: str) -> Expectation:
    build = get_expectation_impl(entry.type)
    return build(
        **entry.kwargs, severity=FailureSeverity(entry.severity), description=description, meta={"number": number}
    )


def _as_gx_suite(suite: Suite, *, parameters: Mapping[str, float | int]) -> gx.ExpectationSuite:
    expectations = [
        _as_gx_expectation(entry, number=number, description=_demand(entry, parameters=parameters))
        for number, entry in enumerate(suite.entries)
    ]
    gx_suite = gx.ExpectationSuite(name="examples", expectations=expectations)
    if not suite.entries or len(gx_suite.expectations) != len(suite.entries):
        raise InputError(f"{suite.name}: {len(suite.entries)} expectations listed, {len(gx_suite.expectations)} loaded")
    return gx_suite


def _names_of(frame: pd.DataFrame) -> list[str]:
    """Name of each row: its id, or its number from 1 if it has none, so that failing rows can always be named."""
    ids = list(frame["id"]) if list(frame.columns).count("id") == 1 else [None] * len(frame)
    names = ["" if pd.isna(id_) else "".join(filter(str.isprintable, str(id_))).strip() for id_ in ids]
    return [name or f"row {number}" for number, name in enumerate(names, start=1)]


def _run(
    frame: pd.DataFrame, *, suite: Suite, parameters: Mapping[str, float | int]
) -> ExpectationSuiteValidationResult:
    """Run a suite by Great Expectations in memory: no files, no telemetry, no progress bars."""
    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            data_docs_sites={},
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        ),
    )
    asset = context.data_sources.add_pandas("examples").add_dataframe_asset("examples")
    definition = gx.ValidationDefinition(
        name="examples",
        data=asset.add_batch_definition_whole_dataframe("all"),
        suite=context.suites.add(_as_gx_suite(suite, parameters=parameters)),
    )
    return context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": frame},
        expectation_parameters=dict(parameters),
        result_format={"result_format": "COMPLETE", "return_unexpected_index_query": False},
    )


def _name_rows(result: ExpectationSuiteValidationResult, *, names: Sequence[str]) -> None:
    """Keep and name the first failing rows of each expectation, which Great Expectations does slowly."""
    for values in (each.result for each in result.results):
        values["unexpected_list"] = values.get("unexpected_list", [])[:MAX_ROWS]
        positions = values.get("unexpected_index_list", [])[:MAX_ROWS]
        values["unexpected_index_list"] = [{"example": names[position]} for position in positions]


def _in_order(result: ExpectationSuiteValidationResult, *, suite: Suite) -> list[ExpectationValidationResult]:
    """Sort results into the order of the suite; Great Expectations puts those that raised first."""
    by_number = {each.expectation_config.meta["number"]: each for each in result.results if each.expectation_config}
    return [by_number[number] for number in range(len(suite.entries))]


def _failure(entry: Entry, result: ExpectationValidationResult, *, parameters: Mapping[str, float | int]) -> Failure:
    values = result.result
    names = [row["example"] for row in values["unexpected_index_list"]]
    rows = tuple(zip(names, map(shown, values["unexpected_list"]), strict=True))
    n_failed = int(values.get("unexpected_count", 0))
    found = _found(result, rows=rows, n_failed=n_failed)
    return Failure(
        expectation=entry.type,
        column=entry.column,
        reason=entry.reason,
        n_failed=n_failed,
        rows=rows,
        sentence=f"{entry.column or 'examples'}: {_demand(entry, parameters=parameters)}: {found}",
    )


def _demand(entry: Entry, *, parameters: Mapping[str, float | int]) -> str:
    """Reason of an expectation, with the values of this run that it depends on."""
    limits = ", ".join(f"{name} {parameters[name]}" for name in entry.parameters)
    return f"{entry.reason} ({limits})" if limits else entry.reason


def _found(result: ExpectationValidationResult, *, rows: tuple[tuple[str, str], ...], n_failed: int) -> str:
    exception = _exception_message(result.exception_info)
    if exception is not None:
        return f"could not be evaluated: {exception}"
    if not n_failed:
        return f"found {result.result['observed_value']}" if "observed_value" in result.result else "not found"
    named = ", ".join(f"{name} ({value})" for name, value in rows[:MAX_ROWS_IN_SENTENCE])
    more = f" and {n_failed - MAX_ROWS_IN_SENTENCE} more" if n_failed > MAX_ROWS_IN_SENTENCE else ""
    return (
        f"{n_failed} of {result.result['element_count']} examples {'fails' if n_failed == 1 else 'fail'}: {named}{more}"
    )


def _exception_message(info: Mapping[str, Any]) -> str | None:
    """What one of the metrics raised, on one line; Great Expectations nests it where several may have."""
    for each in (info, *(value for value in info.values() if isinstance(value, dict))):
        if each.get("raised_exception"):
            return one_line(each["exception_message"])
    return None

"""Expectations about texts and classes that Great Expectations lacks; defining one registers it.

A suite names them in `type`, in snake case. Like the built-in ones they look at rows that are not null, and are silent
on an empty column: a suite that uses one also expects no nulls and enough rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import pandas as pd
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import (
    BatchExpectation,
    ColumnAggregateExpectation,
    ColumnMapExpectation,
    ColumnPairMapExpectation,
)
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
    column_aggregate_value,
)
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (
    ColumnMapMetricProvider,
)
from great_expectations.expectations.metrics.map_metric_provider.column_pair_condition_partial import (
    column_pair_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_pair_map_metric_provider import (
    ColumnPairMapMetricProvider,
)

from agile_classifier.data.text import has_control_characters, is_blank, looks_like_mojibake, normalised


class ColumnValuesVisibleText(ColumnMapMetricProvider):
    """Row condition: a value is not blank."""

    condition_metric_name = "column_values.visible_text"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **_: Any) -> pd.Series:
        return _texts_satisfy(column, lambda text: not is_blank(text))


class ExpectColumnValuesToHoldVisibleText(ColumnMapExpectation):
    """Every text has a character that can be seen; `\\S` would let zero-width characters pass."""

    map_metric: ClassVar[str] = "column_values.visible_text"


class ColumnValuesWithoutControlCharacters(ColumnMapMetricProvider):
    """Row condition: a text has no control character."""

    condition_metric_name = "column_values.without_control_characters"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **_: Any) -> pd.Series:
        return _texts_satisfy(column, lambda text: not has_control_characters(text))


class ExpectColumnValuesToHoldNoControlCharacters(ColumnMapExpectation):
    """No text has a control character other than what `agile_classifier.data.text` allows."""

    map_metric: ClassVar[str] = "column_values.without_control_characters"


class ColumnValuesWithoutMojibake(ColumnMapMetricProvider):
    """Row condition: a text does not look decoded with the wrong encoding."""

    condition_metric_name = "column_values.without_mojibake"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **_: Any) -> pd.Series:
        return _texts_satisfy(column, lambda text: not looks_like_mojibake(text))


class ExpectColumnValuesToHoldNoMojibake(ColumnMapExpectation):
    """No text looks like UTF-8 bytes that were read in another encoding."""

    map_metric: ClassVar[str] = "column_values.without_mojibake"


class ColumnValuesAtMostWords(ColumnMapMetricProvider):
    """Row condition: a text has at most `max_words` words."""

    condition_metric_name = "column_values.at_most_words"
    condition_value_keys = ("max_words",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, max_words: int, **_: Any) -> pd.Series:
        return _texts_satisfy(column, lambda text: len(text.split()) <= max_words)


class ExpectColumnValuesToHoldAtMostWords(ColumnMapExpectation):
    """No text has more than `max_words` words, split at white space; its tokens are at least as many."""

    max_words: int | dict[str, Any]
    map_metric: ClassVar[str] = "column_values.at_most_words"
    success_keys: ClassVar[tuple[str, ...]] = ("max_words", "mostly")


class ColumnValuesUniqueAfterNormalisation(ColumnMapMetricProvider):
    """Row condition: no other text is the same after normalisation."""

    condition_metric_name = "column_values.unique_after_normalisation"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **_: Any) -> pd.Series:
        keys = _normalised_keys(column)
        return ~keys.duplicated(keep=False) | keys.isna()


class ExpectColumnValuesToBeUniqueAfterNormalisation(ColumnMapExpectation):
    """No text stands twice, up to normalisation; blank texts are another expectation's matter."""

    map_metric: ClassVar[str] = "column_values.unique_after_normalisation"


class ColumnPairTextsHoldOneLabel(ColumnPairMapMetricProvider):
    """Row condition: all rows with the same normalised text in A have the same value in B."""

    condition_metric_name = "column_pair_values.texts_hold_one_label"

    @column_pair_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]  # untyped in GX
    def _pandas(cls, column_A: pd.Series, column_B: pd.Series, **_: Any) -> pd.Series:
        return ~(column_B.groupby(_normalised_keys(column_A)).transform("nunique") > 1)


class ExpectColumnPairTextsToHoldOneLabel(ColumnPairMapExpectation):
    """No text in `column_A` stands under two labels of `column_B`, up to normalisation."""

    ignore_row_if: Literal["both_values_are_missing", "either_value_is_missing", "neither"] = "either_value_is_missing"
    map_metric: ClassVar[str] = "column_pair_values.texts_hold_one_label"
    success_keys: ClassVar[tuple[str, ...]] = ("ignore_row_if", "mostly")


class ColumnSmallestClassRows(ColumnAggregateMetricProvider):
    """Column metric: rows of the rarest class; 0 if there are fewer than two classes."""

    metric_name = "column.smallest_class_rows"

    @column_aggregate_value(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **_: Any) -> int:
        rows = column.value_counts()
        return int(rows.min()) if len(rows) > 1 else 0


class ExpectColumnSmallestClassToHoldRows(ColumnAggregateExpectation):
    """At least two classes, each with at least `min_value` rows."""

    min_value: int | dict[str, Any]
    metric_dependencies: ClassVar[tuple[str, ...]] = ("column.smallest_class_rows",)
    success_keys: ClassVar[tuple[str, ...]] = ("min_value",)

    def _validate(
        self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None
    ) -> dict[str, Any]:
        rows = metrics["column.smallest_class_rows"]
        return {"success": rows >= self._get_success_kwarg("min_value"), "result": {"observed_value": rows}}


class ExpectColumnNamesToBeUnique(BatchExpectation):
    """No column name stands twice; pandas allows it, and Great Expectations does not notice."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.columns",)

    def _validate(
        self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None
    ) -> dict[str, Any]:
        names = pd.Series(metrics["table.columns"], dtype="object")
        repeated = sorted(names[names.duplicated()].unique())
        return {"success": not repeated, "result": {"observed_value": ", ".join(repeated) or "no name twice"}}


def _texts_satisfy(column: pd.Series, holds: Callable[[str], bool]) -> pd.Series:
    """Whether each text satisfies `holds`; what is no text passes here and fails the expectation on the type."""
    return pd.Series(
        [holds(value) if isinstance(value, str) else True for value in column], index=column.index, dtype=bool
    )


def _normalised_keys(column: pd.Series) -> pd.Series:
    """Key that equal texts share, after normalisation; missing where there is no visible text."""
    keys = [normalised(value) if isinstance(value, str) and not is_blank(value) else None for value in column]
    return pd.Series(keys, index=column.index, dtype="object")

"""Groups: which examples name which group of people, by identity columns and by terms.

What is found stands in the examples, a column a group, so that the report and the promotion speak of the same texts:
1 where a text names the group, 0 where it does not, missing where nobody said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.config.fairness.groups import GroupsConfig
from agile_classifier.data.labels.answers import ABSENT, PRESENT
from agile_classifier.data.labels.cells import shown
from agile_classifier.data.tables import as_name, read_kept
from agile_classifier.data.text import is_missing, normalised
from agile_classifier.errors import InputError
from agile_classifier.evaluation.bias.terms import Terms
from agile_classifier.metrics.metrics import Floats

COLUMN = "names the group "
"""How the name of a group's column begins."""
MOST_VALUES = 24
"""Largest number of groups that one column of words makes, its commonest."""


def add_groups(examples: pd.DataFrame, settings: GroupsConfig, terms: Terms | None) -> pd.DataFrame:
    """The examples with a column for each group.

    Parameters
    ----------
    examples : DataFrame
        With the source columns of the settings, kept.
    terms : Terms or None
        The list that `settings.terms` names.

    Raises
    ------
    InputError
        A column has one value or one that cannot be read, or the terms match no text; names the field and the column.
    """
    found = dict[str, Floats]()
    for field, group, told in _told(examples, settings, terms):
        name = group if group not in found else f"{group} ({field})"
        if name in found:
            raise InputError(f"evaluation.groups.{field}: two groups would be called {name!r}; rename a column")
        found[name] = told
    columns = {f"{COLUMN}{group}": told for group, told in found.items()}
    return pd.concat([examples, pd.DataFrame(columns, index=examples.index)], axis=1)


def read_groups(examples: pd.DataFrame) -> dict[str, Floats]:
    """Group → which examples name it, of shape (n,), as `add_groups` has put it there; empty where it has not."""
    names = [column for column in examples.columns if column.startswith(COLUMN)]
    return {name.removeprefix(COLUMN): examples[name].to_numpy(dtype=np.float64) for name in names}


def _told(examples: pd.DataFrame, settings: GroupsConfig, terms: Terms | None) -> Iterator[tuple[str, str, Floats]]:
    """Field, name and texts of every group."""
    for column in settings.columns:
        for group, told in _read_column(read_kept(examples, column), cut=settings.cut):
            yield "columns", group, told
    for column in settings.categories:
        for group, told in _by_value(read_kept(examples, column), field="categories"):
            yield "categories", group, told
    if terms is not None:
        for group, told in _by_terms(list(examples["text"]), terms, name=settings.terms or ""):
            yield "terms", group, told


def _read_column(cells: pd.Series[Any], *, cut: float) -> Iterator[tuple[str, Floats]]:
    """The group that a column of shares or answers names, or those of a column of words."""
    shares = [_share(cell) for cell in cells]
    is_number = [share is not None for share in shares]
    is_word = [share is None and not _is_empty(cell) for share, cell in zip(shares, cells, strict=True)]
    if any(is_word) and not any(is_number):
        yield from _by_value(cells, field="columns")
        return
    for place, cell in enumerate(cells):
        share = shares[place]
        if is_word[place] or (share is not None and not 0 <= share <= 1):
            raise InputError(
                f"evaluation.groups.columns: column {cells.name!r} holds {shown(cell)}; allowed are 0 and 1, yes and"
                " no, shares from 0 to 1, or words alone; name a column of codes in evaluation.groups.categories"
            )
    told = np.asarray([np.nan if share is None else float(share >= cut) for share in shares])
    _require_both(told, f"evaluation.groups.columns: column {cells.name!r}", cut=cut, cells=cells)
    yield str(cells.name), told


def _require_both(told: Floats, where: str, *, cut: float, cells: pd.Series[Any]) -> None:
    """Refuse a column whose texts all name the group, or none, beside which there is nothing to compare with."""
    if not (told == 1).any() or not (told == 0).any():
        values = dict.fromkeys(shown(cell) for cell in cells if not _is_empty(cell))
        held = f"the one value {next(iter(values))}" if len(values) == 1 else f"no share on both sides of {cut:g}"
        raise InputError(
            f"{where} holds {held if values else 'nothing'} in the {len(told)} test rows, so there is no group to"
            " compare with the others; leave it out, or test on more rows"
        )


def _share(cell: Any) -> float | None:
    """A cell as a share: a number, or a word for yes or no; None of a word that is neither, or of nothing."""
    if _is_empty(cell):
        return None
    if isinstance(cell, bool | int | float | np.number | np.bool_):
        return float(cell)
    word = normalised(str(cell))
    if word in PRESENT or word in ABSENT:
        return float(word in PRESENT)
    try:
        return float(word.replace(",", "."))  # a share has one mark, the decimal one
    except ValueError:
        return None


def _is_empty(cell: Any) -> bool:
    return is_missing(cell) or (isinstance(cell, str) and not cell.strip())


def _by_value(cells: pd.Series[Any], *, field: str) -> Iterator[tuple[str, Floats]]:
    """A group for each of the commonest values of a column, called by column and value."""
    named = np.asarray(["" if is_missing(cell) else as_name(cell).strip() for cell in cells], dtype=object)
    counts = pd.Series(named[named != ""]).value_counts()
    if len(counts) < 2:
        held = f"the one value {str(counts.index[0])!r}" if len(counts) else "nothing"
        raise InputError(
            f"evaluation.groups.{field}: column {cells.name!r} holds {held} in the {len(cells)} test rows, so there is"
            " no group to compare with the others; leave it out, or test on more rows"
        )
    for value in counts.index[:MOST_VALUES]:
        yield f"{cells.name} {value}", np.where(named == "", np.nan, (named == value).astype(np.float64))


def _by_terms(texts: Sequence[str], terms: Terms, *, name: str) -> Iterator[tuple[str, Floats]]:
    """The groups of a list that at least one text names."""
    found = {group: np.asarray(named, dtype=np.float64) for group, named in terms.find(texts).items()}
    if not any(told.any() for told in found.values()):
        raise InputError(
            f"evaluation.groups.terms {name}: none of its terms stands in the {len(texts)} test texts"
            f" ({len(found)} groups: {', '.join(found)[:80]}); is it of their language?"
        )
    for group, told in found.items():
        if told.any():
            yield group, told

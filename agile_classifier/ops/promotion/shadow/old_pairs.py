"""Old pairs: comparisons from the shadow that no decision on promotion can ask for any more."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import cached_property

from mlflow import MlflowClient
from sqlalchemy import func, select

from agile_classifier.ops.feedback.store import SHADOWED, FeedbackStore
from agile_classifier.ops.promotion.champions import PREVIOUS
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.serving.shadow.comparisons import Pair, find_pair
from agile_classifier.ops.state.stores import SQLITE

IN_SERVICE = (registry.CHAMPION, PREVIOUS)
"""Aliases of the champions beside which a candidate may still be judged: that in service, and after a rollback."""


@dataclass(frozen=True)
class OldPair:
    """Comparisons of a pair, the last of which is older than a time, in seconds since 1970."""

    store: FeedbackStore
    pair: Pair
    before: int
    n: int
    n_bytes: int
    """Bytes of the answers and texts."""

    def remove(self) -> bool:
        """Remove them; returns False, and keeps them, if they came into use since."""
        table = SHADOWED.c
        is_going_on = self.store.count(SHADOWED, table.pair == self.pair.key, table.made >= self.before)
        if is_going_on or _Registered(self.pair.model_name).needs(self.pair):
            return False
        self.store.remove(SHADOWED, table.pair == self.pair.key)
        return True


def list_old_pairs(store: FeedbackStore, *, before: int, without: Set[str] = frozenset()) -> Iterator[OldPair]:
    """List what was compared before a time and is no evidence on a registered version.

    Evidence is what a registered candidate has answered beside the present champion or the one before it, however old.
    In a team's database, pairs of a model that this registry does not know are left to the one that does.

    Parameters
    ----------
    before : int
        Seconds since 1970.
    without : set of str
        Versions that count as deleted, as `comments version 3`.
    """
    is_own = store.address.startswith(SQLITE)
    known: dict[str, _Registered] = {}
    for pair, n, n_bytes in list(_read_pairs(store, before)):
        registered = known.setdefault(pair.model_name, _Registered(pair.model_name))
        is_gone = any(f"{pair.model_name} version {each}" in without for each in (pair.champion, pair.candidate))
        if (is_own or registered.versions) and (is_gone or not registered.needs(pair)):
            yield OldPair(store, pair, before, n, n_bytes)


def _read_pairs(store: FeedbackStore, before: int) -> Iterator[tuple[Pair, int, int]]:
    """Pairs that were compared last before a time, each with its number of rows and their bytes."""
    table = SHADOWED.c
    names = (table.model, table.champion, table.candidate, table.pair)
    further = (func.coalesce(func.length(column), 0) for column in (table.candidate_answer, table.text))
    size = func.sum(sum(further, func.length(table.champion_answer)))
    asked = select(*names, func.count(), size).group_by(*names).having(func.max(table.made) < before)
    for *named, n, n_bytes in store.read(asked.order_by(func.min(table.id))):
        yield Pair(*named), int(n), int(n_bytes)


@dataclass(frozen=True)
class _Registered:
    """What the registry knows of a model now."""

    name: str

    @cached_property
    def versions(self) -> frozenset[str]:
        """Numbers of its versions; none where there is no such model."""
        found = MlflowClient().search_model_versions(f"name = '{self.name}'")
        return frozenset(str(version.version) for version in found)

    @cached_property
    def champions(self) -> frozenset[str]:
        """Numbers of the versions beside which a candidate may still be judged."""
        aliases = MlflowClient().get_registered_model(self.name).aliases
        return frozenset(str(aliases[alias]) for alias in IN_SERVICE if alias in aliases)

    def needs(self, pair: Pair) -> bool:
        """Whether a decision may ask for the comparisons of a pair, of these very files."""
        if not {pair.champion, pair.candidate} <= self.versions or pair.champion not in self.champions:
            return False
        return find_pair(self.name, pair.champion, pair.candidate).key == pair.key

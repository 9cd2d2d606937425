"""Page of `agile shadow`: what candidates would have changed, each beside the champion in whose shadow it stood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from agile_classifier.errors import InputError
from agile_classifier.ops.feedback.store import FeedbackStore
from agile_classifier.ops.serving.shadow.comparisons import Figures, Pair, list_pairs, sum_up


def read_shadows(store: FeedbackStore, model_name: str) -> list[tuple[Pair, Figures]]:
    """Every pair of a model that was compared, the one compared last at the end.

    Raises
    ------
    InputError
        None was.
    """
    found = [(pair, sum_up(store, pair.key)) for pair in list_pairs(store, model_name)]
    if not found:
        raise InputError(
            f"model {model_name}: no version has stood in the shadow of its champion; `agile serve --model {model_name}"
            " --shadow candidate` puts one there"
        )
    return found


def as_lines(pair: Pair, figures: Figures) -> Iterator[str]:
    """What a pair's comparisons say, for a person."""
    low, high = figures.interval
    yield f"{pair.model_name} version {pair.candidate} in the shadow of champion {pair.champion}"
    yield f"  from {_moment(figures.since)} to {_moment(figures.until)}"
    yield f"  {figures.n_texts:,} texts in {figures.n_answers:,} answers"
    yield (
        f"  {figures.n_flips:,} texts would be of another class: {figures.share:.2%} (95 % interval {low:.2%} to"
        f" {high:.2%})"
    )
    yield from _changes(figures.flips)
    if figures.n_failed:
        yield f"  {figures.n_failed:,} of them because the candidate failed"
    if figures.n_decided:
        n_changed = figures.bands.total()
        yield f"  {n_changed:,} of {figures.n_decided:,} texts would be decided otherwise"
        yield from _changes(figures.bands)
    if figures.milliseconds is not None:
        champion, candidate = figures.milliseconds
        yield f"  median time of a text: {champion:.1f} ms by the champion, {candidate:.1f} ms by the candidate"


def _changes(counts: Counter[tuple[str, str]]) -> Iterator[str]:
    return (f"    {before} → {after}: {n:,}" for (before, after), n in counts.most_common())


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")

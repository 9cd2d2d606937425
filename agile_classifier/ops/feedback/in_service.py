"""In service: what the store tells of a model, period by period: its drift, its quality, and what is concluded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape

import numpy as np

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.errors import InputError
from agile_classifier.evaluation.drift import Drift
from agile_classifier.evaluation.drift_sample import sample_scores
from agile_classifier.evaluation.quality import (
    Answered,
    Figure,
    Period,
    Quality,
    compare_weights,
    describe,
    find_decayed,
    find_latest,
    measure_figures,
)
from agile_classifier.evaluation.reference import EMBEDDED_TEXTS
from agile_classifier.evaluation.reports.quality import render
from agile_classifier.metrics.metrics import METRICS
from agile_classifier.models.decision import Decision
from agile_classifier.ops.feedback.reading import (
    JudgedPrediction,
    ServedPart,
    count_served,
    read_judged,
    read_served,
    to_judged,
)
from agile_classifier.ops.feedback.signers import SigningVersion, list_signers
from agile_classifier.ops.feedback.store import PREDICTIONS, VERDICTS, FeedbackStore, now, open_store
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.contents import version_files
from agile_classifier.ops.scoring import monitoring, scored_batch

DAY = 86_400
MONDAY = 4 * DAY
"""A Monday, in seconds since 1970: periods of a week begin on one."""
PERIODS_SHOWN = 26
ASSUMED = "if probabilities are calibrated"


@dataclass
class _Held:
    """What the store holds of a version in a period."""

    signing: SigningVersion
    """One of the version's signers."""
    judged: list[JudgedPrediction] = field(default_factory=list)
    served: dict[int, int] = field(default_factory=dict)
    """Predicted class → predictions that were served."""
    server: int | None = None
    """Signer of those."""


def measure_drift(model_name: str | None, settings: MonitoringConfig) -> tuple[Drift, str]:
    """Measure the drift of what the champion has served in the latest period; returns it with its page.

    Of fewer predictions than `monitoring.min_rows` nothing is measured, and without texts not what only they tell.

    Raises
    ------
    InputError
        No champion, or neither a served prediction nor a verdict of its model is in the store.
    """
    with closing(open_store()) as store:
        champion = registry.find_champion(model_name)
        name, version = champion.model_name, champion.version
        if _is_empty(store, name):
            raise InputError(
                f"{store.shown}: holds neither verdicts nor served predictions of {name}; name a FILE of texts, or"
                " serve with --prediction-ids"
            )
        part, source = _read_latest(store, name, version, seconds=settings.period_days * DAY)
    n = len(part.lengths)
    if n < settings.min_rows:
        said = f"Drift not measured: {n} {source}; fewer than monitoring.min_rows ({settings.min_rows}) tell nothing"
        found = Drift(
            drift=False, sentence=said, model_name=name, model_version=version, source=source, n_rows=n, n_reference=0,
            findings=(),
        )  # fmt: skip
        return found, f"<p>{escape(said)}</p>"
    files = version_files.read_files(name, version)
    reference = monitoring.read_reference(files.adapter, name, version)
    sample = sample_scores(reference.class_names, part.answered.y_score, part.answered.predicted, part.lengths)
    texts = part.texts[:: max(1, len(part.texts) // EMBEDDED_TEXTS)][:EMBEDDED_TEXTS]
    batch = scored_batch.Batch(version, sample, texts, part.answered)
    return monitoring.compare_batch(batch, reference, files, name=name, settings=settings, title=source, source=source)


def measure_quality(drift: Drift, settings: MonitoringConfig) -> tuple[Quality, str]:
    """Measure the model that a drift is of, by its verdicts; returns its quality with its page."""
    with closing(open_store()) as store:
        found = measure(
            store, model_name=drift.model_name, version=drift.model_version, settings=settings, batch=drift.expected
        )
    return found, render(found, drift)


def measure(
    store: FeedbackStore,
    *,
    model_name: str,
    version: str,
    settings: MonitoringConfig,
    batch: Sequence[Figure] = (),
    at: int | None = None,
) -> Quality:
    """Measure a model by its verdicts, period by period, and judge one version of it.

    Parameters
    ----------
    batch : sequence of Figure
        What the probabilities of a scored file lead to expect, for a version of which nothing was served.
    at : int, optional
        The present, in seconds since 1970.
    """
    seconds = settings.period_days * DAY
    signers = {found.signer.number: found for found in list_signers(store, model_name)}
    latest = _period_of(now() if at is None else at, seconds)
    held = _gather(store, signers, seconds=seconds, first=latest - PERIODS_SHOWN + 1)
    test = {name: _read_test(model_name, name) for name in {name for _, name in held} | {version}}
    periods = tuple(
        _measure(store, held[place, name], place=place, version=name, seconds=seconds, test=test[name])
        for place, name in sorted(held, reverse=True)
    )
    judged = find_latest(periods, version=version, min_verdicts=settings.min_verdicts)
    decayed = find_decayed(judged.figures, decay=settings.decay) if judged else []
    return Quality(
        model_name=model_name,
        model_version=version,
        decay=bool(decayed),
        sentence=_conclude(periods, judged, decayed, version=version, settings=settings, batch=batch),
        calibration=_read_calibration(model_name, version),
        periods=periods,
    )


def _is_empty(store: FeedbackStore, model_name: str) -> bool:
    """Whether the store holds neither a verdict on the model's predictions nor one that was served."""
    signers = [found.signer.number for found in list_signers(store, model_name)]
    return not any(store.count(table, table.c.signer.in_(signers)) for table in (VERDICTS, PREDICTIONS) if signers)


def _read_latest(store: FeedbackStore, model_name: str, version: str, *, seconds: int) -> tuple[ServedPart, str]:
    """What a version has served in the latest period in which it has served anything, and what that is in words."""
    signers = {found.signer.number: found for found in list_signers(store, model_name) if found.version == version}
    latest = _period_of(now(), seconds)
    since = MONDAY + (latest - PERIODS_SHOWN + 1) * seconds
    counts = count_served(store, signers, seconds=seconds, offset=MONDAY, since=since)
    for signer, place in sorted(counts, key=lambda found: found[1], reverse=True):
        begins, n_classes = MONDAY + place * seconds, len(signers[signer].classes.names)
        n = sum(counts[signer, place].values())
        part = read_served(store, signer, n_classes=n_classes, begins=begins, ends=begins + seconds, n=n)
        if part is not None:
            return part, f"predictions served from {datetime.fromtimestamp(begins, UTC):%Y-%m-%d}"
    nothing = Answered(np.empty(0, dtype=np.int64), np.empty((0, 2)))
    return ServedPart(nothing, np.empty(0), ()), "predictions served"


def _gather(
    store: FeedbackStore, signers: Mapping[int, SigningVersion], *, seconds: int, first: int
) -> dict[tuple[int, str], _Held]:
    """Number of the period and version → what the store holds of it."""
    held: dict[tuple[int, str], _Held] = {}
    since = MONDAY + first * seconds
    for each in read_judged(store, signers, since=since):
        signing = signers[each.signer]
        held.setdefault((_period_of(each.made, seconds), signing.version), _Held(signing)).judged.append(each)
    counts = count_served(store, signers, seconds=seconds, offset=MONDAY, since=since)
    for (number, period), served in counts.items():
        of_version = held.setdefault((period, signers[number].version), _Held(signers[number]))
        of_version.served, of_version.server = served, number
    return held


def _measure(
    store: FeedbackStore, held: _Held, *, place: int, version: str, seconds: int, test: Mapping[str, float]
) -> Period:
    names = held.signing.classes.names
    begins, n_served = MONDAY + place * seconds, sum(held.served.values())
    judged = to_judged(held.judged, len(names))
    part = None
    if held.server is not None:
        part = read_served(store, held.server, n_classes=len(names), begins=begins, ends=begins + seconds, n=n_served)
    n_known = len(judged.predicted) if judged else 0
    return Period(
        begins=datetime.fromtimestamp(begins, UTC),
        ends=datetime.fromtimestamp(begins + seconds, UTC),
        version=version,
        n_served=n_served,
        n_judged=n_known,
        n_unweighted=len(held.judged) - n_known,
        figures=measure_figures(names, judged=judged, answered=part.answered if part else None, test=test),
        note=_note(held, len(names)),
    )


def _note(held: _Held, n_classes: int) -> str:
    """What speaks against the weights of the verdicts on served predictions."""
    on_served = to_judged([each for each in held.judged if each.signer == held.server], n_classes)
    return compare_weights(on_served, held.served) if on_served and held.served else ""


def _conclude(
    periods: Sequence[Period], judged: Period | None, decayed: Sequence[Figure], *, version: str,
    settings: MonitoringConfig, batch: Sequence[Figure],
) -> str:  # fmt: skip
    if judged is not None:
        found = "Decay" if decayed else "No decay shown"
        told = list(describe(decayed or judged.figures)) or [figure.in_words for figure in judged.figures[:2]]
        return f"{found}: {', '.join(told)}, by verdicts on {judged.n_judged:,} predictions of {_days(judged)}"
    own = [period for period in periods if period.version == version]
    said = _too_few(own, settings)
    figures = own[0].figures if own and any(figure.expected is not None for figure in own[0].figures) else batch
    expected = [f"{figure.title} {figure.expected:.2f}" for figure in figures if figure.expected is not None]
    return f"{said}; {', '.join(expected[:4])} expected, {ASSUMED}" if expected else said


def _too_few(own: Sequence[Period], settings: MonitoringConfig) -> str:
    most = max((period.n_judged for period in own), default=0)
    n_unweighted = sum(period.n_unweighted for period in own)
    left_out = f" ({n_unweighted:,} without a sampling probability are left out)" if n_unweighted else ""
    if not most:
        return f"No verdicts that tell precision and recall{left_out}"
    return (
        f"Verdicts on {most:,} predictions in {settings.period_days} days{left_out}: fewer than"
        f" monitoring.min_verdicts ({settings.min_verdicts}) tell nothing"
    )


def _days(period: Period) -> str:
    return f"{period.begins:%Y-%m-%d} to {period.ends:%Y-%m-%d}"


def _period_of(made: int, seconds: int) -> int:
    return (made - MONDAY) // seconds


def _read_test(model_name: str, version: str) -> dict[str, float]:
    """Figures of a version on its test rows, by metric; none of a version that is gone."""
    try:
        tags = registry.read_tags(model_name, registry.find_version(model_name, version, is_alias=False))
    except InputError:
        return {}
    return {name: float(tags[f"test_{name}"]) for name in METRICS if f"test_{name}" in tags}


def _read_calibration(model_name: str, version: str) -> str:
    return Decision.load(version_files.read_files(model_name, version).adapter).calibration.in_words()

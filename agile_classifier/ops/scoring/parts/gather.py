"""Gather: the manifest of all parts, once every one of them is scored."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from agile_classifier.errors import InputError
from agile_classifier.ops.scoring import batch
from agile_classifier.ops.scoring.parts.job import BEGUN, FORMAT, MANIFEST, REJECTED, Job, Record
from agile_classifier.ops.scoring.parts.plan import plan_job
from agile_classifier.ops.scoring.parts.score import Outcome

MOST_NAMED = 3
"""Parts that failed, of which a person is told by name."""


def gather(job: Job, outcomes: Sequence[Outcome], *, begun: float) -> dict[str, Any]:
    """Write the manifest; returns facts: those of the manifest without its list of parts.

    Parameters
    ----------
    begun : float
        When this run began to score, in seconds since 1970.

    Raises
    ------
    InputError
        A part could not be scored, is missing, or has other columns than the first: no manifest is written.
    """
    _refuse_failed(job, outcomes)
    plan, target = plan_job(job), job.target
    records = [plan.records[part.name] for part in plan.parts if part.name in plan.records]
    if plan.missing:
        raise InputError(
            f"{job.input}: {len(plan.missing)} of {len(plan.parts)} parts came or changed while others were scored, as"
            f" {plan.missing[0].name}; the same command scores them"
        )
    _require_same_columns(job, records)
    manifest = _manifest(job, records)
    target.write(MANIFEST, manifest)
    target.remove(BEGUN)
    clear(job)
    seconds, n_new = max(time.time() - begun, 1e-9), sum(outcome.n_rows for outcome in outcomes)
    return {
        **{name: value for name, value in manifest.items() if name != "parts"}, "path": job.output,
        "rejected_path": target.address_of(f"{REJECTED}/") if manifest[batch.REJECTED] else "",
        "n_new_parts": len(outcomes),
        "seconds": round(seconds, 3), "rows_per_second": round(n_new / seconds, 1),
    }  # fmt: skip


def clear(job: Job) -> None:
    """Remove what this machine has kept of parts that were being scored."""
    shutil.rmtree(job.work_folder, ignore_errors=True)


def in_words(facts: dict[str, Any]) -> str:
    """Summary of a scored place in one line."""
    earlier = facts["n_parts"] - facts["n_new_parts"]
    parts = f"{facts['n_parts']} part{'s' if facts['n_parts'] != 1 else ''}"
    before = f" ({earlier} of them before)" if earlier else ""
    bad = facts[batch.REJECTED]
    rejected = f"; {bad:,} row{'s' if bad != 1 else ''} could not be scored: {facts['rejected_path']}" if bad else ""
    return (
        f"{facts['n_scored']:,} rows of {parts}{before} scored into {facts['path']} by {facts[batch.MODEL_NAME]}"
        f" version {facts[batch.VERSION]} ({facts['rows_per_second']:,.0f} rows/s){rejected}"
    )


def _manifest(job: Job, records: Sequence[Record]) -> dict[str, Any]:
    digest = hashlib.sha256("\n".join(f"{record.part.scored_name} {record.sha256}" for record in records).encode())
    labels = sum((Counter(record.n_labels) for record in records), Counter[str]())
    return {
        "format": FORMAT, "input": job.input, batch.MODEL_NAME: job.model_name, batch.VERSION: job.model_version,
        "options": job.options.model_dump(mode="json"), "prefix": job.prefix, "columns": list(records[0].columns),
        "n_parts": len(records), "n_rows": sum(record.n_rows for record in records),
        "n_scored": sum(record.n_scored for record in records),
        batch.REJECTED: sum(record.n_rejected for record in records), "n_labels": dict(sorted(labels.items())),
        "digest": digest.hexdigest(), "parts": [record.facts for record in records],
    }  # fmt: skip


def _refuse_failed(job: Job, outcomes: Sequence[Outcome]) -> None:
    failed = [outcome for outcome in outcomes if outcome.error]
    if failed:
        named = "; ".join(outcome.error for outcome in failed[:MOST_NAMED])
        more = f"; and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
        raise InputError(
            f"{job.input}: {len(failed)} part{'s' if len(failed) != 1 else ''} could not be scored: {named}{more}; the"
            " others are, and the same command goes on"
        )


def _require_same_columns(job: Job, records: Sequence[Record]) -> None:
    first = records[0]
    other = next((record for record in records if record.columns != first.columns), None)
    if other is not None:
        names = sorted({*first.columns} ^ {*other.columns}) or list(other.columns)
        raise InputError(
            f"{job.output}: {other.part.scored_name} has other columns than {first.part.scored_name}:"
            f" {', '.join(map(repr, names))}; no manifest is written"
        )

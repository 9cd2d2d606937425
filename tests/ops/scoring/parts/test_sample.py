"""Samples of scored parts stand together for one file: the same drift to the last digit, wherever the parts are cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agile_classifier.config.reading import ReadingOptions
from agile_classifier.errors import InputError

pytestmark = pytest.mark.usefixtures("state_folder")  # ZenML wants it known before it is imported

NAMES = ("bad", "good")


def scored_rows(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(n)
    good = rng.uniform(size=n)
    return pd.DataFrame({
        "text": [f"text {number} {'x' * int(rng.integers(40))}" for number in range(n)],
        "label": np.where(good >= 0.5, "good", "bad"), "probability_bad": 1 - good, "probability_good": good,
        "model_version": "1", "run_id": "run-1",
    })  # fmt: skip


def batch_of(rows: pd.DataFrame, folder: Path) -> Any:
    """As `agile monitor` reads one file."""
    from agile_classifier.ops.scoring.scored_batch import read_batch, require_scored

    file = folder / "whole.csv"
    rows.to_csv(file, index=False)
    return read_batch(file, require_scored(file, ReadingOptions()), column="text", class_names=NAMES)


def batch_of_parts(rows: pd.DataFrame, cuts: list[int], folder: Path, *, n: int) -> Any:
    """The same rows, cut at `cuts` into parts, sampled by `n` tasks."""
    from agile_classifier.ops.scoring.parts.sample import Scored, ScoredPart, as_batch, make_tasks, take_sample

    ends = [*sorted(cuts), len(rows)]
    parts = []
    for number, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
        if begin < end:
            rows[begin:end].to_csv(folder / f"{number:02}.csv", index=False)
            parts.append(ScoredPart(name=f"{number:02}.csv", begin=begin, n_rows=end - begin))
    scored = Scored(address=f"{folder}/", model_name="mood", version="1", parts=tuple(parts))
    tasks = make_tasks(scored, options=ReadingOptions(), column="text", class_names=NAMES, n=n)
    return as_batch([take_sample(task) for task in tasks], NAMES, source="parts")


@settings(max_examples=12)  # each writes and reads its files
@given(n=st.integers(2, 1100), cuts=st.lists(st.integers(0, 1100), max_size=5), tasks=st.integers(1, 7))
def test_parts_are_the_batch_of_one_file_wherever_they_are_cut(
    tmp_path_factory: pytest.TempPathFactory, n: int, cuts: list[int], tasks: int
) -> None:
    rows, folder = scored_rows(n), tmp_path_factory.mktemp("parts")
    whole = batch_of(rows, folder)
    parts = batch_of_parts(rows, [cut % n for cut in cuts], folder, n=tasks)
    assert parts.texts == whole.texts
    assert parts.version == whole.version
    for field in ("scores", "predicted", "lengths"):
        assert np.array_equal(getattr(parts.sample, field), getattr(whole.sample, field))
    assert np.array_equal(parts.answered.y_score, whole.answered.y_score)


def test_of_more_rows_than_are_kept_the_sample_is_as_near_as_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.evaluation.drift import compare
    from agile_classifier.ops.scoring.parts import sample

    monkeypatch.setattr(sample, "MOST_ROWS", 1000)
    rows, reference = scored_rows(4000), batch_of(scored_rows(500), tmp_path).sample
    whole, thin = batch_of(rows, tmp_path).sample, batch_of_parts(rows, [100, 2500], tmp_path, n=2).sample
    assert thin.n == 1000
    assert np.array_equal(thin.scores, whole.scores[::4])
    limits = dict.fromkeys(
        ("score_psi", "score_ks", "class_share", "length_psi", "length_ks", "unknown_share", "embedding_auc"), 0.2
    )
    found = [{each.name: each.value for each in compare(reference, of, limits=limits)} for of in (whole, thin)]
    for name in ("score_ks", "length_ks", "class_share"):
        assert abs(found[0][name] - found[1][name]) < 1.63 / np.sqrt(thin.n)  # type: ignore[operator]


@given(n=st.integers(0, 10**10), most=st.integers(1, 10**7))
def test_a_stride_is_the_smallest_power_of_two_that_keeps_few_enough(n: int, most: int) -> None:
    from agile_classifier.ops.scoring.parts.sample import stride

    found = stride(n, most)
    assert found.bit_count() == 1
    assert -(-n // found) <= most
    assert found == 1 or -(-n // (found // 2)) > most


def test_parts_that_are_not_as_they_were_written_are_refused(tmp_path: Path) -> None:
    from agile_classifier.data.fetch.places import Place
    from agile_classifier.ops.scoring.parts.sample import (
        SampleTask,
        ScoredPart,
        as_batch,
        read_manifest,
        take_sample,
    )

    rows = scored_rows(20)
    rows.to_csv(tmp_path / "a.csv", index=False)
    how: dict[str, Any] = {
        "address": f"{tmp_path}/", "options": ReadingOptions(), "column": "text", "class_names": NAMES, "row_stride": 1,
        "text_stride": 1,
    }  # fmt: skip
    with pytest.raises(InputError, match=r"a\.csv: 20 rows; its manifest says 19: score it again"):
        take_sample(SampleTask(**how, parts=(ScoredPart(name="a.csv", begin=0, n_rows=19),)))
    with pytest.raises(InputError, match=r"holds no _manifest\.json, so it is no place that agile score has filled"):
        read_manifest(Place(f"{tmp_path}/"))
    one = take_sample(SampleTask(**how, parts=(ScoredPart(name="a.csv", begin=0, n_rows=20),)))
    with pytest.raises(InputError, match="parts: rows of versions 1, 2; a batch is scored by one"):
        as_batch([one, one.assign(version="2")], NAMES, source="parts")
    (tmp_path / "a.csv").write_text("text\nnever scored\n")
    with pytest.raises(InputError, match=r"a\.csv: has no columns label, probability_… and model_version"):
        take_sample(SampleTask(**how, parts=(ScoredPart(name="a.csv", begin=0, n_rows=1),)))

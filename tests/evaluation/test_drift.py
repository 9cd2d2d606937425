"""Drift: statistics against scipy and hand arithmetic, found where there is some and not where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.errors import InputError
from agile_classifier.evaluation.drift import (
    CHANCE,
    Finding,
    compare,
    domain_auc,
    kolmogorov_smirnov,
    population_stability,
)
from agile_classifier.evaluation.drift_sample import REFERENCE_FILE, DriftSample, sample_scores

LIMITS = MonitoringConfig().limits


def sample(
    n: int, *, seed: int, shift: float = 0.0, length: float = 60.0, unknown: float = 0.01, subject: float = 0.0
) -> DriftSample:
    rng = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-rng.normal(shift, 2, n)))
    k = min(n, 500)
    embeddings = rng.normal(0, 1, (k, 48))
    embeddings[:, 0] += subject
    return DriftSample(
        ("no", "yes"), scores, (scores >= 0.5).astype(np.int64), rng.poisson(length, n).astype(float),
        rng.binomial(20, unknown, k) / 20, embeddings.astype(np.float16),
    )  # fmt: skip


def levels(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.level for finding in findings}


def test_psi_is_that_of_hand_arithmetic() -> None:
    reference = np.arange(100, dtype=float)
    batch = np.concatenate([np.zeros(50), np.full(50, 99.0)])
    shares = np.full(10, 10.5) / 105
    found = np.array([50.5, *[0.5] * 8, 50.5]) / 105
    value, chance = population_stability(reference, batch)
    assert value == pytest.approx(((found - shares) * np.log(found / shares)).sum())
    assert chance == pytest.approx(21.666 * (1 / 100 + 1 / 100), rel=1e-4)  # chi-square table: 9 degrees, 0.01


def test_psi_of_a_constant_is_finite_and_zero() -> None:
    assert population_stability(np.ones(50), np.ones(70)) == (0.0, 0.0)
    assert np.isfinite(population_stability(np.ones(50), np.zeros(70))[0])


def test_ks_is_scipys_and_its_chance_level_is_where_its_p_value_is_one_in_a_hundred() -> None:
    rng = np.random.default_rng(0)
    reference, batch = rng.normal(size=800), rng.normal(0.1, 1, size=600)
    value, chance = kolmogorov_smirnov(reference, batch)
    expected = ks_2samp(reference, batch, method="asymp")
    assert value == pytest.approx(expected.statistic)
    assert chance == pytest.approx(1.628 * np.sqrt((800 + 600) / (800 * 600)), rel=1e-3)
    assert (value > chance) == (expected.pvalue < CHANCE)


def test_the_auc_of_embeddings_is_about_half_without_and_near_its_theory_with_a_shift() -> None:
    same = domain_auc(sample(400, seed=1).embeddings, sample(400, seed=2).embeddings, seed=0)
    assert same[0] < same[1]
    moved = domain_auc(sample(400, seed=1).embeddings, sample(400, seed=2, subject=2).embeddings, seed=0)
    assert 0.85 < moved[0] <= 0.935  # two normals two deviations apart: Phi(sqrt 2) = 0.921, and what 400 texts vary by
    assert moved[1] == pytest.approx(0.5 + 2.326 * np.sqrt(801 / (12 * 400 * 400)), rel=1e-3)


def test_an_unshifted_batch_has_not_drifted() -> None:
    reference = sample(600, seed=0)
    for seed in range(1, 6):
        found = levels(compare(reference, sample(2000, seed=seed), limits=LIMITS))
        assert set(found.values()) == {"same"}, found


SHIFTS = [
    ("scores", {"shift": 2.0}, {"score_psi", "score_ks", "class_share"}),
    ("lengths", {"length": 90.0}, {"length_psi", "length_ks"}),
    ("unknown tokens", {"unknown": 0.1}, {"unknown_share"}),
    ("subjects", {"subject": 1.5}, {"embedding_auc"}),
]


@pytest.mark.parametrize(("shift", "expected"), [case[1:] for case in SHIFTS], ids=[case[0] for case in SHIFTS])
def test_a_shift_is_found_by_its_own_statistics_alone(shift: dict[str, float], expected: set[str]) -> None:
    found = levels(compare(sample(600, seed=0), sample(1000, seed=1, **shift), limits=LIMITS))
    assert {name for name, level in found.items() if level == "drift"} == expected


def test_few_rows_are_unclear_rather_than_drifted() -> None:
    tight = {**LIMITS, "score_psi": 0.0, "score_ks": 0.0, "class_share": 0.0}
    found = levels(compare(sample(600, seed=0), sample(30, seed=3), limits=tight))
    assert (found["score_psi"], found["score_ks"], found["class_share"]) == ("unclear",) * 3
    assert (found["unknown_share"], found["embedding_auc"]) == ("unmeasured",) * 2


def test_chance_levels_are_exceeded_by_about_one_batch_in_a_hundred_without_drift() -> None:
    beyond = dict.fromkeys(LIMITS.keys() - {"embedding_auc"}, 0)  # these samples have no embeddings
    reference_seeds = range(400)
    for seed in reference_seeds:
        pair = sample(300, seed=2 * seed + 1000), sample(200, seed=2 * seed + 1001)
        small = [DriftSample(*(*(getattr(one, name) for name in ("class_names", "scores", "predicted", "lengths", "unknown")), np.empty((0, 0), np.float16))) for one in pair]  # fmt: skip
        for finding in compare(*small, limits=LIMITS):
            if finding.name not in beyond:
                continue
            assert finding.value is not None
            assert finding.chance is not None
            beyond[finding.name] += finding.value > finding.chance
    assert all(count <= 12 for count in beyond.values()), beyond  # 4 expected; 12 or more: once in a thousand


def test_the_class_that_changed_most_is_named() -> None:
    (found,) = (
        f for f in compare(sample(600, seed=0), sample(600, seed=1, shift=2), limits=LIMITS) if f.name == "class_share"
    )
    assert found.sentence.startswith(("no: ", "yes: "))
    assert "before" in found.sentence


def test_of_more_than_two_classes_the_probability_of_the_predicted_one_is_compared() -> None:
    y_score = np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])
    found = sample_scores(("a", "b", "c"), y_score, y_score.argmax(axis=1), np.array([3.0, 4.0]))
    assert found.scores.tolist() == [0.5, 0.6]
    assert found.predicted.tolist() == [1, 0]


def test_a_sample_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    kept = sample(80, seed=0)
    kept.save(tmp_path)
    read = DriftSample.load(tmp_path / REFERENCE_FILE)
    assert read.class_names == kept.class_names
    for name in ("scores", "predicted", "lengths", "unknown", "embeddings"):
        assert np.array_equal(getattr(read, name), getattr(kept, name))


def test_a_reference_that_holds_a_pickle_or_is_none_is_refused_by_name(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (pytest.fail, ("a pickle was read",))

    file = tmp_path / REFERENCE_FILE
    sample(20, seed=0).save(tmp_path)
    held = dict(np.load(file))
    for arrays in ({**held, "scores": np.array([Runs()], dtype=object)}, {"scores": held["scores"]}):
        np.savez(file, **arrays)
        with pytest.raises(InputError, match=r"reference\.npz: is no reference of a version"):
            DriftSample.load(file)
    for content in (b"", b"PK\x03\x04", b"no archive"):
        file.write_bytes(content)
        with pytest.raises(InputError, match=r"reference\.npz: is no reference of a version"):
            DriftSample.load(file)

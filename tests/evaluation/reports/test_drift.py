"""Drift page: the verdict first, hostile names escaped, nothing from outside."""

from __future__ import annotations

from dataclasses import replace

from agile_classifier.evaluation.drift import compare
from agile_classifier.evaluation.reports.drift import DriftPage, render, sentence_of
from tests.evaluation.test_drift import LIMITS, sample


def page(n: int, **shift: float) -> DriftPage:
    reference, batch = sample(600, seed=0), sample(n, seed=1, **shift)
    return DriftPage("toy version 1", reference, batch, compare(reference, batch, limits=LIMITS), "/data/batch.csv")


def test_the_verdict_stands_first_and_names_what_drifted() -> None:
    shown = render(page(1000, shift=2.0))
    assert shown.index("Drift in scores, predicted classes: past the limit") < shown.index("<table>")
    assert 'class="verdict bad"' in shown
    assert 'class="verdict good"' in render(page(1000))


def test_a_small_batch_is_not_called_drifted() -> None:
    small = page(40, shift=0.3)
    assert "Drift in" not in sentence_of(small) or any(f.value > f.chance for f in small.findings)
    assert "not measured" in render(small)


def test_names_are_escaped_and_the_page_needs_nothing_from_outside() -> None:
    plain = page(200)
    hostile = ("<script>alert(1)</script>", "$x_1$")
    shown = render(replace(plain, title="<b>", reference=replace(plain.reference, class_names=hostile)))
    assert "<script" not in shown
    assert "<title>&lt;b&gt;</title>" in shown
    assert "default-src 'none'" in shown
    assert "src=" not in shown.replace("default-src", "").replace("style-src", "")
    assert render(plain) == render(plain)

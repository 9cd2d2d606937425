"""The report, from small made-up results: what it says first, what it escapes, what it leaves out."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agile_classifier.config.moderation.decision import BandsConfig
from agile_classifier.evaluation import titles
from agile_classifier.evaluation.bands import examine_bands
from agile_classifier.evaluation.evasion.measure import Attacked, Rate
from agile_classifier.evaluation.reports.drawing import PALETTE, to_png
from agile_classifier.evaluation.reports.evaluation import (
    MEANINGS,
    decide_verdict,
    render_report,
    worst_errors,
    wrong_rows,
)
from agile_classifier.evaluation.reports.figures import draw_confusion, draw_roc
from agile_classifier.evaluation.reports.inputs import ReportInput, Result, Review
from agile_classifier.evaluation.reports.page import DARK_PALETTE, Fact, put_into_frame, state_decision, take_from_frame
from agile_classifier.evaluation.review import Cut, Neighbour, Suspect, Suspects
from agile_classifier.evaluation.slices import Slice
from agile_classifier.metrics.bootstrap import PairedDifference, bootstrap_intervals
from agile_classifier.metrics.metrics import METRICS, confusion, evaluate_scores
from agile_classifier.models.explanations.leave_one_out import Explanation, Word

PARTS = ("train", "validation", "test")
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">{{ 7*7 }} & \'"'


def make_result(name: str, y_true: np.ndarray, y_score: np.ndarray) -> Result:
    threshold = 0.5 if y_score.shape[1] == 2 else None
    rows: dict[str, Any] = {"y_true": y_true, "y_score": y_score, "decision_threshold": threshold}
    intervals = bootstrap_intervals(**rows, n_resamples=100, seed=0)
    return Result(name, y_score, threshold, evaluate_scores(**rows), intervals)


def make_report(class_names: tuple[str, ...] = ("other", "rude"), n: int = 60) -> ReportInput:
    generator, n_classes = np.random.default_rng(0), len(class_names)
    y_true = np.arange(n) % n_classes
    y_score = generator.dirichlet(np.ones(n_classes), n)
    helped = (y_score + np.eye(n_classes)[y_true]) / 2
    results = [
        make_result("best checkpoint", y_true, 0.6 * helped + 0.4 * y_score),
        make_result("tfidf", y_true, y_score),
    ]
    return ReportInput(
        title="Rude comments",
        class_names=class_names,
        metric="roc_auc",
        texts=[f"text {row}" for row in range(n)],
        y_true=y_true,
        results=results,
        calibration="calibrated on validation, by a temperature of 1.50",
        differences={"tfidf": PairedDifference("roc_auc", 0.1, 0.02, 0.2, n)},
        history=[
            {"epoch": 1.0, "train_loss": 0.7, "validation_loss": 0.6, "validation_roc_auc": 0.7},
            {"epoch": 2.0, "train_loss": 0.4, "validation_loss": 0.5, "validation_roc_auc": 0.8},
        ],
        best_epoch=2.0,
        parts={"train": [30] * n_classes, "validation": [0] * n_classes, "test": [n // n_classes] * n_classes},
        findings=[
            {
                "name": "leaks",
                "what": "of test are in train too",
                "n": 2,
                "of": 60,
                "n_groups": 2,
                "share": 1 / 30,
                "pairs": [
                    {
                        "ids": ["1", "2"],
                        "parts": ["train", "test"],
                        "labels": [0, 1],
                        "texts": ["<b>a</b>", "b"],
                        "similarity": 0.9,
                    }
                ],
            }
        ],
        review=Review(
            slices=[
                Slice("length short", 20, 10, {"accuracy": 0.75}, {"accuracy": (0.5, 0.9)}),
                Slice("group <i>", 40, 20, {"roc_auc": 0.8125, "f1": 0.7, "accuracy": 0.75}, {}),
            ],
            neighbours={
                row: [Neighbour("<b>near</b>", 1, 0.9)]
                for row in wrong_rows(y_true, results[0].y_score, results[0].decision_threshold)
            },
            suspects=Suspects(3, 60, (Suspect("<b>doubted</b>", 0, 0.012),)),
            cuts=[Cut(0.3, 40, 5, 10, 0.75, is_used=False), Cut(0.5, 30, 80, 0, None, is_used=True)],
            cut=[],
        ),
        facts={"Labels": {"ties at the threshold": 80}, "Model": {"quantization": "nf4"}},
    )


class Reader(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        names = {name: value or "" for name, value in attributes}
        self.addresses += [value for name, value in names.items() if name in ("src", "href", "xlink:href", "action")]
        assert not [name for name in names if name.startswith("on")], names
        if tag not in ("meta", "img", "br", "path", "use", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "use", "rect"):
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page() -> str:
    return render_report(make_report())


def test_bands_have_a_section_with_their_promises_and_what_a_point_of_each_costs(page: str) -> None:
    assert "without a person" not in page.lower()
    parts = {part: pd.DataFrame({"text": [f"{part} {n} {n * 7919}" for n in range(300)]}) for part in PARTS}
    generator = np.random.default_rng(0)
    labels = {part: generator.integers(0, 2, 300) for part in PARTS}
    raw = {part: np.clip(0.3 + 0.4 * label + generator.normal(0, 0.15, 300), 0, 1) for part, label in labels.items()}
    banding = examine_bands(
        BandsConfig(precision=0.9, miss_rate=0.001),
        {part: rows.assign(label=labels[part]) for part, rows in parts.items()},
        {part: np.column_stack([1 - score, score]) for part, score in raw.items()},
        class_names=("fine", "\u202erude<b>"),
        n_checkpoints=1,
    )
    with_bands = render_report(replace(make_report(), banding=banding))
    read = Reader(with_bands)
    assert read.open == []
    assert "#bands" in read.addresses
    assert "of these texts are rude&lt;b&gt; (" in with_bands
    assert "nothing is released without a person: a miss rate of 0.001 cannot be promised" in with_bands
    assert with_bands.count(", asked for</th>") == 2
    assert 'aria-label="share decided without a person, by the level of each promise"' in with_bands


def test_every_figure_and_section_stands_on_the_page(page: str) -> None:
    read = Reader(page)
    assert read.open == []
    labels = re.findall(r'aria-label="([^"]*)"', page)
    assert labels == [
        "Contents", "intervals", "ROC curves", "precision-recall curves", "confusion matrix", "histogram of probabilities",
        "reliability diagram", "training curves",
    ]  # fmt: skip
    for expected in (
        "ties at the threshold",
        "nf4",
        "validation",
        "rude",
        "F1, macro",
        "Brier",
        "by a temperature of 1.50",
    ):
        assert expected in page


def test_the_page_needs_nothing_from_outside_and_runs_nothing(page: str) -> None:
    read = Reader(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(read.tags)
    assert all(address.startswith("#") for address in read.addresses)
    assert "default-src 'none'" in page
    assert "://" not in page
    assert not re.search(r"@import|url\((?!#)", page)


def test_the_ceiling_that_raters_set_is_told_where_it_is_known(page: str) -> None:
    assert "The ceiling of what can be learnt" not in page
    told = render_report(replace(make_report(), ceiling="one rater in <three>"))
    assert "The ceiling of what can be learnt from these labels: one rater in &lt;three&gt;." in told


def test_the_verdict_stands_before_any_figure(page: str) -> None:
    assert page.index("Better than tfidf") < page.index("<svg")
    assert 'class="verdict good"' in page


def test_the_same_input_gives_the_same_page(page: str) -> None:
    assert render_report(make_report()) == page


@pytest.mark.parametrize("class_names", [("<b>a</b>", "$\\frac{$ & \"x'"), ("_hidden", "</svg><script>", "日本")])
def test_hostile_texts_and_names_are_shown_and_never_obeyed(class_names: tuple[str, ...]) -> None:
    report = make_report(class_names)
    hostile = replace(
        report,
        title=HOSTILE,
        texts=[HOSTILE] * len(report.texts),
        results=[replace(report.results[0], name=HOSTILE), report.results[1]],
        facts={HOSTILE: {HOSTILE: HOSTILE}},
    )
    written = render_report(hostile)
    read = Reader(written)
    assert not {"script", "img", "b"} & set(read.tags)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in written
    assert "{{ 7*7 }}" in written


def test_errors_stand_in_a_closed_block_behind_a_warning(page: str) -> None:
    begin = page.index("<details>", page.index('id="errors"'))
    block = page[begin : page.index("</details>", begin)]
    assert "Content warning" in block
    assert re.findall(r"text \d+", page) == re.findall(r"text \d+", block)


def test_the_worst_error_gave_its_class_the_least_probability() -> None:
    y_score = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.45, 0.55], [0.1, 0.9]])
    report = make_report(n=10)
    y_true = np.array([1, 0, 1, 0, 1])
    report = replace(
        report, y_true=y_true, results=[make_result("ours", y_true, y_score)], texts=["a", "b", "c", "d", "e" * 1000]
    )
    found = worst_errors(report)
    assert [error["text"] for error in found] == ["a", "b", "d"]
    assert found[0] == {
        "text": "a", "truth": "rude", "predicted": "other", "given": 0.1, "explanation": None, "neighbours": []
    }  # fmt: skip


def test_at_most_twenty_errors_are_shown_and_long_texts_are_cut() -> None:
    report = make_report(n=100)
    flipped = replace(report.results[0], y_score=report.results[0].y_score[:, ::-1])
    found = worst_errors(replace(report, results=[flipped], texts=["x" * 5000] * 100))
    assert len(found) == 20
    assert max(len(error["text"]) for error in found) == 601


@pytest.mark.parametrize(
    ("intervals", "level", "headline"),
    [
        ({"majority": (0.1, 0.3), "tfidf": (0.01, 0.1)}, "good", "Better than majority and tfidf"),
        ({"majority": (0.1, 0.3), "tfidf": (-0.01, 0.1)}, "unclear", "A simpler model is as good, within noise: tfidf"),
        (
            {"majority": (0.0, 0.3), "tfidf": (-0.01, 0.1)},
            "unclear",
            "A simpler model is as good, within noise: majority and tfidf",
        ),
        ({"majority": (0.1, 0.3), "tfidf": (-0.2, -0.1)}, "bad", "Worse than tfidf"),
        ({"tfidf": (float("nan"), float("nan"))}, "unclear", "A simpler model is as good, within noise: tfidf"),
        ({}, "unclear", "Not compared with any baseline"),
    ],
)
def test_the_verdict_follows_from_the_paired_intervals(
    intervals: dict[str, tuple[float, float]], level: str, headline: str
) -> None:
    differences = {
        name: PairedDifference("roc_auc", (low + high) / 2, low, high, 60) for name, (low, high) in intervals.items()
    }
    verdict = decide_verdict(replace(make_report(), differences=differences))
    assert (verdict.level, verdict.headline) == (level, headline)


def test_plain_words_say_what_the_numbers_mean() -> None:
    report = make_report()
    metrics = {**report.results[0].metrics, "precision": 0.75, "recall": 0.714, "roc_auc": 0.86}
    words = decide_verdict(replace(report, results=[replace(report.results[0], metrics=metrics)])).sentences
    assert words[0] == "Of 100 texts it calls “rude”, 75 are; of 100 that are, it finds 71."
    assert "86 times in 100" in words[1]
    assert (
        words[2]
        == "Gain over tfidf, the strongest baseline, on the same 60 texts: +0.100 ROC AUC (95 % interval +0.020 to +0.200)."
    )


def test_what_is_not_known_is_left_out() -> None:
    report = make_report()
    bare = replace(report.results[0], intervals={})
    written = render_report(replace(report, results=[bare], history=[], best_epoch=None, differences={}, facts={}))
    assert ">Training</h2>" not in written
    assert 'href="#training"' not in written
    assert written.count("<svg") == 5


def test_training_without_validation_shows_its_loss_alone() -> None:
    written = render_report(replace(make_report(), history=[{"epoch": 1.0, "train_loss": 0.5}]))
    assert ">validation</text>" not in written
    assert ">train</text>" in written


def test_many_classes_are_drawn_without_a_legend() -> None:
    written = render_report(make_report(tuple(f"class {place}" for place in range(9)), n=54))
    assert "Of 100 texts," in written
    assert "averages over the classes" in written
    assert Reader(written).open == []


def test_figures_come_as_png_too() -> None:
    report = make_report()
    y_score = report.results[0].y_score
    counts = confusion(y_true=report.y_true, y_pred=y_score.argmax(axis=1), n_classes=2)
    figures = [
        draw_confusion(counts=counts, class_names=report.class_names),
        draw_roc(y_true=report.y_true, models={"ours": y_score}, class_names=report.class_names),
    ]
    for figure in figures:
        assert to_png(figure).startswith(b"\x89PNG\r\n")


def test_every_metric_has_a_title_a_meaning_and_every_colour_a_dark_twin() -> None:
    assert set(MEANINGS) == set(METRICS) <= set(titles.METRICS)
    assert list(DARK_PALETTE) == list(PALETTE)


def test_what_makes_the_split_doubtful_is_listed_with_its_pairs() -> None:
    page = render_report(make_report())
    assert "2 of 60 texts of test are in train too (3.3 %); groups of copies: 2" in page
    assert "1 (train, other)" in page
    assert "&lt;b&gt;a&lt;/b&gt;" in page


def test_slices_label_doubts_and_other_cuts_are_shown_and_small_slices_folded() -> None:
    page = render_report(make_report())
    folded = page[page.index("1 slice of 20 texts says little") :]
    assert "length short" in folded[: folded.index("</details>")]
    assert "length short" not in page[: page.index("1 slice of 20 texts says little")]
    assert "group &lt;i&gt;" in page
    assert "0.812" in page
    assert "3 of 60 train labels are contradicted" in page
    assert "&lt;b&gt;doubted&lt;/b&gt;" in page
    assert "0.5, in use" in page


def test_the_worst_errors_come_with_the_train_texts_nearest_to_them() -> None:
    report = make_report()
    errors = worst_errors(report)
    assert errors
    assert all(error["neighbours"] == [{"text": "<b>near</b>", "label": "rude"}] for error in errors)
    assert render_report(report).count("rude: <bdi>&lt;b&gt;near&lt;/b&gt;</bdi>") == len(errors)


def test_the_table_sets_every_baseline_beside_ours_with_a_paired_difference() -> None:
    page = render_report(make_report())
    assert re.search(r"gain over it.*?\+0\.100<small>\+0\.020 – \+0\.200</small>", page, re.DOTALL)


def test_texts_that_were_cut_are_counted_and_listed() -> None:
    whole = make_report()
    assert "that were cut" not in render_report(whole)
    report = replace(whole, review=replace(whole.review, cut=[3, 7]))
    page = render_report(report)
    assert f"2 of {len(report.y_true)} texts of test are longer than the model reads" in page
    listed = page[page.index("The texts that were cut") :]
    assert all(f"<li><bdi>{report.texts[row]}</bdi></li>" in listed for row in (3, 7))
    many = replace(whole, review=replace(whole.review, cut=range(30)))
    assert "The first 20 texts that were cut" in render_report(many)


def test_a_decision_takes_the_place_of_an_earlier_one_in_the_report() -> None:
    page = render_report(make_report())
    assert "This page was made before the promotion was decided" in page
    once = state_decision(page, "Candidate 2 <b> stays.")
    assert '<p class="decision">Candidate 2 &lt;b&gt; stays.</p>' in once
    assert "No decision" not in once
    assert state_decision(once, r"Back to \1.").count('decision">') == 1


def test_the_page_opens_with_the_decision_and_what_it_is_about_and_links_to_their_pages() -> None:
    made = replace(make_report(), about=[Fact("run", "training-7", "http://127.0.0.1:8237/runs/7")])
    page = render_report(made)
    assert Reader(page).addresses[0] == "http://127.0.0.1:8237/runs/7"
    facts = [Fact("version", "3 of <rude>", "https://x/?a=1&b=2"), Fact("decided", "2026", "javascript:alert(1)")]
    decided = state_decision(page, "Candidate 3 stays.", facts)
    read = Reader(decided)
    assert read.open == []
    assert [address for address in read.addresses if not address.startswith("#")] == ["https://x/?a=1&b=2"]
    assert "training-7" not in decided
    assert decided.index("Candidate 3 stays.") < decided.index("3 of &lt;rude&gt;") < decided.index('class="contents"')
    again = state_decision(decided, "It is champion.")
    assert "3 of &lt;rude&gt;" in again, "facts that are not given anew stay"
    assert again.count('class="about"') == 1


def test_a_class_name_does_not_turn_the_sentence_that_names_it() -> None:
    assert "\u202e" not in render_report(make_report(("other", "rude\u202eevil")))
    assert "“rudeevil”" in render_report(make_report(("other", "rude\u202eevil")))


def test_a_page_for_a_frame_leads_to_itself_and_is_had_back_whole(page: str) -> None:
    framed = put_into_frame(page)
    assert framed.index('<base href="about:srcdoc">') < framed.index("<meta")
    assert take_from_frame(framed) == page == take_from_frame(page)


def test_contents_lead_to_every_section(page: str) -> None:
    read = Reader(page)
    wanted = {address.removeprefix("#") for address in read.addresses if not address.startswith("#m")}
    assert wanted >= {"results", "curves", "slices", "training", "errors", "rests"}
    for section in re.findall(r'<h2 id="([a-z]+)"', page):
        assert f'href="#{section}"' in page


def test_attacks_stand_in_a_section_of_their_own_and_only_where_some_were_tried() -> None:
    flips = Rate.of(np.arange(20) < 5)
    tried = {
        "zero_width": Attacked(flips=flips, changes=flips, metrics={"roc_auc": 0.7, "f1": 0.6}, intervals={}),
        "injection: own separator": Attacked(flips=flips, changes=flips, metrics={}, intervals={}),
    }
    page = render_report(replace(make_report(), evasion=tried))
    assert '<a href="#evasion">Evasion</a>' in page
    assert "The worst attack turns 25.0 % of them round." in page
    assert "<th>zero width</th><td>20</td>" in page
    assert 'id="evasion"' not in render_report(make_report())


def test_the_words_of_an_error_are_told_and_escaped() -> None:
    report = make_report()
    row = wrong_rows(report.y_true, report.results[0].y_score, 0.5)[0]
    word = Word(HOSTILE, 0, len(HOSTILE), 0.4, 1.25, 1.0)
    found = Explanation(HOSTILE, "rude", 0.9, (word,), 3, 0.4)
    page = render_report(replace(report, review=replace(report.review, explained={row: found})))
    assert "decided by <bdi>&lt;script&gt;" in page
    assert "</bdi> +1.25 (of its first 1 words)" in page
    assert "<script" not in page

"""A version in service, by its store: precision and recall period by period, decay, and verdicts as a table to learn from."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.errors import InputError

pytestmark = pytest.mark.usefixtures("state_folder")

WEEK = 7 * 86_400
NOW = int(datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp())
"""A Monday."""
SETTINGS = MonitoringConfig(min_verdicts=50)


@pytest.fixture
def measure(registry: Any, store: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Measure `toy`, whose version 1 had a precision of 0.9 and a recall of 0.5 on its test rows."""
    from agile_classifier.ops.feedback import in_service
    from agile_classifier.ops.registry.versions import tag_version

    tag_version("toy", "1", {"test_precision": "0.9000", "test_recall": "0.5000"})
    monkeypatch.setattr(in_service, "_read_calibration", lambda *_: "probabilities as the network says them")
    return lambda settings=SETTINGS, **more: in_service.measure(
        store, model_name="toy", version="1", settings=settings, at=NOW, **more
    )


def test_quality_is_told_week_by_week_with_what_is_expected(measure: Any, desk: Any) -> None:
    for week, precision in ((3, 0.9), (2, 0.9), (1, 0.9)):
        desk.serve_and_judge(1_500, made=NOW - week * WEEK, precision=precision, seed=week)
    found = measure()
    assert [period.begins.date().isoformat() for period in found.periods] == ["2026-11-23", "2026-11-16", "2026-11-09"]
    latest = found.periods[0]
    assert (latest.n_served, latest.version, latest.note) == (1_500, "1", "")
    assert 250 < latest.n_judged < 420
    precision, recall = latest.figures
    assert precision.low <= 0.9 <= precision.high
    assert recall.low <= 0.27 / 0.34 <= recall.high
    assert precision.expected == pytest.approx(0.9)
    assert (precision.test, recall.test) == (0.9, 0.5)
    assert not found.decay
    assert found.sentence.startswith("No decay shown: precision of 'long' 0.")
    assert "(test 0.90)" in found.sentence
    assert "of 2026-11-23 to 2026-11-30" in found.sentence


def test_decay_is_told_where_the_latest_week_lies_below_the_test(measure: Any, desk: Any) -> None:
    desk.serve_and_judge(2_000, made=NOW - 3 * WEEK, precision=0.95)
    desk.serve_and_judge(2_000, made=NOW - WEEK, precision=0.6)
    found = measure()
    assert found.decay
    assert found.sentence.startswith("Decay: precision of 'long' 0.")
    assert not measure(SETTINGS.model_copy(update={"decay": 0.5})).decay


def test_a_few_verdicts_tell_nothing_and_what_is_expected_is_said_instead(measure: Any, desk: Any) -> None:
    desk.serve_and_judge(60, made=NOW - WEEK, precision=0.2)
    found = measure()
    assert not found.decay
    assert "fewer than monitoring.min_verdicts (50) tell nothing; precision of 'long' 0.90" in found.sentence
    assert found.sentence.endswith("expected, if probabilities are calibrated")


def test_without_verdicts_a_scored_file_leads_to_expect(measure: Any) -> None:
    from agile_classifier.evaluation.quality import Figure

    assert measure().sentence == "No verdicts that tell precision and recall"
    batch = [Figure(metric="precision", class_name="long", expected=0.8)]
    said = measure(batch=batch).sentence
    assert said.endswith("; precision of 'long' 0.80 expected, if probabilities are calibrated")


def test_verdicts_of_unknown_chance_are_counted_and_left_out(measure: Any, desk: Any) -> None:
    from agile_classifier.ops.feedback.verdicts import Verdict

    answers = type(desk).of(desk.store, review={}).serve([0.9] * 60, made=NOW - WEEK)
    desk.judge(*(Verdict(prediction_id=answer["prediction_id"], verdict="short") for answer in answers))
    found = measure()
    assert (found.periods[0].n_judged, found.periods[0].n_unweighted) == (0, 60)
    assert not found.decay
    assert "(60 without a sampling probability are left out)" in found.sentence


def test_other_versions_are_shown_and_not_judged(measure: Any, desk: Any) -> None:
    old = type(desk).of(desk.store, "0")
    old.serve_and_judge(2_000, made=NOW - WEEK, precision=0.3)
    desk.serve_and_judge(2_000, made=NOW - WEEK, precision=0.95)
    found = measure()
    assert {(period.version, period.figures[0].test) for period in found.periods} == {("0", None), ("1", 0.9)}
    assert not found.decay


def test_a_marked_part_that_nobody_judged_is_noted(measure: Any, desk: Any) -> None:
    from agile_classifier.ops.feedback.verdicts import Verdict

    answers = desk.serve([0.9] * 2_000, made=NOW - WEEK)
    marked = [answer for answer in answers if answer["review"]][:300]
    desk.judge(*(Verdict(prediction_id=answer["prediction_id"], verdict="long") for answer in marked))
    assert "stand for 600 predictions of a class of which 2,000 were served" in measure().periods[0].note


def test_of_very_many_served_predictions_an_even_part_is_read(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from agile_classifier.ops.feedback import reading

    desk.serve([0.9, 0.1] * 1_000, made=NOW)
    signer = desk.marker.signing.signer.number
    monkeypatch.setattr(reading, "MOST_READ", 500)
    part = reading.read_served(desk.store, signer, n_classes=2, begins=NOW, ends=NOW + 1, n=2_000)
    assert part is not None
    assert 380 < len(part.lengths) < 620
    assert 0.4 < part.answered.predicted.mean() < 0.6


def test_verdicts_with_a_kept_text_can_be_learnt_from(desk: Any) -> None:
    from agile_classifier.ops.feedback.training_table import count_verdicts, read_feedback
    from agile_classifier.ops.feedback.verdicts import Verdict

    keeping = type(desk).of(desk.store, keep_texts=True)
    first, second, _ = keeping.serve([0.9, 0.9, 0.1], texts=["one", "two", "three"], made=NOW)
    (elsewhere,) = desk.serve([0.9], made=NOW)
    for answer, person, verdict in ((first, "mo", "long"), (first, "jo", "short"), (first, "al", "short"), (second, "mo", "0"), (elsewhere, "mo", "long")):  # fmt: skip
        keeping.judge(Verdict(prediction_id=answer["prediction_id"], verdict=verdict, person=person))
    found = read_feedback("feedback://toy", desk.store)
    assert list(found["text"]) == ["one", "two"]
    assert list(found["label"]) == ["short", "short"]
    assert list(found["agreement"].round(2)) == [0.67, 1.0]
    assert found["id"].is_unique
    assert list(found["time"]) == ["2026-11-30T12:00:00+00:00"] * 2
    assert count_verdicts("toy", desk.store) == 3


def test_a_training_reads_them_as_a_source(desk: Any, tmp_path: Path) -> None:
    import agile_classifier.ops.schemes  # noqa: F401  (puts the scheme on the table)
    from agile_classifier.config.data import DataConfig
    from agile_classifier.data.examples import read_examples
    from agile_classifier.ops.feedback.verdicts import Verdict

    desk = type(desk).of(desk.store, keep_texts=True)
    answers = desk.serve([0.9, 0.1], texts=["one", "two"])
    desk.judge(*(Verdict(prediction_id=answer["prediction_id"], verdict="short") for answer in answers))
    data = DataConfig.model_validate({"source": "feedback://toy", "columns": {"id": "id", "text": "text"}})
    found = read_examples(data, keep=("label",))
    assert list(found["text"]) == ["one", "two"]
    assert list(found.iloc[:, -1]) == ["short", "short"]
    with pytest.raises(InputError, match=r"^feedback://nobody: no predictions of a model 'nobody'; there are: toy"):
        read_examples(data.model_copy(update={"source": "feedback://nobody"}), keep=("label",))


def test_what_cannot_be_learnt_from_is_one_line(desk: Any) -> None:
    from agile_classifier.ops.feedback.training_table import read_feedback
    from agile_classifier.ops.feedback.verdicts import Verdict

    with pytest.raises(
        InputError, match="feedback://tox: no predictions of a model 'tox'; there are: toy; did you mean toy"
    ):
        read_feedback("feedback://tox", desk.store)
    (answer,) = desk.serve([0.9])
    desk.judge(Verdict(prediction_id=answer["prediction_id"], verdict="long", text="a text"))
    with pytest.raises(InputError, match="1 predictions have verdicts, and the text of none was kept; set monitoring"):
        read_feedback("feedback://toy", desk.store)


def test_a_model_of_which_nothing_was_served_is_refused_with_what_to_do(registry: Any, store: Any) -> None:
    from agile_classifier.ops.feedback import in_service

    with pytest.raises(
        InputError, match="neither verdicts nor served predictions of toy; name a FILE of texts, or serve with"
    ):
        in_service.measure_drift("toy", SETTINGS)

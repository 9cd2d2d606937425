"""Verdicts: a batch is stored whole or not at all, and of one person on one prediction the last verdict counts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.errors import InputError

pytestmark = pytest.mark.usefixtures("state_folder")


def rows_of(store: Any, table: str = "agile_verdicts") -> list[dict[str, Any]]:
    path = Path(store.address.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(f"SELECT * FROM {table} ORDER BY id")]


def say(answer: dict[str, Any], verdict: str, **more: Any) -> Any:
    from agile_classifier.ops.feedback.verdicts import Verdict

    return Verdict(prediction_id=answer["prediction_id"], verdict=verdict, **more)


def test_a_verdict_holds_what_its_prediction_was(desk: Any) -> None:
    desk = type(desk).of(desk.store, review={"long": 1.0})
    answer, other = desk.serve([0.75, 0.25], made=1_790_000_000)
    assert (answer["review"], other["review"]) == (True, False)
    stored = desk.judge(say(answer, "short", person="mo"), say(other, "1"))
    assert (stored.n_stored, stored.n_unweighted) == (2, 1)
    first, second = rows_of(desk.store)
    assert (first["predicted"], first["verdict"], first["probability"], first["sampling"]) == (1, 0, 0.75, 1.0)
    assert (first["made"], first["person"], first["text"]) == (1_790_000_000, "mo", None)
    assert (second["predicted"], second["verdict"], second["sampling"]) == (0, 1, None)


def test_a_chance_that_is_said_counts_in_place_of_that_in_the_id(desk: Any) -> None:
    (answer,) = desk.serve([0.75])
    desk.judge(say(answer, "long", sampling_probability=0.25))
    assert rows_of(desk.store)[0]["sampling"] == 0.25


def test_the_last_verdict_of_a_person_counts_and_all_stay(desk: Any) -> None:
    from agile_classifier.ops.feedback.reading import read_judged
    from agile_classifier.ops.feedback.signers import list_signers

    answer, _ = desk.serve([0.75, 0.25])
    for person, verdict in (("mo", "short"), ("jo", "short"), ("mo", "long")):
        desk.judge(say(answer, verdict, person=person))
    (found,) = read_judged(desk.store, {each.signer.number: each for each in list_signers(desk.store, "toy")})
    assert found.verdicts == {"jo": 0, "mo": 1}
    assert len(rows_of(desk.store)) == 3


@pytest.mark.parametrize("keeps", [True, False])
def test_a_text_is_kept_only_if_the_config_says_so(desk: Any, keeps: bool) -> None:
    desk = type(desk).of(desk.store, keep_texts=keeps)
    text = "a\0 text ünï"
    (answer,) = desk.serve([0.75], texts=[text])
    desk.judge(say(answer, "long", text=text))
    kept = text.encode() if keeps else None
    assert rows_of(desk.store)[0]["text"] == kept
    assert rows_of(desk.store, "agile_predictions")[0]["text"] == kept


def test_one_bad_verdict_stores_nothing(desk: Any) -> None:
    from agile_classifier.ops.feedback.verdicts import BadVerdict, UnknownPrediction, Verdict

    (answer,) = desk.serve([0.75])
    good, forged = (
        say(answer, "long"),
        answer["prediction_id"][:-1] + ("A" if answer["prediction_id"][-1] != "A" else "B"),
    )
    for bad, kind, line in (
        (Verdict(prediction_id="nobody", verdict="long"), UnknownPrediction, "row 1: unknown prediction_id 'nobody'"),
        (Verdict(prediction_id=forged, verdict="long"), UnknownPrediction, f"row 1: unknown prediction_id '{forged}'"),
        (say(answer, "lang"), BadVerdict, "row 1: verdict 'lang' is no class of toy version 1; its classes are short, long; did you mean long?"),
        (say(answer, "long", text=" "), BadVerdict, "row 1: the text is ' '"),
    ):  # fmt: skip
        with pytest.raises(kind) as refused:
            desk.judge(good, bad)
        assert str(refused.value).startswith(line)
    assert rows_of(desk.store) == []


def take(path: Path, **options: Any) -> Any:
    from agile_classifier.ops.feedback.verdict_file import FileOptions, take_file

    return take_file(path, FileOptions(**options), monitoring=MonitoringConfig())


@pytest.fixture
def judged(desk: Any, tmp_path: Path) -> pd.DataFrame:
    """A scored file of four rows, as a person fills it in."""
    answers = desk.serve([0.9, 0.8, 0.2, 0.1])
    frame = pd.DataFrame(answers).drop(columns="review")
    return frame.assign(text=["a", "b", "c", "d"], verdict=["long", "short", None, "0"])


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".xlsx"])
def test_a_file_of_any_format_is_taken(desk: Any, judged: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"judged{suffix}"
    if suffix == ".jsonl":
        judged.to_json(path, orient="records", lines=True)
    elif suffix == ".parquet":
        judged.to_parquet(path)
    elif suffix == ".xlsx":
        judged.to_excel(path, index=False)
    else:
        judged.to_csv(path, index=False, sep=";")
    taken = take(path, person="mo", sampling_probability=0.5)
    assert (taken.n_stored, taken.n_without, taken.n_unweighted) == (3, 1, 0)
    assert taken.in_words(path) == f"{path}: 3 verdicts stored; 1 rows without one"
    assert [row["verdict"] for row in rows_of(desk.store)] == [1, 0, 0]
    assert {row["person"] for row in rows_of(desk.store)} == {"mo"}


def change(column: str, place: int, value: Any) -> Any:
    def apply(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.astype({column: object}) if column in frame else frame.assign(**{column: ""})
        frame.loc[place, column] = value
        return frame

    return apply


REFUSED = [
    ("an unknown prediction", change("prediction_id", 1, "x"), "row 2 (line 3): unknown prediction_id 'x'; nothing was stored"),
    ("an unknown class", change("verdict", 1, "lang"), "row 2 (line 3): verdict 'lang' is no class of toy version 1"),
    ("no id", change("prediction_id", 1, None), "row 2 (line 3): prediction_id: Field required; nothing was stored"),
    ("a chance above 1", change("sampling_probability", 1, "50"), "row 2 (line 3): sampling_probability: Input should be less than or equal to 1"),
    ("a chance that is none", change("sampling_probability", 1, "much"), "row 2 (line 3): sampling_probability: Input should be a valid number"),
    ("no verdicts", lambda frame: frame.assign(verdict=None), "no row has a verdict in column 'verdict' (--verdict-column)"),
    ("no column of verdicts", lambda frame: frame.drop(columns="verdict"), "no column 'verdict' (--verdict-column); there are 'label'"),
    ("no column of ids", lambda frame: frame.drop(columns="prediction_id"), "no column 'prediction_id'; there are 'label'"),
]  # fmt: skip


@pytest.mark.parametrize(("apply", "line"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_file_that_cannot_be_taken_is_one_line_and_nothing_is_stored(
    desk: Any, judged: pd.DataFrame, tmp_path: Path, apply: Any, line: str
) -> None:
    path = tmp_path / "judged.csv"
    apply(judged).to_csv(path, index=False)
    with pytest.raises(InputError) as refused:
        take(path)
    assert str(refused.value).startswith(f"{path}: {line}")
    assert rows_of(desk.store) == []


def test_the_ids_of_a_prefix_are_found_and_the_prediction_is_no_verdict(
    desk: Any, judged: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "judged.csv"
    judged.rename(columns={"prediction_id": "new_prediction_id"}).to_csv(path, index=False)
    assert take(path).n_stored == 3
    judged.drop(columns="verdict").rename(columns={"label": "answer"}).assign(label="long").to_csv(path, index=False)
    assert take(path, verdict_column="label").n_stored == 4


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("postgresql://me:sentinel-pw@127.0.0.1:1/x", "AGILE_FEEDBACK_URL postgresql://***@127.0.0.1:1/x: no answer"),
        ("mysql://me:sentinel-pw@127.0.0.1:1/x", "AGILE_FEEDBACK_URL mysql://***@127.0.0.1:1/x: no answer"),
        ("nothing", "AGILE_FEEDBACK_URL nothing: no address of a database"),
        ("oracle+nope://a/b", "AGILE_FEEDBACK_URL oracle+nope://a/b: "),
    ],
)  # fmt: skip
def test_a_store_that_does_not_answer_is_one_line_without_its_password(address: str, line: str) -> None:
    from agile_classifier.ops.feedback.store import SIGNERS, FeedbackStore

    with pytest.raises(InputError) as refused:
        FeedbackStore(address).count(SIGNERS)
    assert str(refused.value).startswith(line)
    assert "sentinel-pw" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.csv"
    pd.DataFrame({"text": ["short", "a text of some length"] * 3}).to_csv(path, index=False)
    return path


def test_rows_of_a_scored_file_carry_ids_that_tell_what_they_were(registry: Any, store: Any, texts: Path) -> None:
    from agile_classifier.ops.feedback.marking import find_marking
    from agile_classifier.ops.scoring.batch import score_file

    output = texts.with_name("scored.parquet")
    score_file(texts, output=output, run_id="run-1", find_marking=find_marking)
    scored = pd.read_parquet(output)
    assert list(scored.columns)[-2:] == ["run_id", "prediction_id"]
    assert scored["prediction_id"].is_unique
    scored.assign(verdict=["short", "long", "long", "", "", ""]).to_csv(texts.with_name("judged.csv"), index=False)
    assert take(texts.with_name("judged.csv"), sampling_probability=1.0).n_stored == 3
    assert [(row["predicted"], row["verdict"]) for row in rows_of(store)] == [(0, 0), (1, 1), (0, 1)]
    assert rows_of(store, "agile_predictions") == []  # the file itself lists what was predicted
    score_file(output, output=texts.with_name("again.csv"), run_id="run-2", find_marking=find_marking)
    again = pd.read_csv(texts.with_name("again.csv"))
    assert list(again.columns) == list(scored.columns)
    assert not set(again["prediction_id"]) & set(scored["prediction_id"])


def test_a_scoring_that_was_cut_short_goes_on_with_the_ids_of_its_beginning(
    registry: Any, store: Any, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.feedback import marking
    from agile_classifier.ops.feedback.prediction_ids import read_id
    from agile_classifier.ops.scoring import batch

    def stop(_: Any) -> None:
        raise KeyboardInterrupt

    output = texts.with_name("scored.csv")
    with monkeypatch.context() as patch:
        patch.setattr(batch.Lines, "__call__", lambda *_: stop(_))
        with pytest.raises(KeyboardInterrupt):
            batch.score_file(texts, output=output, run_id="run-1", find_marking=marking.find_marking, window_rows=2)
    batch.score_file(texts, output=output, run_id="run-2", find_marking=marking.find_marking, window_rows=2)
    scored = pd.read_csv(output)
    signer = marking.find_marking("toy", "1", ["label", "probability_short", "probability_long"]).signing.signer
    told = [read_id(written, signer) for written in scored["prediction_id"]]
    assert len({each.made for each in told if each}) == 1
    assert len({each.number for each in told if each}) == 6
    assert set(scored["run_id"]) == {"run-1"}

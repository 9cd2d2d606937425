"""Files of strangers: every role is found, or asked for; new names and another order never make a wrong guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agile_classifier.drafts.choices import Choices, OpenQuestion, settle
from agile_classifier.drafts.draft import guess_with_answers
from agile_classifier.drafts.guess import Guess, guess
from tests.drafts.strangers import STRANGERS, Stranger

BY_NAME = {stranger.name: stranger for stranger in STRANGERS}
EXAMPLES = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def learnt_by(found: Guess) -> tuple[str, ...]:
    columns: Any = found.data["columns"]
    if "raters" in columns:
        return ("raters", *columns["raters"])
    return ("score", columns["score"]) if "score" in columns else ("classes", *found.labels["columns"])  # type: ignore[misc]


def guess_or_ask(path: Path) -> Guess | OpenQuestion:
    try:
        return guess([path])
    except OpenQuestion as asked:
        return asked


@pytest.mark.parametrize("name", BY_NAME)
def test_every_role_is_found_or_asked_for(tmp_path: Path, name: str) -> None:
    stranger = BY_NAME[name]
    stranger.frame().to_csv(tmp_path / "x.csv", index=False)
    found = guess_or_ask(tmp_path / "x.csv")
    if isinstance(found, OpenQuestion):
        assert stranger.asks, found
        assert "--" in str(found)
        return
    assert (found.data["columns"]["text"], learnt_by(found)) == (stranger.text, stranger.learnt)  # type: ignore[index]
    assert all(reason[0].isupper() and reason.endswith(".") for reason in found.reasons)


@EXAMPLES
@given(
    name=st.sampled_from([name for name, stranger in BY_NAME.items() if stranger.learnt]),
    order=st.randoms(use_true_random=False),
    rename=st.booleans(),
)
def test_new_names_and_another_order_never_make_a_wrong_guess(
    tmp_path: Path, name: str, order: Any, rename: bool
) -> None:
    stranger = BY_NAME[name]
    columns = list(stranger.columns)
    shuffled = order.sample(columns, len(columns))
    names = {
        column: f"c{order.randrange(10**6)}q{number}x" if rename else column for number, column in enumerate(shuffled)
    }
    frame = stranger.frame().sample(frac=1, random_state=order.randrange(10**6))[shuffled].rename(columns=names)
    frame.to_csv(tmp_path / "x.csv", index=False)
    found = guess_or_ask(tmp_path / "x.csv")
    if isinstance(found, OpenQuestion):
        assert rename or stranger.asks, found
        return
    kind, *right = stranger.learnt
    renamed = {names[column] for column in right}
    assert found.data["columns"]["text"] == names[stranger.text]  # type: ignore[index]
    got = learnt_by(found)
    assert (got[0] == kind and set(got[1:]) == renamed) or _says_the_same(stranger, names, got)


def _says_the_same(stranger: Stranger, names: dict[str, str], got: tuple[str, ...]) -> bool:
    """Codes and the column of their names say the same; so does a column that always goes with the right one."""
    frame = stranger.frame()
    old = {new: column for column, new in names.items()}
    pairs = set(zip(frame[stranger.learnt[1]], frame[old[got[1]]], strict=True))
    return len(pairs) == frame[stranger.learnt[1]].nunique() == frame[old[got[1]]].nunique()


@pytest.mark.parametrize("name", [name for name, stranger in BY_NAME.items() if stranger.asks])
def test_every_answer_to_a_question_ends_in_a_guess(tmp_path: Path, name: str) -> None:
    BY_NAME[name].frame().to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(OpenQuestion) as first:
        guess([tmp_path / "x.csv"])
    for answer in first.value.question.answers:
        choices = settle(Choices(), answer)
        found = guess_with_answers([tmp_path / "x.csv"], choices, lambda question: question.answers[0])
        named = {column for columns in choices.columns.values() for column in columns}
        assert named <= {found.data["columns"]["text"], *learnt_by(found)}  # type: ignore[index]

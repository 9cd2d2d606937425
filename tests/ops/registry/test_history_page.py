"""History page: a table that Markdown shows as it is, beside what a person has written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.ops.registry.history import PROMOTED, ROLLED_BACK, Event
from agile_classifier.ops.registry.history_page import END, HEADING, LONGEST, escape, with_table

FIRST = Event(
    PROMOTED, "1", "1", "the policy", "Candidate 1 becomes champion.", "training-1", at="2026-11-30T03:00:01.5"
)
BACK = Event(
    ROLLED_BACK, "2", "1", "ann", "It flags <b>greetings</b> | see [this](http://x)", at="2026-12-01T03:00:01.5"
)


def test_the_newest_event_stands_first_and_what_a_person_wrote_stays_around_it() -> None:
    once = with_table("Ours, for comments.", [FIRST])
    assert once.startswith(f"Ours, for comments.\n\n{HEADING}\n")
    assert once.endswith(END)
    again = with_table(f"{once}\n\nCall Ann.", [FIRST, BACK])
    assert again.startswith("Ours, for comments.")
    assert again.endswith("Call Ann.")
    assert again.count(HEADING) == again.count(END) == 1
    assert again.index("rolled back") < again.index("promoted")
    assert with_table(again, [FIRST, BACK]) == again


def test_a_table_whose_end_a_person_removed_is_replaced_to_the_end() -> None:
    once = with_table("Ours.", [FIRST])
    assert with_table(once.removesuffix(END), [FIRST]) == once


def test_as_many_of_the_newest_events_are_shown_as_every_database_takes() -> None:
    shown = with_table("Ours.", [FIRST] * 200 + [BACK])
    assert LONGEST - 500 < len(shown) <= LONGEST
    assert "rolled back" in shown
    full = "x" * LONGEST
    assert with_table(full, [FIRST]) == full


def test_a_reason_neither_ends_its_row_nor_becomes_markup_or_a_link() -> None:
    (row,) = [line for line in with_table("", [BACK]).splitlines() if "rolled back" in line]
    assert "&lt;b&gt;" in row
    assert r"\| see \[this\](http&#58;//x)" in row


@given(st.text(max_size=60))
def test_any_text_stays_one_cell_of_one_line(text: str) -> None:
    shown = escape(text)
    assert len(shown.splitlines()) <= 1
    assert not {"<", "\u202e", "\u2067"} & set(shown)
    assert not shown.replace(r"\\", "").replace(r"\|", "").count("|")

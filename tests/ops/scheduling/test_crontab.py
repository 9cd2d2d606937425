"""The block of our own in a crontab: nothing around it changes by a byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from agile_classifier.errors import InputError
from agile_classifier.ops.scheduling.crontab import with_block

HOME, OTHER = Path("/home/a/state"), Path("/home/a/state-2")
THEIRS = b'# mine\r\nMAILTO=""\n\n*/5 * * * * echo 100\\% \xff\xfe\n\t# last\n'
LINES = ["0 * * * * one", "5 * * * * two"]


def test_the_rest_stays_byte_for_byte_while_lines_come_change_and_go() -> None:
    once = with_block(THEIRS, LINES, HOME)
    assert once.startswith(THEIRS)
    assert b"\n0 * * * * one\n5 * * * * two\n" in once
    assert with_block(once, LINES, HOME) == once
    changed = with_block(once, ["9 * * * * nine"], HOME)
    assert b"nine" in changed
    assert b"one" not in changed
    assert with_block(changed, [], HOME) == THEIRS


def test_lines_after_the_block_stay_after_it() -> None:
    text = with_block(THEIRS, LINES, HOME) + b"1 1 * * * theirs, no newline"
    assert with_block(text, [], HOME) == THEIRS + b"1 1 * * * theirs, no newline"
    assert with_block(text, ["x"], HOME).endswith(b"1 1 * * * theirs, no newline")


def test_a_last_line_without_its_newline_is_given_one() -> None:
    assert with_block(b"0 0 * * * theirs", LINES, HOME).startswith(b"0 0 * * * theirs\n# BEGIN")


def test_no_crontab_and_no_lines_is_no_crontab() -> None:
    assert with_block(b"", [], HOME) == b""
    assert with_block(with_block(b"", LINES, HOME), [], HOME) == b""


def test_what_somebody_wrote_into_the_block_is_written_anew() -> None:
    edited = with_block(THEIRS, LINES, HOME).replace(b"one", b"edited")
    assert with_block(edited, LINES, HOME) == with_block(THEIRS, LINES, HOME)


def test_two_state_folders_have_blocks_of_their_own() -> None:
    both = with_block(with_block(THEIRS, ["a"], HOME), ["b"], OTHER)
    assert with_block(with_block(both, [], HOME), [], OTHER) == THEIRS
    assert b"\nb\n" in with_block(both, [], HOME)


@pytest.mark.parametrize("lost", [b"# BEGIN", b"# END"])
def test_a_marker_line_without_its_other_is_refused(lost: bytes) -> None:
    text = with_block(THEIRS, LINES, HOME).replace(lost, b"# lost")
    with pytest.raises(InputError, match="do not stand in a pair"):
        with_block(text, [], HOME)

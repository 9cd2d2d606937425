"""Surveys: tables of survey tools with a second and a third line of headers, which would be read as answers."""

from __future__ import annotations

from collections.abc import Sequence

from agile_classifier.data.scores import is_no_score, read_score

ID_COLUMNS = frozenset({"respondent id", "respondentid", "collector id", "collectorid"})
"""Columns of every export of SurveyMonkey, of which a person may have deleted some."""
OPEN_ENDED, RESPONSE = "open-ended response", "response"
"""What SurveyMonkey writes below a question that has one column."""
NAMES_OF_QUALTRICS = {
    "responseid": "response id", "recordeddate": "recorded date", "startdate": "start date", "enddate": "end date",
}  # fmt: skip
"""Columns of an export of Qualtrics, and what its second line calls them."""
KEY = '{"importid"'
"""How the cells of the third line of Qualtrics begin."""
FEWEST_NUMBERS, FEWEST_COLUMNS = 5, 2
"""Rows of numbers, and columns of them, from which a line of words above them is no chance."""

Rows = Sequence[Sequence[str]]


def complain(rows: Rows) -> str:
    """Which lines below the first are headers too, and what to do; empty where none is."""
    return _complain_of_qualtrics(rows) or _complain_of_surveymonkey(rows) or _complain_of_words(rows)


def _complain_of_qualtrics(rows: Rows) -> str:
    keys = next((place for place, row in enumerate(rows[:3]) if any(map(_is_key, row))), None)
    if keys:
        which = "line 2 is a header" if keys == 1 else "lines 2 and 3 are headers"
        return (
            f"{which} too, as Qualtrics writes them, and no answers: delete what follows line 1 up to the ImportIds in "
            f"line {keys + 1}"
        )
    pairs = zip(map(_plain, rows[0]), map(_plain, rows[1] if len(rows) > 1 else ()), strict=False)
    if any(NAMES_OF_QUALTRICS.get(name) == below for name, below in pairs):
        return "line 2 is a header too, as Qualtrics writes it, and no answers: delete it"
    return ""


def _complain_of_surveymonkey(rows: Rows) -> str:
    if len(rows) < 2:
        return ""
    names, second = list(map(_plain, rows[0])), list(map(_plain, rows[1]))
    keys = [cell for name, cell in zip(names, second, strict=False) if name in ID_COLUMNS]
    filled = {cell for cell in second if cell}
    is_head = OPEN_ENDED in filled or (filled == {RESPONSE} and second.count(RESPONSE) > 1)
    if not filled or not (is_head or (keys and not any(keys))):
        return ""
    return (
        "line 2 is a header too, as SurveyMonkey writes it (the options of the questions), and no answers: where "
        "line 1 names no column, move the name up from line 2; then delete line 2"
    )


def _complain_of_words(rows: Rows) -> str:
    """A second line of names tells where it stands above two columns of numbers, and above each that there is."""
    if len(rows) < 2 + FEWEST_NUMBERS:
        return ""
    columns = [[row[place] for row in rows[2:] if place < len(row)] for place in range(len(rows[1]))]
    numbers = [place for place, cells in enumerate(columns) if _are_numbers(cells)]
    words = [rows[1][place].strip() for place in numbers]
    is_named = len(set(words)) == len(words) and all(read_score(word) is None for word in words)
    if len(numbers) < FEWEST_COLUMNS or not is_named:
        return ""
    return (
        f"line 2 is a second line of names, it seems: it holds words ({', '.join(map(repr, words[:2]))}) where every "
        "row below holds numbers: delete it, or line 1"
    )


def _are_numbers(cells: Sequence[str]) -> bool:
    given = [cell for cell in cells if not is_no_score(cell)]
    return len(given) >= FEWEST_NUMBERS and all(read_score(cell) is not None for cell in given)


def _is_key(cell: str) -> bool:
    return _plain(cell).replace(" ", "").startswith(KEY)


def _plain(cell: str) -> str:
    return cell.strip().lower()

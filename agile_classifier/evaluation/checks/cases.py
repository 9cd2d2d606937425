"""Cases of a suite: every text with its test and the class that it is of, for the classes of a version."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agile_classifier.data.fetch.fetched import called_by_address
from agile_classifier.data.fetch.schemes import fetch_rows
from agile_classifier.data.rows import open_rows, require_rows
from agile_classifier.data.tables import as_name
from agile_classifier.data.text import complaint_about, is_missing
from agile_classifier.errors import InputError, did_you_mean
from agile_classifier.evaluation.checks.suite import Cases, Class, Suite, expand

MOST_CASES = 200_000
"""Largest number of texts of a suite."""


@dataclass(frozen=True)
class Case:
    """One text of a functional test."""

    test: str
    text: str
    expected: str | int
    """Class as the suite writes it."""
    where: str
    """Where it stands, for errors."""


@dataclass(frozen=True)
class SuiteCases:
    """A suite with all its texts."""

    suite: Suite
    cases: tuple[Case, ...]

    def least(self, test: str) -> float | None:
        """Least pass rate of a test; None where it has none."""
        own = {each.name: each.least for each in self.suite.tests}
        own |= {} if self.suite.cases is None else self.suite.cases.least
        found = own.get(test)
        return self.suite.least if found is None else found

    def expected(self, class_names: Sequence[str]) -> list[int]:
        """Index of the class that each text is of.

        Raises
        ------
        InputError
            A class that is none of the version's; names the test, what was found and what is allowed.
        """
        known = dict[str | int, int]()
        for case in self.cases:
            if case.expected not in known:
                known[case.expected] = _find_class(case, self.suite.classes, class_names)
        return [known[case.expected] for case in self.cases]


def list_cases(suite: Suite) -> SuiteCases:
    """List the texts of a suite, fetching a file of cases that it names.

    Raises
    ------
    InputError
        A file or column is not there, a text is blank or of a test that is there already, or there are too many.
    """
    cases = [*_of_tests(suite), *(() if suite.cases is None else _of_file(suite, suite.cases))]
    if len(cases) > MOST_CASES:
        raise InputError(f"suite {suite.name}: has {len(cases)} texts; allowed are {MOST_CASES}")
    for case in cases:
        if complaint := complaint_about(case.text):
            raise InputError(f"suite {suite.name}: {case.where}: {complaint}")
    if suite.cases is not None:
        tests = dict.fromkeys(case.test for case in cases)
        unknown = next((name for name in suite.cases.least if name not in tests), None)
        if unknown is not None:
            raise InputError(f"suite {suite.name}: cases.least.{unknown}: no such test{did_you_mean(unknown, tests)}")
    return SuiteCases(suite, tuple(cases))


def find_class(wanted: Class, class_names: Sequence[str]) -> int | None:
    """Index of a class that is named, or known by its place; None where there is no such class."""
    if isinstance(wanted, int):
        return wanted if wanted < len(class_names) else None
    return list(class_names).index(wanted) if wanted in class_names else None


def _of_tests(suite: Suite) -> Iterator[Case]:
    for test in suite.tests:
        for number, text in enumerate(expand(test, suite.terms), start=1):
            yield Case(test.name, text, test.expected, f"test {test.name}, text {number}")


def _of_file(suite: Suite, cases: Cases) -> Iterator[Case]:
    """The cases of a file, each row one."""
    taken, columns = {test.name for test in suite.tests}, cases.columns
    with tempfile.TemporaryDirectory(prefix="agile-suite-") as folder:
        files = fetch_rows(cases, Path(folder))
        with called_by_address(files):
            rows = open_rows([file.path for file in files], cases)
            for field, name in columns.model_dump().items():
                if name not in rows.names():
                    raise InputError(
                        f"{rows.path}: no column {name!r} (cases.columns.{field}); there are"
                        f" {', '.join(map(repr, rows.names()))}{did_you_mean(name, rows.names())}"
                    )
            for row in require_rows(rows):
                test, text, expected = (row.cells[getattr(columns, field)] for field in ("test", "text", "expected"))
                if is_missing(test) or not as_name(test).strip() or is_missing(expected):
                    raise InputError(f"{rows.path}: {row.place}: the name of its test or its class is missing")
                if as_name(test) in taken:
                    raise InputError(f"{rows.path}: {row.place}: test {test!r} stands under tests already")
                yield Case(as_name(test), text, as_name(expected), f"{rows.path}: {row.place}")


def _find_class(case: Case, classes: Mapping[str, str | int], class_names: Sequence[str]) -> int:
    """Index of a case's class; a number is its place."""
    wanted: str | int = classes.get(case.expected, case.expected) if isinstance(case.expected, str) else case.expected
    found = find_class(wanted, class_names)
    if found is not None:
        return found
    mapped = f" ({case.expected!r} is mapped to it)" if wanted != case.expected else ""
    raise InputError(
        f"test {case.test}: expected class {wanted!r}{mapped} is none of the version's: {', '.join(class_names[:20])}"
        f"{did_you_mean(str(wanted), class_names)}; a suite's classes map its words, as classes:"
        f" {{{case.expected}: {class_names[-1]}}}"
    )

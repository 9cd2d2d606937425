"""A suite of functional tests as data: what its file may hold, and the one line that says what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.addresses.source import Source, scheme_of
from agile_classifier.config.bounds import MOST_NAMES, Cell, Text, Title
from agile_classifier.config.section import Section
from agile_classifier.errors import InputError, did_you_mean, explain_validation
from agile_classifier.files import read_yaml

YAML = (".yaml", ".yml")
"""Suffixes of a suite; any other is that of a file of cases."""
LARGEST_CLASS = 9_999

Rate = Annotated[float, Field(gt=0, le=1)]


def _refuse_boolean(value: Any) -> Any:
    """`expected: no` is no class `no`."""
    if isinstance(value, bool):
        raise ValueError(f"YAML reads this as the boolean {value}; to be the name of a class it needs quotes")
    return value


Class = Annotated[Annotated[int, Field(ge=0, le=LARGEST_CLASS, strict=True)] | Cell, BeforeValidator(_refuse_boolean)]
"""A class: its name, or, as a number without quotes, its place among the version's classes."""
Texts = Annotated[
    tuple[Text, ...],
    Field(max_length=MOST_NAMES),
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
]
Words = Annotated[
    dict[Title, Annotated[tuple[Title, ...], Field(min_length=1, max_length=MOST_NAMES)]], Field(max_length=MOST_NAMES)
]


class FunctionalTest(Section):
    """One functional test: texts of one class."""

    name: Annotated[Title, Field(min_length=1)]
    functionality: Title = ""
    """What it asks of a model, in words."""
    texts: Texts = ()
    """Texts, as they are."""
    template: Texts = ()
    """Texts with placeholders, `I am {group}`: each stands for a text of every combination of the terms. A brace that
    is none is doubled."""
    terms: Words = {}  # noqa: RUF012
    """Placeholder → terms, beside those of the suite."""
    expected: Class
    """Class that every text is of: a name of the version, or a word that the suite's `classes` map."""
    least: Rate | None = None
    """Least pass rate; by default that of the suite."""


class CaseColumns(Section):
    """Which columns of a file of cases play which role."""

    test: Cell = "functionality"
    """Column that names the functional test of a text."""
    text: Cell = "text"
    """Column of the texts."""
    expected: Cell = "label"
    """Column of the class that a text is of."""


class Cases(Source, Dialect):
    """A file of cases, a row a text; a relative path counts from the suite's folder."""

    columns: CaseColumns = CaseColumns()
    """Which columns play which role."""
    least: Annotated[dict[Title, Rate], Field(max_length=MOST_NAMES)] = {}  # noqa: RUF012
    """Test → its least pass rate; by default that of the suite."""


class Suite(Section):
    """A suite of functional tests."""

    name: Title
    about: Text = ""
    """Source, authors, licence."""
    classes: Annotated[dict[Cell, Class], Field(max_length=MOST_NAMES)] = {}  # noqa: RUF012
    """Word of the suite → class of the version: its name, or its place, as `hateful: 1`."""
    least: Rate | None = None
    """Least pass rate of every test that names none; without one it is only held against the champion's."""
    terms: Words = {}  # noqa: RUF012
    """Placeholder → terms, for every template."""
    tests: Annotated[tuple[FunctionalTest, ...], Field(max_length=MOST_NAMES)] = ()
    """Functional tests with their texts."""
    cases: Cases | None = None
    """Functional tests from a file."""


def read_suite(path: Path) -> Suite:
    """Read a suite from a YAML, or make one of a file of cases, whose columns are `functionality`, `text` and `label`.

    Raises
    ------
    InputError
        Names the file, the test, the field, what was found and what is allowed.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such suite of functional tests")
    if path.suffix not in YAML:
        return Suite(name=path.stem, cases=Cases(source=str(path)))
    document = read_yaml(path, what="suite of functional tests")
    if not isinstance(document, Mapping):
        raise InputError(f"{path}: a suite has the keys {', '.join(Suite.model_fields)}; found {_kind(document)}")
    listed = document.get("tests", ())
    if isinstance(listed, Sequence) and not isinstance(listed, str):
        for number, raw in enumerate(listed, start=1):
            _validate(FunctionalTest, raw, where=f"{path}: {_called(number, raw)}")
    suite = _validate(Suite, {"name": path.stem, **document}, where=str(path))
    _require_sound(suite, path)
    return _located(suite, path)


def expand(test: FunctionalTest, shared: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Every text of a test: those that are given, then those of its templates, in the order of the terms."""
    yield from test.texts
    terms = {**shared, **test.terms}
    for template in test.template:
        yield from _fill(template, {name: terms[name] for name in _placeholders(template)})


def _fill(template: str, terms: Mapping[str, Sequence[str]]) -> Iterator[str]:
    filled: list[dict[str, str]] = [{}]
    for name, words in terms.items():
        filled = [{**known, name: word} for known in filled for word in words]
    for known in filled:
        yield template.format_map(known)


def _placeholders(template: str) -> list[str]:
    """Names between single braces, each once; raises ValueError where a brace is left open."""
    named = list[str]()
    for _, name, form, conversion in Formatter().parse(template):
        if name is None:
            continue
        if form or conversion or not name.isidentifier():
            raise ValueError(f"{{{name}}} is no placeholder")
        named.append(name)
    return list(dict.fromkeys(named))


def _validate(model: type[Any], raw: Any, *, where: str) -> Any:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise InputError(f"{where}: {explain_validation(error, model)}") from None


def _require_sound(suite: Suite, path: Path) -> None:
    """Refuse what a section by itself cannot see: nothing to test, a name twice, placeholders without terms."""
    if not suite.tests and suite.cases is None:
        raise InputError(f"{path}: holds no test; name some under tests, or a file of them under cases")
    known, used = dict[str, int](), set[str]()
    for number, test in enumerate(suite.tests, start=1):
        where = f"{path}: test {number} ({test.name})"
        if test.name in known:
            raise InputError(f"{where}: the name stands twice, as that of test {known[test.name]}; names must differ")
        known[test.name] = number
        if not test.texts and not test.template:
            raise InputError(f"{where}: holds no text; give it texts, or a template with terms")
        placeholders = _require_terms(where, test, suite.terms)
        _refuse_unused(f"{where}: terms", test.terms, placeholders)
        used |= placeholders
    if suite.tests:
        _refuse_unused(f"{path}: terms", suite.terms, used)


def _require_terms(where: str, test: FunctionalTest, shared: Mapping[str, Sequence[str]]) -> set[str]:
    """The placeholders of a test's templates, each of which has terms."""
    terms, found = {**shared, **test.terms}, set[str]()
    for template in test.template:
        try:
            names = _placeholders(template)
        except ValueError as error:
            raise InputError(
                f"{where}: template {template[:80]!r}: {error}; a placeholder is {{word}}, and another brace is doubled"
            ) from None
        if not names:
            raise InputError(f"{where}: template {template[:80]!r} has no placeholder; such a text belongs in texts")
        for name in names:
            if name not in terms:
                allowed = ", ".join(terms) or "none"
                raise InputError(
                    f"{where}: template {template[:80]!r}: unknown placeholder {{{name}}}; terms are: {allowed}"
                    f"{did_you_mean(name, terms)}"
                )
        found.update(names)
    return found


def _refuse_unused(where: str, terms: Mapping[str, Sequence[str]], used: set[str]) -> None:
    unused = next((name for name in terms if name not in used), None)
    if unused is not None:
        raise InputError(f"{where}.{unused}: no template has the placeholder {{{unused}}}{did_you_mean(unused, used)}")


def _located(suite: Suite, path: Path) -> Suite:
    """The suite with a relative file of cases found in its own folder."""
    cases = suite.cases
    if cases is None:
        return suite
    if cases.source is None:
        raise InputError(f"{path}: cases.source: the file of cases is missing")
    folder = path.absolute().parent
    places = tuple(address if scheme_of(address) else str(folder / address) for address in cases.addresses)
    source = places[0] if isinstance(cases.source, str) else places
    return suite.model_copy(update={"cases": cases.model_copy(update={"source": source})})


def _called(number: int, raw: Any) -> str:
    """How a test is called in an error: by its number and, where it has one, its name."""
    name = raw.get("name") if isinstance(raw, Mapping) else None
    return f"test {number} ({name})" if isinstance(name, str) and name else f"test {number}"


def _kind(document: Any) -> str:
    return "nothing" if document is None else f"a {type(document).__name__}"

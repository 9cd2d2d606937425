"""Files that a config names for its groups and functional tests: relative to the configs folder, or absolute."""

from __future__ import annotations

from pathlib import Path

from agile_classifier.config.fairness.groups import GroupsConfig
from agile_classifier.config.run import RunConfig
from agile_classifier.errors import InputError, did_you_mean
from agile_classifier.evaluation.bias.terms import SHIPPED, Terms, read_terms
from agile_classifier.evaluation.checks.cases import find_class
from agile_classifier.evaluation.checks.suite import Class, read_suite
from agile_classifier.files import content_digest
from agile_classifier.ops import project


def read_named_terms(groups: GroupsConfig) -> Terms | None:
    """Read the list of terms that a config names; None where it names none.

    Raises
    ------
    InputError
        There is no such file, or it is no list of terms.
    """
    path = _terms_path(groups)
    return None if path is None else read_terms(path)


def terms_digest(groups: GroupsConfig) -> str:
    """SHA-256 of that list's file; empty where none is named; raises as `read_named_terms`."""
    path = _terms_path(groups)
    return "" if path is None else content_digest(path)


def find_suite(address: str) -> Path:
    """Path of a suite of functional tests, which lies in the working directory or in the configs folder.

    Raises
    ------
    InputError
        It lies in neither.
    """
    here, shipped = Path(address), project.configs() / address
    found = next((path for path in (here, shipped) if path.is_file()), None)
    if found is None:
        places = f"{here}" if here.is_absolute() else f"{here.absolute()}, nor {shipped}"
        raise InputError(f"suite of functional tests {address}: no such file: {places}")
    return found


def list_named_classes(config: RunConfig) -> dict[str, Class]:
    """Place in the config → a class that it names for groups and functional tests, to be held against the labels.

    The suites of `promotion.checks` are read, so that one that cannot be used is refused before anything is trained.

    Raises
    ------
    InputError
        As `find_suite` and `read_suite`.
    """
    named = dict[str, Class]()
    for address in config.promotion.checks:
        suite = read_suite(find_suite(address))
        for test in suite.tests:
            expected = test.expected
            named[f"promotion.checks {address}: test {test.name}"] = (
                suite.classes.get(expected, expected) if isinstance(expected, str) else expected
            )
        if suite.cases is not None:
            named |= {f"promotion.checks {address}: classes.{word}": name for word, name in suite.classes.items()}
    return named


def require_classes(class_names: tuple[str, ...], groups: GroupsConfig, named: dict[str, Class]) -> None:
    """Refuse a class that the labels do not have.

    Raises
    ------
    InputError
        Names the place in the config, the class, and those that there are.
    """
    refusal = groups.positive_refusal(class_names)
    if refusal is not None:
        raise InputError(refusal)
    for where, name in named.items():
        if find_class(name, class_names) is None:
            raise InputError(
                f"{where}: class {name!r} is none of {', '.join(class_names)}{did_you_mean(str(name), class_names)}"
            )


def _terms_path(groups: GroupsConfig) -> Path | None:
    if groups.terms is None:
        return None
    path = SHIPPED.get(groups.terms) or project.configs() / groups.terms
    if not path.is_file():
        raise InputError(
            f"evaluation.groups.terms: {path}: no such file; allowed are {', '.join(SHIPPED)}, or a YAML file relative"
            " to the configs folder"
        )
    return path

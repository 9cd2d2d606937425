"""Models to serve: each is found at its champion, and what cannot be served is one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agile_classifier.errors import InputError
from agile_classifier.ops.serving.several.targets import ModelChoice, describe_targets, find_targets
from tests.toys.toy_serving import Store, open_store


@pytest.fixture(scope="module")
def store(
    state_folder: Path, new_mlflow: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """Models `toy` and `other` have a champion, `third` none."""
    with open_store(tmp_path_factory.mktemp("several"), new_mlflow) as made:
        for name in ("other", "third"):
            made.make_version(name)
        made.promote("1", "other")
        yield made


def test_each_model_is_found_at_its_champion(store: Store) -> None:
    targets = find_targets(ModelChoice(("other", "toy")))
    assert [(each.model_name, each.version, each.alias) for each in targets] == [("other", "1", "champion"), ("toy", "1", "champion")]  # fmt: skip
    assert describe_targets(targets) == "other version 1 (follows champion), toy version 1 (follows champion)"
    assert describe_targets(find_targets(ModelChoice(("third",), "1"))) == "third version 1"


@pytest.mark.parametrize(("choice", "said"), [
    (ModelChoice(("toy", "other", "toy")), "--model toy: named 2 times; name each model once"),
    (ModelChoice(("toy", "other"), "1"), "--version 1: with several models each is served at its champion"),
    (ModelChoice(("toy", "nobody")), "--model nobody: has no champion; models with one: other, toy"),
    (ModelChoice(("toy", "third")), "--model third: has no champion"),
    (ModelChoice(), "several models have a champion: name one with --model: other, toy"),
])  # fmt: skip
def test_what_cannot_be_served_is_a_line(store: Store, choice: ModelChoice, said: str) -> None:
    with pytest.raises(InputError, match=said):
        find_targets(choice)

"""The first steps of a training, each run by itself as ZenML runs it: what goes in, what comes out, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.config.data import DataConfig, LabelsConfig, ValidationConfig
from agile_classifier.config.data_quality import DataQualityConfig
from agile_classifier.config.fairness.groups import GroupsConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.errors import InputError
from agile_classifier.files import content_digest

LABELS = LabelsConfig(rule="value", value=0.5, names=("Blame", "Praise"))
VALIDATION = ValidationConfig(min_rows=20, min_class_rows=5)


@pytest.fixture(scope="module")
def steps(state_folder: Path) -> Any:
    """Modules of steps, which ZenML wants imported once its state folder is known."""
    from types import SimpleNamespace

    from steps.training.ingest import ingest
    from steps.training.label_and_split import label_and_split
    from steps.training.validate import validate

    return SimpleNamespace(ingest=ingest, validate=validate, label_and_split=label_and_split)


def test_ingest_maps_the_columns_of_a_source_to_roles(steps: Any, tmp_path: Path) -> None:
    source = tmp_path / "comments.csv"
    source.write_text("key,comment,toxicity,thread\na,one text,0.2,7\nb,another text,0.9,8\n", encoding="utf-8")
    columns = Columns(text="comment", score="toxicity", id="key", group="thread")
    examples, earlier, manifest = steps.ingest(DataConfig(source=str(source), columns=columns), (), (), (), (), "mine")
    assert earlier.empty
    assert [(facts.name, facts.n_rows, facts.n_added) for facts in manifest.sources] == [("data", 2, 2)]
    assert list(examples["id"]) == ["a", "b"]
    assert list(examples["text"]) == ["one text", "another text"]
    assert list(examples["score"]) == [0.2, 0.9]
    assert list(examples["group"].astype(str)) == ["7", "8"]


def test_validate_passes_examples_on_unchanged_with_a_page(steps: Any, tiny_examples: pd.DataFrame) -> None:
    digest = _suite_digest(VALIDATION.suite)
    examples, page = steps.validate(tiny_examples, VALIDATION, LABELS, 128, digest)
    pd.testing.assert_frame_equal(examples.reset_index(drop=True), tiny_examples.reset_index(drop=True))
    assert "<html" in page


def test_validate_refuses_too_few_examples(steps: Any, tiny_examples: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"the examples cannot be used: .*\(min_rows 20\): found 10"):
        steps.validate.entrypoint(tiny_examples[:10], VALIDATION, LABELS, 128, _suite_digest(VALIDATION.suite))


def test_label_and_split_labels_each_part_by_the_threshold(steps: Any, tiny_examples: pd.DataFrame) -> None:
    split = SplitConfig(validation=0.2, test=0.2)
    limits = DataQualityConfig(leaks_limit=None, duplicates_limit=None, conflicts_limit=None)
    train, validation, test, labelling, findings = steps.label_and_split(tiny_examples, LABELS, split, limits)
    assert len(train) + len(validation) + len(test) == len(tiny_examples)
    for part in (train, validation, test):
        assert (part["label"] == (part["score"] >= 0.5).astype(int)).all()
    assert labelling.class_names == ("Blame", "Praise")
    assert {finding["name"] for finding in findings} == {"duplicates", "leaks", "conflicts"}


def test_label_and_split_says_which_test_texts_name_which_group(
    steps: Any, tiny_examples: pd.DataFrame, tmp_path: Path
) -> None:
    terms = tmp_path / "terms.yaml"
    terms.write_text("groups: {films: [film]}", encoding="utf-8")
    limits = DataQualityConfig(leaks_limit=None, duplicates_limit=None, conflicts_limit=None)
    split, groups = SplitConfig(validation=0.2, test=0.2), GroupsConfig(terms=str(terms))
    train, _, test, _, _ = steps.label_and_split(
        tiny_examples, LABELS, split, limits, groups=groups, terms_digest=content_digest(terms)
    )
    named = [" film " in f" {text} " for text in test["text"]]
    assert list(test["names the group films"] == 1) == named
    assert "names the group films" not in train


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"groups": GroupsConfig(terms="english")}, "evaluation.groups.terms english: none of its terms stands in the"),
        ({"groups": GroupsConfig(terms="absent.yaml")}, "absent.yaml: no such file; allowed are english"),
        (
            {"groups": GroupsConfig(terms="english", positive="praise")},
            "evaluation.groups.positive: found 'praise', which is no class; allowed are Blame, Praise",
        ),
        (
            {"named_classes": {"promotion.checks own.yaml: test x": "Prise"}},
            "promotion.checks own.yaml: test x: class 'Prise' is none of Blame, Praise; did you mean Praise?",
        ),
    ],
)
def test_groups_and_classes_that_there_are_none_of_are_refused_before_anything_is_trained(
    steps: Any, tiny_examples: pd.DataFrame, fields: dict[str, Any], said: str
) -> None:
    limits = DataQualityConfig(leaks_limit=None, duplicates_limit=None, conflicts_limit=None)
    split = SplitConfig(validation=0.2, test=0.2)
    with pytest.raises(InputError) as refused:
        steps.label_and_split.entrypoint(tiny_examples, LABELS, split, limits, **fields)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


RATED = """comment,verdict,moderator
{rows}
"""


@pytest.fixture(scope="module")
def rated_examples(steps: Any, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Sixty texts in rows of three moderators each, of whom the third says what comes to mind."""
    source = tmp_path_factory.mktemp("rated") / "votes.csv"
    rows = [
        f"text number {text},{verdict},{moderator}"
        for text in range(60)
        for moderator, verdict in (("ann", text % 2), ("bob", text % 2 if text % 10 else 1), ("cyd", text * 7 % 3 % 2))
    ]
    source.write_text(RATED.format(rows="\n".join(rows)), encoding="utf-8")
    columns = Columns(text="comment", score="verdict", rater="moderator")
    return steps.ingest(DataConfig(source=str(source), columns=columns), (), (), (), (), "rated", "share")[0]


def test_ingest_folds_the_rows_of_raters(rated_examples: pd.DataFrame) -> None:
    assert len(rated_examples) == 60
    assert rated_examples["ratings"][0] == '["ann", 0.0, "bob", 1.0, "cyd", 0.0]'
    assert rated_examples["score"][0] == pytest.approx(1 / 3)


def test_validate_tells_of_raters_on_its_page(steps: Any, rated_examples: pd.DataFrame) -> None:
    digest = _suite_digest(VALIDATION.suite)
    _, page = steps.validate(rated_examples, VALIDATION, LABELS, 128, digest, min_agreement=0.1)
    assert "3 raters, 180 answers to 60 texts, 3 a text: Krippendorff&#39;s alpha 0." in page
    assert "<td>cyd</td>" in page


def test_label_and_split_states_agreement_and_ceiling(steps: Any, rated_examples: pd.DataFrame) -> None:
    limits = DataQualityConfig(leaks_limit=None, duplicates_limit=None, conflicts_limit=None)
    labels = LABELS.model_copy(update={"target": "votes"})
    train, _, test, labelling, _ = steps.label_and_split(
        rated_examples, labels, SplitConfig(validation=0.2, test=0.3), limits
    )
    assert labelling.raters.n_raters == 3
    assert labelling.ceiling.n_answers == 3 * len(test)
    assert {"target", "weight"} <= set(train)
    assert "ratings" not in train


def _suite_digest(suite: str) -> str:
    from agile_classifier.ops.state.home import suite_digest

    return suite_digest(suite)

"""Config of groups and of the limits on them: what belongs together, and the one line where it does not."""

from __future__ import annotations

from typing import Any

import pytest

from agile_classifier.config.files import parse_config
from agile_classifier.config.run import RunConfig
from agile_classifier.errors import InputError

LEAST: dict[str, Any] = {
    "data": {"source": "/data/a.csv", "columns": {"score": "s"}},
    "model": {"source": "a-model"},
    "registry": {"model_name": "toy"},
}


def parse(**sections: Any) -> RunConfig:
    return parse_config({**LEAST, **sections}, name="run.yaml")


def test_group_columns_are_kept_beside_those_of_slices_once() -> None:
    groups = {"columns": ["women", "source"], "categories": "sex"}
    assert parse(evaluation={"slices": ["source"], "groups": groups}).kept_columns == ("source", "women", "sex")


def test_suites_are_one_or_several() -> None:
    assert parse(promotion={"checks": "checks/quickstart.yaml"}).promotion.checks == ("checks/quickstart.yaml",)


def test_groups_are_recorded_with_a_version_and_limits_are_not() -> None:
    config = parse(evaluation={"groups": {"terms": "english"}}, promotion={"bias_limit": 0.1})
    assert config.recorded["evaluation"]["groups"]["terms"] == "english"
    assert "promotion" not in config.recorded


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"promotion": {"bias_limit": 0.1}}, "promotion.bias_limit needs groups: name evaluation.groups.columns"),
        ({"promotion": {"bias_limit": 0}}, "promotion.bias_limit: Input should be greater than 0"),
        ({"promotion": {"bias_min_rows": 0}}, "promotion.bias_min_rows: Input should be greater than 0"),
        (
            {"evaluation": {"groups": {"columns": ["a"], "categories": ["a"]}}},
            "evaluation.groups: column 'a' stands twice in columns and categories",
        ),
        ({"evaluation": {"groups": {"positive": "Hateful"}}}, "evaluation.groups: positive belongs to groups"),
        (
            {
                "evaluation": {"groups": {"terms": "english", "positive": "Hate"}},
                "labels": {"names": ["Fine", "Hateful"]},
            },
            "evaluation.groups.positive: found 'Hate', which is no class; allowed are Fine, Hateful",
        ),
        (
            {"evaluation": {"groups": {"term": "english"}}},
            "evaluation.groups.term: unknown field; allowed here: categories",
        ),
        ({"evaluation": {"groups": {"columns": ["a"], "cut": 2}}}, "evaluation.groups.cut: Input should be less than"),
    ],
)
def test_what_does_not_belong_together_is_refused_in_one_line(sections: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        parse(**sections)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_of_more_than_two_classes_the_positive_one_must_be_named() -> None:
    labels = {"rule": "given", "columns": ["kind"], "names": ["a", "b", "c"]}
    with pytest.raises(
        InputError, match=r"evaluation\.groups\.positive: 3 classes have no positive one; name the class"
    ):
        parse(labels=labels, evaluation={"groups": {"terms": "english"}})
    assert parse(labels=labels, evaluation={"groups": {"terms": "english", "positive": "c"}})

"""Config of evasion: lists in every form that people write, and one line for what is no attack."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from agile_classifier.config.files import parse_config
from agile_classifier.config.moderation.evasion import AttackName, NormalName, TriedName
from agile_classifier.config.run import RunConfig
from agile_classifier.errors import InputError

LEAST: dict[str, Any] = {
    "data": {"source": "/data/a.csv", "columns": {"score": "s"}},
    "model": {"source": "a-model"},
    "registry": {"model_name": "toy"},
}
PROMPTED = {"source": "a-model", "head": "label_tokens"}


def read(**sections: Any) -> RunConfig:
    return parse_config({**LEAST, **sections}, name="run.yaml")


WAYS = [
    (None, ()),
    (False, ()),
    (True, get_args(TriedName)),
    ("all", get_args(TriedName)),
    ("case", ("case",)),
    (["typos", "case", "typos"], ("case", "typos")),
    ({"attacks": ["all"], "strength": 0.5}, get_args(TriedName)),
    ({}, ()),
]


@pytest.mark.parametrize(("written", "attacks"), WAYS, ids=repr)
def test_attacks_are_named_in_every_form_that_people_write(written: Any, attacks: tuple[str, ...]) -> None:
    assert read(evaluation={"evasion": written}).evaluation.evasion.attacks == attacks


def test_nothing_is_tried_taught_or_undone_by_default() -> None:
    config = read()
    assert (config.evaluation.evasion.attacks, config.fine_tune.augment.attacks, config.data.normalize) == ((), (), ())


def test_a_list_reads_the_same_in_any_order_and_after_a_round_trip() -> None:
    one, other = (
        read(data={**LEAST["data"], "normalize": names}, fine_tune={"augment": True})
        for names in (["repeats", "nfkc"], ["nfkc", "repeats", "nfkc"])
    )
    assert one == other
    assert RunConfig.model_validate(one.model_dump(mode="json")) == one
    assert one.fine_tune.augment.attacks == get_args(AttackName)
    everything = read(data={**LEAST["data"], "normalize": True})
    assert everything.data.normalize == get_args(NormalName)


BAD = [
    ({"evaluation": {"evasion": ["leetspek"]}}, "evaluation.evasion.attacks: no attack is called 'leetspek'; allowed are"),
    ({"evaluation": {"evasion": ["leetspek"]}}, "did you mean leetspeak?"),
    ({"fine_tune": {"augment": ["prompt_injection"]}}, "fine_tune.augment.attacks: no attack is called 'prompt_injection'"),
    ({"data": {**LEAST["data"], "normalize": "zerowidth"}}, "data.normalize: no normalisation is called 'zerowidth'; allowed are"),
    ({"data": {**LEAST["data"], "normalize": "zerowidth"}}, "did you mean zero_width?"),
    ({"fine_tune": {"augment": {"attacks": "all", "share": 1.5}}}, "fine_tune.augment.share: Input should be less than or equal to 1; found 1.5"),
    ({"fine_tune": {"augment": {"attacks": "all", "share": 0}}}, "fine_tune.augment.share: Input should be greater than 0; found 0"),
    ({"evaluation": {"evasion": {"strength": 2}}}, "evaluation.evasion.strength: Input should be less than or equal to 1; found 2"),
    ({"evaluation": {"evasion": {"strenght": 0.2}}}, "evaluation.evasion.strenght: unknown field"),
    ({"evaluation": {"evasion": "prompt_injection"}}, "evaluation.evasion.attacks prompt_injection needs model.head label_tokens"),
    ({"promotion": {"max_flip_rate": 0.2}}, "promotion.max_flip_rate needs attacks that flips are counted under"),
    ({"evaluation": {"explained_errors": 21}}, "evaluation.explained_errors: Input should be less than or equal to 20; found 21"),
]  # fmt: skip


@pytest.mark.parametrize(("sections", "said"), BAD, ids=lambda value: str(value)[:60])
def test_what_is_no_attack_is_refused_in_one_line(sections: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        read(**sections)
    line = str(refused.value)
    assert line.startswith("run.yaml: ")
    assert said in line
    assert "\n" not in line


def test_a_model_that_is_prompted_may_be_tried_by_injections_alone() -> None:
    config = read(model=PROMPTED, evaluation={"evasion": "prompt_injection"}, promotion={"max_flip_rate": 0.1})
    assert config.evaluation.evasion.attacks == ("prompt_injection",)

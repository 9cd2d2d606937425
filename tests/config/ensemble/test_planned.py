"""Ensemble members in a config: what they take from the run, and what is refused before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from agile_classifier.config.ensemble.members import Planned, keep_defaults, list_members, renew_recorded
from agile_classifier.config.files import load_config, parse_config
from agile_classifier.config.run import RunConfig
from agile_classifier.errors import InputError

MODEL = {"source": "owner/read", "revision": "abc", "pooling": "mean", "max_length": 64}
TUNING = {"rank": 4, "head_start": "linear_probe", "target_modules": ["query"], "early_stopping": {"patience": 2}}
MACHINE = {"kind": "tfidf_svm"}


def parameters(*members: Any, **sections: Any) -> dict[str, Any]:
    return {
        "data": {"source": "https://example.org/a.csv", "columns": {"text": "text", "score": "score"}},
        "model": {**MODEL, "members": list(members)},
        "fine_tune": TUNING,
        "registry": {"model_name": "toy"},
        **sections,
    }


def plan(*members: Any) -> tuple[Planned, ...]:
    config = parse_config(parameters(*members), name="toy.yaml")
    return list_members(config.model, config.fine_tune)


def test_what_a_member_does_not_say_is_as_in_the_run() -> None:
    first, other = plan(
        {"model": {"max_length": 32}, "fine_tune": {"seed": 7, "early_stopping": {"metric": "f1_macro"}}}
    )
    assert first.model.members == ()
    assert other.model == first.model.model_copy(update={"max_length": 32})
    assert (other.fine_tune.rank, other.fine_tune.head_start, other.fine_tune.seed) == (4, "linear_probe", 7)
    assert (other.fine_tune.early_stopping.patience, other.fine_tune.early_stopping.metric) == (2, "f1_macro")


def test_another_base_model_brings_its_own_pin_and_another_head_its_own_pooling() -> None:
    _, other, asked = plan(
        {"model": {"source": "owner/other"}}, {"model": {"source": "owner/asked", "head": "label_tokens"}}
    )
    assert (other.model.revision, other.model.pooling) == (None, "mean")
    assert (other.fine_tune.target_modules, other.fine_tune.rank) == (("all-linear",), 4)
    assert (asked.model.head, asked.model.pooling, asked.fine_tune.head_start) == ("label_tokens", "layers", "auto")


def test_a_config_with_members_survives_being_written_down() -> None:
    config = parse_config(parameters(MACHINE, {"fine_tune": {"seed": 7}}), name="toy.yaml")
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


def test_a_member_may_be_what_another_config_trains(tmp_path: Path) -> None:
    other = {"model": {"source": "owner/other", "revision": "def"}, "fine_tune": {"rank": 16}}
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({"parameters": other}), encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump({"parameters": parameters({"config": "other.yaml"})}), encoding="utf-8")
    config = load_config(own, here=tmp_path / "elsewhere")
    _, member = list_members(config.model, config.fine_tune)
    assert (member.model.source, member.model.revision, member.model.pooling) == ("owner/other", "def", "layers")
    assert (member.fine_tune.rank, member.fine_tune.head_start) == (16, "auto")
    assert load_config(own, overrides=("model.members=[]",)).model.members == ()


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ("lost.yaml", "own.yaml: model.members config lost.yaml: no such file in"),
        ("own.yaml", "own.yaml: model.members config own.yaml: it is an ensemble itself"),
        ("bad.yaml", "bad.yaml: rank"),
    ],
)
def test_a_config_that_cannot_be_a_member_is_named(tmp_path: Path, said: str, refusal: str) -> None:
    bad = {"model": {"source": "a/b"}, "fine_tune": {"rank": -1}}
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump({"parameters": bad}), encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump({"parameters": parameters({"config": said})}), encoding="utf-8")
    with pytest.raises(InputError, match=refusal):
        load_config(own)


@pytest.mark.parametrize(
    ("members", "refusal"),
    [
        ([{}], "model.members.0: it differs in nothing from the run's own network"),
        ([MACHINE, MACHINE], "model.members.1 is member 2 again, and would answer the same"),
        ([{"fine_tune": {"rank": 4}}], "model.members.0 is member 1 again"),
        ([{"fine_tune": {"rnk": 8}}], "model.members.0.fine_tune.rnk: unknown field; .*did you mean rank?"),
        ([{"model": {"pooling": "native"}}], "model.members.0: fine_tune.head_start linear_probe needs"),
        ([{"model": {"members": []}}], "a member has no members of its own"),
        ([{"model": {"start_from": "models:/a/1"}}], "model.start_from is the first member's alone"),
        ([{"fine_tune": {"device": "cpu"}}], "fine_tune.device is the run's own"),
        (
            [{"config": "other.yaml"}],
            "model.members.0.config: found other.yaml, a file that cannot be read here, .*; write out its fields in",
        ),
        ([{**MACHINE, "fine_tune": {"seed": 1}}], "kind tfidf_svm has no fine_tune"),
        ([{"fine_tune": {"seed": seed}} for seed in range(1, 5)], "at most 3 items"),
    ],
)
def test_what_cannot_be_a_member_is_refused_in_one_line(members: list[Any], refusal: str) -> None:
    with pytest.raises(InputError, match=refusal) as refused:
        parse_config(parameters(*members), name="toy.yaml")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("old", "new"), [("tfidf_svm", r"\[\{kind: tfidf_svm\}\]"), ("none", r"\[\]")])
def test_the_field_of_before_says_what_to_write(old: str, new: str) -> None:
    with pytest.raises(InputError, match=f"ensemble_with: is written model.members: {new} now"):
        parse_config(parameters(fine_tune={"ensemble_with": old}), name="toy.yaml")


@pytest.mark.parametrize("old", ["tfidf_svm", "none"])
def test_what_a_version_of_before_recorded_can_be_trained_again(old: str) -> None:
    recorded = parameters(fine_tune={"rank": 8, "ensemble_with": old})
    config = parse_config(renew_recorded(recorded), name="recorded")
    assert [member.kind for member in config.model.members] == ([] if old == "none" else [old])
    assert config.fine_tune.rank == 8
    assert recorded["fine_tune"]["ensemble_with"] == old


def test_with_several_labels_members_are_networks() -> None:
    several = {"labels": {"rule": "many", "columns": ["a", "b"], "names": ["a", "b"]}, "fine_tune": {}}
    data = {"data": {"source": "https://example.org/a.csv", "columns": {"text": "text"}}}
    parse_config(parameters({"fine_tune": {"seed": 1}}, **several, **data), name="toy.yaml")
    for member in (MACHINE, {"fine_tune": {"balance": "weights"}}):
        with pytest.raises(InputError, match=r"model.members.0: .*allowed with labels.rule many is"):
            parse_config(parameters(member, **several, **data), name="toy.yaml")


def test_a_record_without_defaults_keeps_those_that_have_changed_since_and_what_it_says_itself() -> None:
    whole = {
        "model": {"pooling": "mean", "max_length": 128},
        "fine_tune": {"head_start": "random", "epochs": 5, "rank": 8},
    }
    sparse = {"model": {"source": "a/b"}, "fine_tune": {"epochs": 9}, "data": {"source": "a.csv"}}
    assert keep_defaults(sparse, whole) == {
        "model": {"source": "a/b", "pooling": "mean"},
        "fine_tune": {"epochs": 9, "head_start": "random"},
        "data": {"source": "a.csv"},
    }
    assert keep_defaults(sparse, {}) == sparse

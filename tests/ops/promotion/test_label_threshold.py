"""Which label threshold a run goes on with; MLflow is the real one, the versions are empty."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agile_classifier.config.run import RunConfig
from agile_classifier.data.labels.kept import KeptThreshold, ThresholdFacts
from agile_classifier.errors import InputError

NAME = "meaning"
DIGEST = "ab" * 32
Register = Callable[..., str]


def config_of(*, columns: dict[str, Any] | None = None, split_seed: int = 0, **labels: Any) -> dict[str, Any]:
    """A run's config, as a version records it."""
    return RunConfig.model_validate({
        "data": {"source": "a.csv", "columns": columns or {"score": "score"}},
        "labels": labels,
        "split": {"seed": split_seed},
        "model": {"source": "base"},
        "registry": {"model_name": NAME},
    }).recorded  # fmt: skip


@pytest.fixture
def register(state_folder: Path, new_mlflow: Callable[[Path], str], tmp_path: Path) -> Iterator[Register]:
    """Register an empty version as the champion, in an MLflow store of the test's own; gives its number."""
    import mlflow
    from mlflow import MlflowClient

    shared = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(new_mlflow(tmp_path))
    client = MlflowClient()

    def make(config: dict[str, Any], *, logged: str | None = None, **labelling: Any) -> str:
        if not client.search_registered_models():
            client.create_registered_model(NAME)
        run = client.create_run(client.create_experiment(f"runs {len(client.search_experiments())}"))
        if logged is not None:
            client.log_param(run.info.run_id, "labelling.label_threshold", logged)
        tags = {"config": json.dumps(config), **({"labelling": json.dumps(labelling)} if labelling else {})}
        made = client.create_model_version(NAME, (tmp_path / "model").as_uri(), run_id=run.info.run_id, tags=tags)
        client.set_registered_model_alias(NAME, "champion", made.version)
        return str(made.version)

    yield make
    mlflow.set_tracking_uri(shared)


def find(config: dict[str, Any], examples: str = DIGEST) -> KeptThreshold:
    from agile_classifier.ops.promotion.label_threshold import find_kept_threshold

    return find_kept_threshold(NAME, config, examples=examples)


def kept(version: str, label_threshold: float = 0.25, rule: str = "median") -> KeptThreshold:
    return KeptThreshold(examples=DIGEST, version=version, label_threshold=label_threshold, rule=rule)


NOTHING = KeptThreshold(examples=DIGEST)


def test_without_a_champion_nothing_is_kept(register: Register) -> None:
    assert find(config_of()) == NOTHING


def test_the_champions_fitted_threshold_goes_on_and_names_the_version_that_fitted_it(register: Register) -> None:
    register(config_of(), label_threshold=0.25, kept={"examples": "of the first run"})
    assert find(config_of()) == kept("1")
    facts = ThresholdFacts(version="1", label_threshold=0.25, fitted=0.3, is_kept=True, n_changed=1, n_rows=9)
    register(config_of(), label_threshold=0.25, threshold=facts.model_dump(), kept=kept("1").model_dump())
    assert find(config_of(), examples="later ones") == kept("1").model_copy(update={"examples": "later ones"})
    anew = facts.model_copy(update={"is_kept": False})
    register(config_of(refit=True), label_threshold=0.3, threshold=anew.model_dump())
    assert find(config_of()) == kept("3", 0.3), "a refit begins a line of its own"


def test_a_run_of_the_champions_own_examples_is_given_what_its_run_was_given(register: Register) -> None:
    register(config_of(), label_threshold=0.25, kept=NOTHING.model_dump())
    assert find(config_of()) == NOTHING, "so that every step is reused"
    assert find(config_of(split_seed=1)) == kept("1")
    assert find(config_of(), examples="others").version == "1"


@pytest.mark.parametrize(
    "config",
    [
        config_of(rule="value", value=0.5),
        config_of(columns={"score": "another"}),
        config_of(columns={"raters": ["ann", "bob"]}),
    ],
    ids=["a rule that fits nothing", "scores of another column", "scores of raters"],
)
def test_a_threshold_on_other_scores_is_not_kept(register: Register, config: dict[str, Any]) -> None:
    register(config_of(), label_threshold=0.25)
    assert find(config) == NOTHING


def test_another_source_beside_the_champions_leaves_its_threshold(register: Register) -> None:
    register(config_of(), label_threshold=0.25)
    several = config_of()
    columns = several["data"]["columns"]
    several["data"] |= {"sources": [{"columns": columns}, {"columns": {**columns, "score": "severity"}}]}
    assert find(several) == kept("1")
    several["data"]["sources"].pop(0)
    assert find(several) == NOTHING


def test_a_champion_whose_rule_fits_nothing_leaves_nothing_to_keep(register: Register) -> None:
    register(config_of(rule="value", value=0.5), label_threshold=0.5)
    assert find(config_of()) == NOTHING


def test_another_rule_of_the_run_is_told_by_the_rule_of_the_champion(register: Register) -> None:
    register(config_of(rule="quantile", quantile=0.7), label_threshold=0.25)
    assert find(config_of()) == kept("1", rule="quantile 0.7")


def test_a_champion_of_an_earlier_release_is_asked_by_what_its_run_has_logged(register: Register) -> None:
    register(config_of(), logged="0.3333333333333333")
    assert find(config_of()) == kept("1", 1 / 3)


def test_a_champion_that_does_not_say_its_threshold_is_refused_unless_one_is_fitted_anew(register: Register) -> None:
    register(config_of())
    with pytest.raises(InputError, match=r"model meaning: its champion, version 1, does not say .* labels.refit true"):
        find(config_of())
    assert find(config_of(refit=True)) == NOTHING

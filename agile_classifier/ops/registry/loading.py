"""Loading: a registered version as an AgileClassifier, for notebooks that go on with what a pipeline has trained.

from agile_classifier.ops.registry.loading import load_classifier
model = load_classifier("models:/quickstart@champion")
model.predict_proba(["what a lovely day"])
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agile_classifier.config.addresses.version import FORMS, read_version_address
from agile_classifier.errors import InputError
from agile_classifier.ops.state.home import prepare_state

if TYPE_CHECKING:  # mlflow and torch are imported once the state folder stands, which tells them where to look
    from agile_classifier.training.estimator import AgileClassifier


def load_classifier(address: str) -> AgileClassifier:
    """The version that MLflow registered under `models:/NAME@ALIAS` or `models:/NAME/VERSION`, fitted.

    Its parameters are those of the run that trained it. The code here scores with it, for an estimator can be cloned,
    pickled and fitted anew; `agile score` and `agile serve` score by the code that the version carries. Where that is
    the same code, which is the rule, so are probabilities and labels; where it is other code, a warning says so.

    Raises
    ------
    InputError
        The address is none, nothing stands there (names what does), or the base model cannot be had any more.
    """
    found = read_version_address(address)
    if found is None:
        raise InputError(f"address {address!r}: expected {FORMS}")
    prepare_state(least_free=0)
    from agile_classifier.ops.registry import versions as registry
    from agile_classifier.ops.registry.contents import version_files
    from agile_classifier.ops.registry.scoring_code import is_scoring_code_of_here
    from agile_classifier.training.estimator import AgileClassifier

    name, version = found.name, registry.find_address(found)
    files = version_files.read_files(name, version)
    recorded = version_files.read_config(name, version)
    tuning = {**recorded.get("fine_tune", {}), **_read_model(recorded)}
    if not is_scoring_code_of_here(files.code):
        warnings.warn(
            f"{address}: version {version} was registered with other scoring code than that here, which this "
            "classifier scores with;"
            " `agile score` scores by the version's own",
            stacklevel=2,
        )
    known = {field: value for field, value in tuning.items() if field in AgileClassifier("").get_params()}
    return AgileClassifier.from_adapter(files.adapter, base=files.base, **known)


def _read_model(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Start and members as a run's config says them; nothing where it says none, as versions of before."""
    model = recorded.get("model", {})
    start, members = model.get("start_from"), model.get("members")
    return {**({"start_from": start} if start else {}), **({"members": tuple(members)} if members else {})}

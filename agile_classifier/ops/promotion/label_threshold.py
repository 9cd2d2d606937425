"""Label threshold of a model: what its versions were labelled with, for runs that go on with it and for the gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from pydantic import BaseModel, ConfigDict

from agile_classifier.config.data import LabelsConfig
from agile_classifier.data.labels.kept import KeptThreshold, ThresholdFacts
from agile_classifier.errors import InputError
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.contents import version_files

PARAMETER = "labelling.label_threshold"
"""Parameter of the MLflow run that made a version, for a version that does not say it itself."""
DECIDING = ("labels", "split", "data_quality")
"""Sections that decide, with the examples, which label threshold is fitted."""
Sections = Mapping[str, Any]


class LabelRecord(BaseModel):
    """What a version records of how it was labelled."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    label_threshold: float | None = None
    """Score at and above which an example is of class 1; None where classes are given, or where it is not recorded."""
    kept: KeptThreshold | None = None
    """What its run looked up before."""
    threshold: ThresholdFacts | None = None
    """What became of that."""


def find_kept_threshold(model_name: str, config: Sections, *, examples: str) -> KeptThreshold:
    """Find the label threshold that a run goes on with: that of the champion, where a rule has fitted it.

    A run of the very examples and settings that made the champion is given what the champion's run was given, so that
    all of it is reused.

    Parameters
    ----------
    config : mapping
        The run's config, as a version records it (`RunConfig.recorded`).
    examples : str
        SHA-256 of the run's examples.

    Returns
    -------
    An empty one where nothing is to be kept: no champion, no rule that fits, or scores of other columns.

    Raises
    ------
    InputError
        The champion does not say what it was labelled with.
    """
    nothing = KeptThreshold(examples=examples)
    champion = registry.read_champion(model_name) if _fitted_rule(config) else None
    if champion is None:
        return nothing
    theirs, record = version_files.read_config(model_name, champion), read_label_record(model_name, champion)
    if record.kept is not None and record.kept.examples == examples and _decides_alike(config, theirs):
        return record.kept
    if _fitted_rule(theirs) is None or not _scores_alike(config, theirs):
        return nothing
    if record.label_threshold is None and config["labels"].get("refit"):
        return nothing
    if record.label_threshold is None:
        raise InputError(
            f"model {model_name}: its champion, version {champion}, does not say which label threshold it was labelled"
            " with; labels.refit true fits one anew"
        )
    origin = record.threshold.version if record.threshold is not None and record.threshold.is_kept else champion
    return KeptThreshold(
        examples=examples, version=origin, label_threshold=record.label_threshold, rule=_fitted_rule(theirs)
    )


def read_label_record(model_name: str, version: str) -> LabelRecord:
    """Read how a version was labelled; of a version that says nothing, what the run that made it has logged."""
    client = MlflowClient()
    record = version_files.read_record(model_name, version, registry.LABELLING)
    if record is not None:
        return LabelRecord.model_validate(record)
    found = client.get_model_version(model_name, version)
    try:
        logged = client.get_run(found.run_id).data.params.get(PARAMETER, "None") if found.run_id else "None"
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return LabelRecord()
    return LabelRecord(label_threshold=None if logged == "None" else float(logged))


def _fitted_rule(config: Sections) -> str | None:
    """Rule that fits a label threshold, as `LabelsConfig.fitted_rule` names it; None of a version without a config."""
    labels = config.get("labels", {})
    asked = {field: labels[field] for field in ("rule", "quantile") if field in labels}
    return LabelsConfig.model_construct(**asked).fitted_rule if "rule" in asked else None


def _decides_alike(ours: Sections, theirs: Sections) -> bool:
    return all(ours.get(section) == theirs.get(section) for section in DECIDING)


def _scores_alike(ours: Sections, theirs: Sections) -> bool:
    """Whether the same numbers are cut: a threshold on the scores of one column says nothing of another's.

    A source that comes or goes beside one that stays changes nothing.
    """
    turned = [config["data"].get("reverse_coded") for config in (ours, theirs)]
    return turned[0] == turned[1] and bool(_score_columns(ours) & _score_columns(theirs))


def _score_columns(config: Sections) -> set[Any]:
    """Column of scores, or columns of raters, of each source."""
    data = config["data"]
    read = [source["columns"] for source in data.get("sources") or [data]]
    return {columns.get("score") or tuple(columns.get("raters", ())) for columns in read}

"""label_and_split: validated_examples, kept_threshold → train, validation, test, labelling, findings."""

from typing import Annotated, Any

import pandas as pd
from zenml import log_metadata, step

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.data_quality import DataQualityConfig
from agile_classifier.config.fairness.groups import GroupsConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data import label_and_split as data
from agile_classifier.data.label_and_split import Labelling
from agile_classifier.data.labels.kept import KeptThreshold
from agile_classifier.data.leakage import examine_parts, refuse_leakage
from agile_classifier.data.raters.facts import describe_raters
from agile_classifier.evaluation.bias.groups import add_groups
from agile_classifier.evaluation.checks.suite import Class
from agile_classifier.models.starts.folder import read_learnt
from agile_classifier.ops.runs.caching import on_reached_files
from agile_classifier.ops.runs.materializers import ExamplesMaterializer, Folder
from agile_classifier.ops.state.named_files import read_named_terms, require_classes


@step(
    cache_policy=on_reached_files(__name__),
    output_materializers=dict.fromkeys(("train", "validation", "test"), ExamplesMaterializer),
)
def label_and_split(
    validated_examples: pd.DataFrame,
    labels: LabelsConfig,
    split: SplitConfig,
    quality: DataQualityConfig,
    kept: KeptThreshold = KeptThreshold(),
    groups: GroupsConfig = GroupsConfig(),
    terms_digest: str = "",  # noqa: ARG001  (keys the reuse of this step)
    named_classes: dict[str, Class] | None = None,
    start: Folder | None = None,
) -> tuple[
    Annotated[pd.DataFrame, "train"],
    Annotated[pd.DataFrame, "validation"],
    Annotated[pd.DataFrame, "test"],
    Annotated[Labelling, "labelling"],
    Annotated[list[dict[str, Any]], "findings"],
]:
    """Turn scores into labels and cut the examples into parts; past a limit of `data_quality` the run ends here.

    A label threshold that `kept` holds goes on, unless `labels` say otherwise. `labelling` states threshold, ties,
    shares, digests; `findings` what would make a measurement on the parts lie. The test examples say which of `groups`
    they name; `named_classes` are those that the config names elsewhere, which the labels must have.

    Texts that `start` had learnt, or near copies of them, are left out of validation and test.

    `terms_digest` stands in the cache key for the content of the list of terms.
    """
    learnt = None if start is None else read_learnt(start.path)
    labelled = data.label_and_split(validated_examples, labels, split, quality, kept, learnt)
    require_classes(labelled.labelling.class_names, groups, named_classes or {})
    parts = labelled.parts
    test = add_groups(parts["test"], groups, read_named_terms(groups))
    labelling = labelled.labelling.model_copy(update={"raters": describe_raters(validated_examples)})
    if labelling.start_copies is not None:
        print(f"label_and_split: of the start: {labelling.start_copies.sentence}")
    found = examine_parts(parts, similarity=quality.similarity, limits=quality.limits)
    log_metadata(
        {
            "labelling": labelling.model_dump(mode="json"),
            "leakage": {finding.name: finding.sentence for finding in found},
        }
    )
    refuse_leakage(found)
    return parts["train"], parts["validation"], test, labelling, [finding.facts() for finding in found]

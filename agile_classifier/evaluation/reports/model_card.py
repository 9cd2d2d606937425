"""Model card: what to know of a classifier before using it, in Hugging Face's format (README.md with metadata).

Mitchell et al. (2019), "Model Cards for Model Reporting", arXiv 1810.03993.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agile_classifier.config.sources import describe_data, file_names
from agile_classifier.data.label_and_split import Labelling
from agile_classifier.data.snapshots.manifest import Manifest
from agile_classifier.evaluation.contenders import BASELINE_NAMES, Evaluation
from agile_classifier.evaluation.ensemble.figures import MEMBERS
from agile_classifier.evaluation.many_classes import name_classes
from agile_classifier.evaluation.titles import CONTENDERS
from agile_classifier.models.spec import Start

TEMPLATE = "model_card.md.j2"
CARD_FILE = "README.md"
MEASURED = ("roc_auc", "f1", "accuracy")
"""Metrics in the metadata."""


def model_card(
    title: str,
    *,
    evaluation: Evaluation,
    labelling: Labelling,
    config: Mapping[str, Any],
    as_good: Sequence[str] = (),
    manifest: Manifest | None = None,
    starts: Sequence[Start] = (),
) -> str:
    """The card of a classifier, as Markdown.

    Parameters
    ----------
    title : str
        Name of the registered model.
    config : mapping
        The sections of the run's config.
    as_good : sequence of str
        Baselines that the classifier is not better than beyond noise (`list_as_good`).
    manifest : Manifest, optional
        What the run has read.
    starts : sequence of Start
        What training went on from, and what that had gone on from.
    """
    templates = Environment(  # noqa: S701  (Markdown, not HTML)
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True
    )
    return templates.get_template(TEMPLATE).render(
        card_data=f"---\n{_metadata(title, evaluation, config).to_yaml()}\n---",
        title=title,
        names=labelling.class_names,
        named=name_classes(labelling.class_names),
        parts=labelling.parts,
        labelling=labelling,
        evaluation=evaluation,
        groups=evaluation.groups,
        config=config,
        addresses=describe_data(config["data"]),
        manifest=manifest,
        starts=starts,
        as_good=[CONTENDERS[name] for name in as_good],
        banding=evaluation.banding,
        banded=_banded(evaluation),
        baselines=[name for name in BASELINE_NAMES if name in evaluation.metrics and name not in MEMBERS],
    )


def _banded(evaluation: Evaluation) -> dict[str, str]:
    """What was measured of the bands → the share; empty without bands."""
    banding = evaluation.banding
    return {} if banding is None else {name.replace("_", " "): share.words for name, share in banding.on_test}


def _metadata(title: str, evaluation: Evaluation, config: Mapping[str, Any]) -> ModelCardData:
    base, data = config["model"]["source"], describe_data(config["data"])
    datasets = [found for source in data if (found := _hub_id(source))]
    results = [
        EvalResult(
            task_type="text-classification",
            dataset_type=datasets[0] if len(datasets) == 1 else "own",
            dataset_name=file_names(data),
            dataset_split="test",
            metric_type=metric,
            metric_value=round(evaluation.metrics["candidate"][metric], 4),
        )
        for metric in MEASURED
    ]
    return ModelCardData(
        library_name="peft",
        pipeline_tag="text-classification",
        tags=["lora", "agile-classifier"],
        base_model=_hub_id(base),
        datasets=datasets or None,
        metrics=list(MEASURED),
        model_name=title,
        eval_results=results,
    )


def _hub_id(address: str) -> str | None:
    """The id on Hugging Face's hub, `OWNER/NAME`; None of other addresses."""
    if address.startswith("hf://"):
        return "/".join(address.removeprefix("hf://").removeprefix("datasets/").split("/")[:2])
    is_id = "://" not in address and address.count("/") == 1 and not address.startswith((".", "/"))
    return address if is_id and not Path(address).suffix else None

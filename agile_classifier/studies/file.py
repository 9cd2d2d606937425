"""Study: contenders × training sizes × splits × seeds, as one YAML file describes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from agile_classifier.config.bounds import MOST_NAMES, Rows, Seed, Title
from agile_classifier.config.section import Section
from agile_classifier.errors import InputError, explain_validation
from agile_classifier.files import read_yaml
from agile_classifier.models.classical.baselines import BASELINES

BASELINE_NAMES = (*BASELINES, "member", "frozen")
"""What may stand as `baseline`; `member`: what a `tfidf_svm` of `model.members` would say alone; `frozen`:
logistic regression on the embeddings of the config's untuned base model."""
Sizes = Annotated[tuple[Rows, ...], Field(max_length=MOST_NAMES)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MOST_NAMES)]
Proportion = Annotated[float, Field(ge=0, le=1)]
VARIED = {"split.train": "sizes", "split.seed": "splits", "fine_tune.seed": "seeds"}
"""Fields that the grid sets → its dimension."""


class Contender(Section):
    """A config as it is shipped, but for what `set` says; or a baseline, or somebody else's program, on its rows."""

    config: Title = ""
    """A run configuration: its file, from the study's folder (`comments.yaml`), or its name in the folder above."""
    blend: Annotated[tuple[Title, ...], Field(max_length=MOST_NAMES)] = ()
    """In place of a config: contenders that answer as an ensemble. Their log odds are averaged, cell by cell, and cut
    by best F1 on validation; a blend has no cells of its own."""
    calibrate: bool = True
    """Whether each member of a blend is calibrated on validation first, where there is one."""
    set: Annotated[Mapping[Title, Any], Field(max_length=MOST_NAMES)] = {}
    """`section.field` → value."""
    baseline: Title | None = None
    """Name of a baseline, in place of a tuned model."""
    external: Title | None = None
    """In place of a tuned model: a program with an environment of its own, in a folder that is named from the study's
    (`agile_classifier.studies.external` says what it is told and answers). Of the config it takes rows and base
    model."""
    title: Title | None = None
    """Name of the contender in tables; by default its key."""
    sizes: Sizes | None = None
    """Training sizes, where they are not the study's."""
    splits: Seeds | None = None
    """Seeds of the split, where they are not the study's."""
    seeds: Seeds | None = None
    """Seeds of the training, where they are not the study's."""

    @model_validator(mode="after")
    def _known(self) -> Contender:
        if self.baseline is not None and self.baseline not in BASELINE_NAMES:
            raise ValueError(f"baseline {self.baseline!r}; allowed are {', '.join(BASELINE_NAMES)}")
        if bool(self.config) == bool(self.blend):
            raise ValueError("either config or blend is needed, and not both")
        if self.baseline is not None and self.external is not None:
            raise ValueError("either baseline or external may stand in place of a tuned model, and not both")
        own = ("set", "baseline", "external", *VARIED.values())
        unread = sorted(field for field in own if self.blend and getattr(self, field))
        if unread:
            raise ValueError(f"{unread[0]} belongs to a config; a blend takes its members as they are")
        varied = [field for field in VARIED if field in self.set]
        if varied:
            raise ValueError(f"set.{varied[0]}: the grid sets it; use {VARIED[varied[0]]}")
        return self


class Published(Section):
    """A published figure, shown beside ours and compared with nothing."""

    name: Title
    source: Title
    """Source of the figure."""
    size: Rows | None = None
    """Training examples."""
    split: Seed | None = None
    """Seed of the split that it was measured on, if it is one of ours: ours on that split alone are then shown too."""
    roc_auc: Proportion | None = None
    f1: Proportion | None = None
    f1_macro: Proportion | None = None
    accuracy: Proportion | None = None


class Study(Section):
    """A study: a grid of cells, and what is read from it."""

    title: Title
    contenders: Annotated[dict[Title, Contender], Field(min_length=1, max_length=MOST_NAMES)]
    reference: Title
    """Contender that every other is compared with, cell by cell."""
    metric: Literal["roc_auc", "f1", "pr_auc", "accuracy"] = "roc_auc"
    """Metric of the comparison and the learning curve."""
    sizes: Sizes | None = None
    """Training sizes (`split.train`); without them, the config's own."""
    splits: Seeds = (0,)
    """Seeds of the split (`split.seed`)."""
    seeds: Seeds = (0,)
    """Seeds of the training (`fine_tune.seed`)."""
    published: Annotated[tuple[Published, ...], Field(max_length=MOST_NAMES)] = ()

    @property
    def trained(self) -> list[str]:
        """Contenders that have cells of their own: all but blends."""
        return [name for name, contender in self.contenders.items() if not contender.blend]

    def title_of(self, contender: str) -> str:
        """Title of a contender in tables."""
        return self.contenders[contender].title or contender

    @model_validator(mode="after")
    def _reference_is_there(self) -> Study:
        if self.reference not in self.contenders:
            raise ValueError(f"reference {self.reference!r} is no contender; there are {', '.join(self.contenders)}")
        for name, contender in self.contenders.items():
            unknown = [member for member in contender.blend if member not in self.trained]
            if unknown:
                raise ValueError(f"{name} blends {unknown[0]!r}; there are {', '.join(self.trained)}")
        return self


def load_study(path: Path) -> Study:
    """Read a study.

    Raises
    ------
    InputError
        Names the file, the field, what was found and what is allowed.
    """
    document = read_yaml(path, what="study file")
    if not isinstance(document, dict) or not isinstance(document.get("study"), dict):
        raise InputError(f"{path}: the fields (title, contenders, reference, …) must stand under a top-level `study:`")
    try:
        return Study.model_validate(document["study"])
    except ValidationError as error:
        raise InputError(f"{path}: {explain_validation(error, Study, within='study')}") from None


def is_study(path: Path) -> bool:
    """Whether a YAML describes a study, well or badly, and not a run or anything else."""
    document = read_yaml(path, what="study file")
    return isinstance(document, dict) and "study" in document

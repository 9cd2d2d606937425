"""Scenes: commands that have effects, each from a state in which what came before is done already."""

from __future__ import annotations

from dataclasses import dataclass

TRAIN = ("agile_classifier", "train", "{work}/run.yaml")
FORCE = ("agile_classifier", "promote", "2", "--model", "toy", "--force")
ROLL_BACK = ("agile_classifier", "rollback", "--model", "toy")
HISTORY = ("agile_classifier", "history", "--model", "toy")
SCORE = (
    "agile_classifier", "score", "--input", "{work}/texts.csv", "--output", "{work}/scored.csv", "--model", "toy", "--version", "1",
)  # fmt: skip
SCORE_PARTS = (
    "agile_classifier", "score", "--input", "{work}/parts/", "--output", "{work}/scored/", "--model", "toy", "--version", "1",
    "--parts", "2",
)  # fmt: skip
STUDY = ("agile_classifier", "study", "{work}/studies/toy.yaml", "--only", "tfidf", "--output", "{work}/page.md")
MAKE_VERSIONS = ("tests.faults.versions",)
ERROR, KILLED_BEFORE, KILLED_AFTER, DISK_FULL = "error", "killed before", "killed after", "disk full"
KINDS = (KILLED_BEFORE, KILLED_AFTER, ERROR, DISK_FULL)


@dataclass(frozen=True)
class Scene:
    """A command, and how the state is made that it begins in."""

    command: tuple[str, ...]
    begins_as: str = "empty"
    """Scene in whose state `made_by` begins."""
    made_by: tuple[str, ...] = ()
    """Command that makes the state."""
    struck: str = ""
    """Point at which that command is struck."""
    by: str = ERROR
    """Kind of that fault."""
    again: tuple[str, ...] = ()
    """Command after a fault, where it is another one."""


SCENES = {
    "prepare": Scene(TRAIN),
    "fine_tune": Scene(TRAIN, made_by=TRAIN, struck="ops.runs.tracking:_experiment create_experiment"),
    "evaluate": Scene(TRAIN, made_by=TRAIN, struck="ops.runs.tracking:_tag log_batch"),
    "register": Scene(TRAIN, made_by=TRAIN, struck="ops.runs.tracking:_tag log_batch 2"),
    "promote": Scene(TRAIN, made_by=TRAIN, struck="ops.registry.history:_write set_registered_model_tag"),
    "take over a version": Scene(
        TRAIN, "register", TRAIN, "ops.registry.versions:create_version create_model_version", KILLED_AFTER
    ),
    "take over a logged model": Scene(
        TRAIN, "register", TRAIN, "mlflow.models.model:Model.log log_model_artifacts", KILLED_AFTER
    ),
    "settle a training": Scene(TRAIN, "fine_tune", TRAIN, "ops.runs.tracking:log_settings log_params", KILLED_AFTER),
    "settle": Scene(TRAIN, "evaluate", TRAIN, "steps.training.evaluate:evaluate end", KILLED_BEFORE),
    "promote by force": Scene(FORCE, made_by=MAKE_VERSIONS, again=HISTORY),
    "roll back": Scene(ROLL_BACK, "promote by force", FORCE),
    "promote again": Scene(FORCE, "roll back", ROLL_BACK, again=HISTORY),
    "score": Scene(SCORE, made_by=MAKE_VERSIONS),
    "score parts": Scene(SCORE_PARTS, made_by=MAKE_VERSIONS),
    "study": Scene(STUDY),
}  # fmt: skip
"""Name → scene."""

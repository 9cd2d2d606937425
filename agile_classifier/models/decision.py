"""Decision: calibration and decision threshold, chosen on validation and kept with every version."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agile_classifier.metrics.calibration import Calibration

DECISION_FILE = "decision.json"
"""File of the decision beside a registered classifier."""


class Decision(BaseModel):
    """How probabilities become an answer: the calibration, then the decision threshold."""

    model_config = ConfigDict(frozen=True)

    decision_threshold: float | None
    """Cut on the calibrated probability of class 1; None with more than two classes."""
    calibration: Calibration = Calibration()
    """Calibration of the probabilities; older versions have none."""

    @classmethod
    def load(cls, folder: Path) -> Decision:
        """Read the decision from a folder that `save` wrote to."""
        return cls.model_validate_json((folder / DECISION_FILE).read_text(encoding="utf-8"))

    def save(self, folder: Path) -> None:
        """Write the decision into a classifier's folder."""
        (folder / DECISION_FILE).write_text(self.model_dump_json(), encoding="utf-8")

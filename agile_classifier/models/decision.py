"""Decision: what makes an answer of a network's probabilities, chosen on validation and kept with every version."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agile_classifier.metrics.calibration import Calibration

DECISION_FILE = "decision.json"
"""Beside a registered classifier."""


class Decision(BaseModel):
    """How sure, and from where on it is class 1."""

    model_config = ConfigDict(frozen=True)

    decision_threshold: float | None
    """On the calibrated probability of class 1; None of more than two classes."""
    calibration: Calibration = Calibration()
    """Versions from before there was one have none."""

    @classmethod
    def load(cls, folder: Path) -> Decision:
        """From a folder that `save` has written to."""
        return cls.model_validate_json((folder / DECISION_FILE).read_text(encoding="utf-8"))

    def save(self, folder: Path) -> None:
        """Into a classifier's folder."""
        (folder / DECISION_FILE).write_text(self.model_dump_json(), encoding="utf-8")

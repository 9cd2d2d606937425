"""Decision: calibration and decision threshold, chosen on validation and kept with every version."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from agile_classifier.metrics.calibration import Calibration
from agile_classifier.metrics.metrics import DecisionThreshold

DECISION_FILE = "decision.json"
"""File of the decision beside a registered classifier."""


class Decision(BaseModel):
    """How probabilities become an answer: the calibration, then the decision threshold."""

    model_config = ConfigDict(frozen=True)

    decision_threshold: DecisionThreshold
    """Cut on the calibrated probability of class 1; None with more than two classes. With several labels one each."""
    calibration: Calibration = Calibration()
    """Calibration of the probabilities; older versions have none."""

    @classmethod
    def load(cls, folder: Path) -> Decision:
        """Read the decision from a folder that `save` wrote to."""
        return cls.model_validate_json((folder / DECISION_FILE).read_text(encoding="utf-8"))

    def save(self, folder: Path) -> None:
        """Write the decision into a classifier's folder."""
        (folder / DECISION_FILE).write_text(self.model_dump_json(), encoding="utf-8")


def require_finite(y_score: np.ndarray) -> np.ndarray:
    """Hand probabilities of shape (n, n_classes) on: what a damaged network computes is an error, never an answer.

    Raises
    ------
    RuntimeError
        One is no finite number; names the first text, counted from 1.
    """
    bad = np.flatnonzero(~np.isfinite(y_score).all(axis=1))
    if len(bad):
        raise RuntimeError(
            f"text {bad[0] + 1} of {len(y_score)} has no finite probability: the network's weights are damaged, or its"
            " training diverged"
        )
    return y_score

"""Decision: calibration and decision threshold, chosen on validation and kept with every version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from agile_classifier.metrics.bands import Bands
from agile_classifier.metrics.calibration import Calibration
from agile_classifier.metrics.metrics import DecisionThreshold, predict

DECISION_FILE = "decision.json"
"""File of the decision beside a registered classifier."""


@dataclass(frozen=True)
class Decided:
    """Answers to texts."""

    y_score: NDArray[np.float64]
    """Calibrated probabilities, of shape (n, n_classes)."""
    y_pred: NDArray[np.int64]
    """Numbers of the predicted classes, of shape (n,); with several labels 0 or 1 each, of shape (n, n_labels)."""
    bands: NDArray[Any] | None
    """`release`, `review` or `remove` of each text, of shape (n,); None where the version has no bands."""


class Decision(BaseModel):
    """How probabilities become an answer: the calibration, then the decision threshold; and the bands beside them."""

    model_config = ConfigDict(frozen=True)

    decision_threshold: DecisionThreshold
    """Cut on the calibrated probability of class 1; None with more than two classes. With several labels one each."""
    calibration: Calibration = Calibration()
    """Calibration of the probabilities; older versions have none."""
    bands: Bands | None = None
    """What is decided without a person; None where none was asked for, as in older versions."""

    def apply(self, y_score: NDArray[np.float64]) -> Decided:
        """Answer by a network's probabilities, of shape (n, n_classes), as they are before calibration."""
        calibrated = self.calibration.apply(y_score)
        bands = None if self.bands is None else self.bands.decide(y_score)
        return Decided(calibrated, predict(calibrated, self.decision_threshold), bands)

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

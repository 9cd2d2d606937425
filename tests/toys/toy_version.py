"""A registered version of a small tuned classifier, calibrated, by a threshold that few texts reach.

    python -m tests.toys.toy_version ADAPTER MLFLOW_RUN_ID

registers one with whatever `agile_classifier` that process imports.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from agile_classifier.config.training import FineTuneConfig
from agile_classifier.metrics.calibration import Calibration
from agile_classifier.models.decision import Decision

NAME = "mood"
TUNING = FineTuneConfig(epochs=2, rank=2, alpha=6, learning_rate=0.01, target_modules=("query", "value"), seed=3)
DECISION = Decision(decision_threshold=0.97, calibration=Calibration(method="platt", slope=1.5, offsets=(0.0, 0.4)))


def register_version(adapter: Path, run_id: str, *, base: Path | None = None, decision: Decision = DECISION) -> str:
    """Log an adapter to an MLflow run and make it a version of `mood`; returns its number."""
    import mlflow

    from agile_classifier.ops.registry.packing import log_classifier
    from agile_classifier.ops.registry.versions import create_version

    with mlflow.start_run(run_id=run_id):
        uri = log_classifier(adapter, base=base, decision=decision, learnt_from=["0123"])
    config = {"fine_tune": TUNING.model_dump(mode="json")}
    return create_version(NAME, model_uri=uri, run_id=run_id, tags={"config": json.dumps(config)}, description="")


if __name__ == "__main__":
    register_version(Path(sys.argv[1]), sys.argv[2])

"""measure_parts: samples of scored parts, their version's reference → drift, drift_report. Never reused.

The parts lie outside the store.
"""

from typing import Annotated

import pandas as pd
from zenml import log_metadata, step
from zenml.types import HTMLString

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.evaluation.drift import Drift
from agile_classifier.ops.scoring.parts import monitor
from agile_classifier.ops.scoring.parts.sample import Scored


@step(enable_cache=False)
def measure_parts(
    samples: list[pd.DataFrame], scored: Scored, settings: MonitoringConfig
) -> tuple[Annotated[Drift, "drift"], Annotated[HTMLString, "drift_report"]]:
    """Compare all samples, as one batch, with the texts that their version was judged on."""
    found, page = monitor.measure(samples, scored, settings)
    log_metadata(found.model_dump(exclude={"findings", "expected"}))
    log_metadata({"levels": {finding.name: finding.level for finding in found.findings}})
    return found, HTMLString(page)

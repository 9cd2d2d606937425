"""measure_served: served predictions, their version's reference → drift, drift_report. Never reused.

They lie outside the artifact store.
"""

from typing import Annotated

from zenml import log_metadata, step
from zenml.types import HTMLString

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.evaluation.drift import Drift
from agile_classifier.ops.feedback import in_service


@step(enable_cache=False)
def measure_served(
    model_name: str | None, settings: MonitoringConfig
) -> tuple[Annotated[Drift, "drift"], Annotated[HTMLString, "drift_report"]]:
    """Compare what the champion served in the latest period with the texts that it was judged on."""
    found, page = in_service.measure_drift(model_name, settings)
    log_metadata(found.model_dump(exclude={"findings", "expected"}))
    log_metadata({"levels": {finding.name: finding.level for finding in found.findings}})
    return found, HTMLString(page)

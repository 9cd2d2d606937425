"""measure_quality: verdicts, served predictions, drift → quality, quality_report. Never reused.

Verdicts lie outside the artifact store.
"""

from typing import Annotated

from zenml import log_metadata, step
from zenml.types import HTMLString

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.evaluation.drift import Drift
from agile_classifier.evaluation.quality import Quality
from agile_classifier.ops.feedback import in_service


@step(enable_cache=False)
def measure_quality(
    drift: Drift, settings: MonitoringConfig
) -> tuple[Annotated[Quality, "quality"], Annotated[HTMLString, "quality_report"]]:
    """Measure precision and recall of the version that `drift` is of, by what people said of its predictions."""
    found, page = in_service.measure_quality(drift, settings)
    log_metadata(found.model_dump(include={"model_name", "model_version", "decay", "sentence"}))
    return found, HTMLString(page)

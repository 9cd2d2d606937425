"""measure_drift: scored file, its version's reference → drift, drift_report. Never reused.

The file lies outside the store.
"""

from pathlib import Path
from typing import Annotated

from zenml import log_metadata, step
from zenml.types import HTMLString

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.config.reading import ReadingOptions
from agile_classifier.evaluation.drift import Drift
from agile_classifier.ops.scoring import monitoring


@step(enable_cache=False)
def measure_drift(
    source: str,
    options: ReadingOptions,
    model_name: str | None,
    settings: MonitoringConfig,
    named: str | None,
) -> tuple[Annotated[Drift, "drift"], Annotated[HTMLString, "drift_report"]]:
    """Compare a scored file, which the page calls `named`, with the texts that its version was judged on."""
    found, page = monitoring.measure(
        Path(source),
        named=Path(named) if named else None,
        options=options,
        model_name=model_name,
        settings=settings,
    )
    log_metadata(found.model_dump(exclude={"findings"}))
    log_metadata({"levels": {finding.name: finding.level for finding in found.findings}})
    log_metadata({finding.name: finding.value for finding in found.findings if finding.value is not None})
    return found, HTMLString(page)

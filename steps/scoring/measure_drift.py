"""measure_drift: scored file, its version's reference → drift, drift_report. Never reused: the file lies outside the store."""

from pathlib import Path
from typing import Annotated, Any

from zenml import log_metadata, step
from zenml.types import HTMLString

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.ops.scoring import monitoring


@step(enable_cache=False)
def measure_drift(
    source: str,
    column: str,
    delimiter: str | None,
    model_name: str | None,
    settings: MonitoringConfig,
    named: str | None,
) -> tuple[Annotated[dict[str, Any], "drift"], Annotated[HTMLString, "drift_report"]]:
    """Compare a scored file, which the page calls `named`, with the texts that its version was judged on."""
    found, page = monitoring.measure(
        Path(source),
        named=Path(named) if named else None,
        column=column,
        delimiter=delimiter,
        model_name=model_name,
        settings=settings,
    )
    log_metadata({name: value for name, value in found.items() if name != "findings"})
    log_metadata({"levels": {finding["name"]: finding["level"] for finding in found["findings"]}})
    log_metadata({f["name"]: f["value"] for f in found["findings"] if f["value"] is not None})
    return found, HTMLString(page)

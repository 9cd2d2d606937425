"""monitoring: a batch of texts in.

Whether it still looks like those that its version was judged on out, and what follows.
"""

from zenml import pipeline
from zenml.enums import ExecutionMode

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.config.reading import ReadingOptions
from steps.scoring.measure_drift import measure_drift
from steps.scoring.score_file import score_file


@pipeline(enable_cache=False, execution_mode=ExecutionMode.FAIL_FAST)
def monitoring(
    source: str,
    scored_to: str | None = None,
    options: ReadingOptions = ReadingOptions(),
    model_name: str | None = None,
    settings: MonitoringConfig = MonitoringConfig(),
) -> None:
    """An unscored file is scored to `scored_to` first; files are named by absolute paths."""
    if scored_to is None:
        measure_drift(source, options, model_name, settings, None)
    else:
        score_file(source, scored_to, options, None, model_name, None, False)
        of_scores = ReadingOptions(column=options.column)
        measure_drift(scored_to, of_scores, model_name, settings, source, after=["score_file"])

"""monitoring: a batch of texts in, or what was served.

Whether it still looks like those that its version was judged on out, what verdicts tell of precision and recall beside
it, and what follows.
"""

from zenml import pipeline
from zenml.enums import ExecutionMode

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.config.reading import ReadingOptions
from steps.scoring.measure_drift import measure_drift
from steps.scoring.measure_quality import measure_quality
from steps.scoring.measure_served import measure_served
from steps.scoring.score_file import score_file


@pipeline(enable_cache=False, execution_mode=ExecutionMode.FAIL_FAST)
def monitoring(
    source: str | None = None,
    scored_to: str | None = None,
    options: ReadingOptions = ReadingOptions(),
    model_name: str | None = None,
    settings: MonitoringConfig = MonitoringConfig(),
) -> None:
    """Without a file, look at what was served; an unscored one is scored to `scored_to` first, by absolute paths."""
    if source is None:
        drift, _ = measure_served(model_name, settings)
    elif scored_to is None:
        drift, _ = measure_drift(source, options, model_name, settings, None)
    else:
        score_file(source, scored_to, options, None, model_name, None, False, False)
        of_scores = ReadingOptions(column=options.column)
        drift, _ = measure_drift(scored_to, of_scores, model_name, settings, source, after=["score_file"])
    measure_quality(drift, settings)

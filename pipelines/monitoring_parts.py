"""monitoring_parts: parts that were scored in; whether they still look like what their version was judged on out.

Parts are read side by side in pods of their own on a cluster, where the verdicts of people, which lie beside the
server, are not at hand.
"""

from typing import Any

from zenml import pipeline
from zenml.enums import StepRuntime

from agile_classifier.config.evaluation import MonitoringConfig
from agile_classifier.ops.scoring.parts.sample import Scored
from steps.scoring.measure_parts import measure_parts
from steps.scoring.measure_quality import measure_quality
from steps.scoring.plan_samples import plan_samples
from steps.scoring.sample_parts import sample_parts


@pipeline(dynamic=True, enable_cache=False)
def monitoring_parts(scored: Scored, tasks: list[dict[str, Any]], settings: MonitoringConfig, in_pods: bool) -> None:
    """Samples of the parts are compared as one batch."""
    sample, measure = sample_parts, measure_parts
    if in_pods:
        sample, measure = (each.with_options(runtime=StepRuntime.ISOLATED) for each in (sample, measure))
    samples = sample.map(plan_samples(tasks))
    drift, _ = measure(samples, scored, settings)
    if not in_pods:
        measure_quality(drift, settings)

"""sample_parts: task → sample. Never reused: scored parts lie outside the store."""

from typing import Annotated, Any

import pandas as pd
from zenml import log_metadata, step

from agile_classifier.ops.runs.materializers import ExamplesMaterializer
from agile_classifier.ops.scoring.parts.sample import SampleTask, take_sample


@step(enable_cache=False, output_materializers=ExamplesMaterializer)
def sample_parts(task: dict[str, Any]) -> Annotated[pd.DataFrame, "sample"]:
    """Read scored parts, and keep of each row what monitoring needs."""
    sample = take_sample(SampleTask.model_validate(task))
    log_metadata({"n_parts": len(task["parts"]), "n_kept": len(sample)})
    return sample

"""score_file: file of texts → scored_file. Never reused: it writes a file that the store does not hold."""

from pathlib import Path
from typing import Annotated, Any

from zenml import get_step_context, log_metadata, step

from agile_classifier.config.reading import ReadingOptions
from agile_classifier.ops.feedback.marking import find_marking
from agile_classifier.ops.scoring import batch as batch_scoring


@step(enable_cache=False)
def score_file(
    source: str,
    output: str,
    options: ReadingOptions,
    prefix: str | None,
    model_name: str | None,
    version: str | None,
    strict: bool,
    prediction_ids: bool,
    explain: bool = False,
) -> Annotated[dict[str, Any], "scored_file"]:
    """Score a file by a registered version.

    The artifact states where the rows are and what became of them, not the rows.
    """
    facts = batch_scoring.score_file(
        Path(source),
        output=Path(output),
        options=options,
        prefix=prefix,
        model_name=model_name,
        version=version,
        strict=strict,
        run_id=str(get_step_context().pipeline_run.id),
        find_marking=find_marking if prediction_ids else None,
        explain=explain,
    )
    log_metadata(facts)
    log_metadata(metadata=facts, artifact_name="scored_file", infer_artifact=True)
    return facts

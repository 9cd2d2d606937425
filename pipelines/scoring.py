"""scoring: a file of texts in; the same rows with label, probabilities and version out."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from agile_classifier.config.reading import ReadingOptions
from steps.scoring.score_file import score_file


@pipeline(enable_cache=False, execution_mode=ExecutionMode.FAIL_FAST)
def scoring(
    source: str,
    output: str,
    options: ReadingOptions = ReadingOptions(),
    prefix: str | None = None,
    model_name: str | None = None,
    version: str | None = None,
    strict: bool = False,
    prediction_ids: bool = False,
    explain: bool = False,
) -> None:
    """Files are named by absolute paths: the process that runs the step may stand in another folder.

    What `options` leave open is read as the config of the version says.
    """
    score_file(source, output, options, prefix, model_name, version, strict, prediction_ids, explain)

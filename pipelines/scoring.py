"""scoring: a file of texts in; the same rows with label, probabilities and version out."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from agile_classifier.config.data import Dialect
from steps.scoring.score_file import score_file


@pipeline(enable_cache=False, execution_mode=ExecutionMode.FAIL_FAST)
def scoring(
    source: str,
    output: str,
    column: str = "text",
    dialect: Dialect = Dialect(),
    model_name: str | None = None,
    version: str | None = None,
    strict: bool = False,
) -> None:
    """Files are named by absolute paths: the process that runs the step may stand in another folder."""
    score_file(source, output, column, dialect, model_name, version, strict)

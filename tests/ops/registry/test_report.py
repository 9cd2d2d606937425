"""The report of a version's run: changed where it lies, and left alone where it is gone."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from agile_classifier.evaluation.reports.page import UNDECIDED, state_decision


def test_a_decision_is_written_into_the_report_of_the_run_and_a_report_that_is_gone_stops_nothing(
    registry: str,
) -> None:
    import mlflow
    from mlflow import MlflowClient

    from agile_classifier.ops.registry.versions import REPORT_FILE, update_report

    address = f"runs:/{registry}/{REPORT_FILE}"
    MlflowClient().log_text(registry, f"<h1>toy</h1>{UNDECIDED}", REPORT_FILE)
    update_report("toy", "1", lambda page: state_decision(page, "Candidate 1 becomes champion."))
    assert mlflow.artifacts.load_text(address) == '<h1>toy</h1><p class="decision">Candidate 1 becomes champion.</p>'
    kept = urlsplit(MlflowClient().get_run(registry).info.artifact_uri).path
    (Path(unquote(kept)) / REPORT_FILE).unlink()
    update_report("toy", "1", lambda page: page + "never asked")
    assert REPORT_FILE not in {artifact.path for artifact in MlflowClient().list_artifacts(registry)}

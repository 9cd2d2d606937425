"""Two versions of a toy, of which the first is champion, in the state folder of the environment.

python -m tests.faults.versions
"""

from __future__ import annotations

from agile_classifier.ops.state.home import prepare_state


def make_versions() -> None:
    """Register them."""
    from mlflow import MlflowClient

    from agile_classifier.config.evaluation import PromotionConfig
    from agile_classifier.ops.promotion import manual
    from agile_classifier.ops.state.home import mlflow_artifacts
    from tests.toys import toy_training

    experiment = MlflowClient().create_experiment("toy", artifact_location=f"{mlflow_artifacts()}/toy")
    for _ in range(2):
        toy_training.make_version(MlflowClient().create_run(experiment).info.run_id, "toy", zenml_run="none")
    manual.force(manual.Wanted("toy", "1", PromotionConfig()), reason="")


if __name__ == "__main__":
    prepare_state()
    make_versions()

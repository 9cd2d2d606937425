"""What ZenML 0.98 gets wrong about Kubeflow, and what is done instead; a test says of each when it is no longer needed.

ZenML's own way to Kubeflow, submitting a run from this machine, is not taken at all, for it cannot do what is asked
here: its file holds one recorded run, whose parameters are fixed, and the server's token; a step's memory raises
TypeError; a GPU is dropped without a node selector called `accelerator`; `pod_settings` are overwritten, so no
toleration, secret or shared memory; and it refuses a pipeline that ends at its first failure.
"""

from __future__ import annotations

import os
from uuid import UUID

from zenml.client import Client
from zenml.utils import code_repository_utils

from agile_classifier.ops import project

RUN_ID = "KFP_RUN_ID"
"""Variable from which ZenML's orchestrator reads the Kubeflow run's id."""


def import_without_server() -> None:
    """Let steps be imported where no ZenML server answers.

    ZenML asks its server for code repositories, to note a step's commit, when a step's module is imported. The code is
    in the images, so there is nothing to find: the answer is put where ZenML keeps it.
    """
    code_repository_utils._CODE_REPOSITORY_CACHE[str(project.root())] = None


def launch_once(snapshot_id: UUID, step_name: str, *, run_id: str) -> None:
    """Run a step of a recorded pipeline, in this process.

    ZenML's entrypoint would retry a failed step in the same pod, though Kubeflow starts a new one, which is then one
    try too many; and its Kubeflow orchestrator refuses a pipeline that ends at its first failure, though on Kubeflow
    every pipeline does.
    """
    from zenml.execution.step.utils import launch_step
    from zenml.integrations.registry import integration_registry

    os.environ[RUN_ID] = run_id
    snapshot = Client().zen_store.get_snapshot(snapshot_id, step_configuration_filter=[step_name])
    if snapshot.stack is None:
        raise RuntimeError(f"the stack of snapshot {snapshot_id} is gone from ZenML's server")
    os.environ["ZENML_ACTIVE_STACK_ID"] = str(snapshot.stack.id)
    integration_registry.activate_integrations()
    launch_step(
        snapshot=snapshot, step=snapshot.step_configurations[step_name], orchestrator_run_id=run_id, retry=False
    )

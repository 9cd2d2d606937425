"""Workarounds: what ZenML 0.98 does wrong on Kubernetes and a setting cannot mend.

A test a defect says when one may go.

The pod that starts the pods of the steps needs them as much as the process that submits it, so this is its command:

    python -m agile_classifier.ops.engines.kubernetes_workarounds --snapshot_id … --run_id …
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from zenml.integrations.kubernetes import manifest_utils
from zenml.integrations.kubernetes.orchestrators import kubernetes_orchestrator
from zenml.integrations.kubernetes.orchestrators import kubernetes_orchestrator_entrypoint as entrypoint
from zenml.integrations.kubernetes.orchestrators.kubernetes_orchestrator_entrypoint_configuration import (
    KubernetesOrchestratorEntrypointConfiguration,
)

from agile_classifier.ops.project import module_command

_add_pod_settings = manifest_utils.add_pod_settings


def apply() -> None:
    """Work around ZenML's defects in this process, and in the pod of the orchestrator that it submits."""
    command = list(module_command("agile_classifier.ops.engines.kubernetes_workarounds", python="python"))
    setattr(manifest_utils, "add_pod_settings", _add_settings_without_nulls)  # noqa: B010
    setattr(KubernetesOrchestratorEntrypointConfiguration, "get_entrypoint_command", lambda: command)  # noqa: B010


@contextmanager
def cron_jobs_with(
    *, time_zone: str, suspend: bool, labels: Mapping[str, str], command: Sequence[str] | None = None
) -> Iterator[None]:
    """Let the CronJobs that ZenML submits meanwhile say what ZenML's schedules cannot: a time zone, for one.

    Kubernetes would read the line in its controller's zone. Where a CronJob was changed after it was made, it could
    start a run before.

    Parameters
    ----------
    command : sequence of str, optional
        What their pods run in place of ZenML's entry point, with its arguments.
    """
    made_by_zenml: Any = vars(kubernetes_orchestrator)["build_cron_job_manifest"]

    def build(*positional: Any, **given: Any) -> Any:
        cron_job = made_by_zenml(*positional, **given)
        cron_job.spec.time_zone, cron_job.spec.suspend = time_zone, suspend
        cron_job.metadata = copy.copy(cron_job.metadata)  # the Jobs' own
        cron_job.metadata.labels = {**(cron_job.metadata.labels or {}), **labels}
        for container in cron_job.spec.job_template.spec.template.spec.containers if command else ():
            container.command = list(command or ())
        return cron_job

    setattr(kubernetes_orchestrator, "build_cron_job_manifest", build)  # noqa: B010
    try:
        yield
    finally:
        setattr(kubernetes_orchestrator, "build_cron_job_manifest", made_by_zenml)  # noqa: B010


def _add_settings_without_nulls(pod_spec: Any, settings: Any, substitutions: dict[str, str]) -> None:
    """ZenML adds our security context to its own one, dumped with the keys of Python (`run_as_user.

    Null` beside `runAsUser`).

    An API server that is asked to be strict refuses such fields, and any other warns of each.
    """
    _add_pod_settings(pod_spec, settings, substitutions)
    for container in pod_spec.containers:
        if isinstance(container.security_context, dict):
            said = container.security_context.items()
            container.security_context = {key: value for key, value in said if value is not None}


if __name__ == "__main__":
    apply()
    entrypoint.main()

"""CronJobs of a cluster that are schedules of ours, each with the secrets that ZenML made for it."""

from __future__ import annotations

import secrets
from typing import Any

from agile_classifier.ops.engines import kubernetes as engine_kubernetes
from agile_classifier.ops.engines.stacks import StackFile

LABEL = "agile-classifier/schedule"
"""Label of a CronJob that holds the name of ZenML's schedule."""
LONGEST_NAME = 52
"""Characters that a Job's name may take over from its CronJob's, of the 63 that a label may have."""


def read(stack: StackFile) -> dict[str, Any]:
    """Label → CronJob."""
    with engine_kubernetes.connected(stack) as api:
        return _listed(stack, api)


def delete(stack: StackFile, cron_job: Any) -> None:
    """Remove what is left of a CronJob once ZenML has removed its schedule.

    Itself, where ZenML did not know its name, and its token.
    """
    from kubernetes.client import BatchV1Api, CoreV1Api

    with engine_kubernetes.connected(stack) as api:
        namespace = engine_kubernetes.namespace_of(stack)
        if cron_job.metadata.labels[LABEL] in _listed(stack, api):
            BatchV1Api(api).delete_namespaced_cron_job(cron_job.metadata.name, namespace)
        for token in _tokens(cron_job):
            _delete_secret(CoreV1Api(api), token, namespace)


def start(stack: StackFile, cron_job: Any) -> str:
    """Start a CronJob's run at once, as `kubectl create job --from` does; returns the Job's name."""
    from kubernetes import client

    template, owner = cron_job.spec.job_template, cron_job.metadata
    metadata = client.V1ObjectMeta(
        name=f"{owner.name[:LONGEST_NAME]}-now-{secrets.token_hex(3)}",
        labels=template.metadata.labels,
        annotations={**(template.metadata.annotations or {}), "cronjob.kubernetes.io/instantiate": "manual"},
        owner_references=[
            client.V1OwnerReference(
                api_version="batch/v1", kind="CronJob", name=owner.name, uid=owner.uid, controller=True
            )
        ],
    )
    job = client.V1Job(api_version="batch/v1", kind="Job", metadata=metadata, spec=template.spec)
    with engine_kubernetes.connected(stack) as api:
        made = client.BatchV1Api(api).create_namespaced_job(engine_kubernetes.namespace_of(stack), job)
    return str(made.metadata.name)


def _listed(stack: StackFile, api: Any) -> dict[str, Any]:
    from kubernetes import client
    from zenml.integrations.kubernetes import kube_utils  # noqa: F401  # for a failure policy of exit codes

    listed = client.BatchV1Api(api).list_namespaced_cron_job(
        engine_kubernetes.namespace_of(stack),
        label_selector=LABEL,
        _request_timeout=engine_kubernetes.LONGEST_WAIT,
    )
    return {job.metadata.labels[LABEL]: job for job in listed.items}


def _tokens(cron_job: Any) -> set[str]:
    """Names of the secrets that ZenML made for a CronJob."""
    pod = cron_job.spec.job_template.spec.template.spec
    sources = [variable.value_from for container in pod.containers for variable in container.env or []]
    names = {source.secret_key_ref.name for source in sources if source and source.secret_key_ref}
    return {name for name in names if name.startswith("zenml-token-")}


def _delete_secret(core: Any, name: str, namespace: str) -> None:
    from kubernetes.client import ApiException

    try:
        core.delete_namespaced_secret(name, namespace)
    except ApiException as error:
        if error.status != 404:
            raise

"""Kubernetes as an engine: whether a cluster can take a run, asked before anything is submitted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from classifier.errors import InputError
from operations.stacks import StackFile

LONGEST_WAIT = 10
"""Seconds that the cluster has to answer."""
SERVERS = ("ZENML_STORE_URL", "MLFLOW_TRACKING_URI")
"""Variables that lead a pod to what outlives it."""
DENIED = (401, 403)


def require_kubernetes(stack: StackFile) -> None:
    """Ask the cluster of a stack whether it can take a run.

    Raises
    ------
    InputError
        A server is one that pods cannot reach, the context is unknown, the cluster does not answer, Jobs may not be created,
        or no node is of the kind that a step asks for.
    """
    from kubernetes import client  # type: ignore[import-untyped]
    from urllib3.exceptions import HTTPError

    _check_servers(stack)
    cluster = _cluster(stack)
    try:
        _check_rights(stack, client.AuthorizationV1Api(cluster))
        _check_nodes(stack, client.CoreV1Api(cluster))
    except client.ApiException as error:
        raise InputError(
            f"stack {stack.name}: the cluster at {cluster.configuration.host} refused: {error.status} {error.reason}"
        ) from None
    except HTTPError:
        raise InputError(
            f"stack {stack.name}: no cluster answers at {cluster.configuration.host}; check the context, or select another stack: agile stack local"
        ) from None


def _check_servers(stack: StackFile) -> None:
    for name in SERVERS:
        address = os.environ.get(name, "nothing")
        if not address.startswith(("http://", "https://")):
            raise InputError(f"stack {stack.name}: {name}: pods need a server's address, https://…; found {address}")


def _cluster(stack: StackFile) -> Any:
    """A client of the context that the stack names."""
    from kubernetes import client, config

    context, file = stack.components["orchestrator"].get("kubernetes_context"), os.environ.get("KUBECONFIG")
    try:
        known = [found["name"] for found in config.list_kube_config_contexts(file)[0]]
        if context not in known:
            raise InputError(
                f"stack {stack.name}: no context {context} in the kubeconfig; there are: {', '.join(known)}"
            )
        cluster = config.new_client_from_config(file, context=context)
    except config.ConfigException as error:
        raise InputError(f"stack {stack.name}: kubeconfig: {' '.join(str(error).split())}") from None
    cluster.configuration.retries = 0
    return client.ApiClient(cluster.configuration)


def _check_rights(stack: StackFile, api: Any) -> None:
    namespace = stack.components["orchestrator"]["kubernetes_namespace"]
    asked = {"namespace": namespace, "verb": "create", "group": "batch", "resource": "jobs"}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": asked}}  # fmt: skip
    answer = api.create_self_subject_access_review(review, _request_timeout=LONGEST_WAIT)
    if not answer.status.allowed:
        raise InputError(f"stack {stack.name}: no permission to create Jobs in namespace {namespace}")


def _check_nodes(stack: StackFile, api: Any) -> None:
    """Who may not list nodes cannot be told; the scheduler will."""
    from kubernetes.client import ApiException  # type: ignore[import-untyped]

    for step, selector in _selectors(stack):
        labels = ",".join(f"{name}={value}" for name, value in selector.items())
        try:
            nodes = api.list_node(label_selector=labels, _request_timeout=LONGEST_WAIT).items
        except ApiException as error:
            if error.status in DENIED:
                return
            raise
        if not nodes:
            raise InputError(f"stack {stack.name}: {step} asks for a node with {labels}, and there is none")


def _selectors(stack: StackFile) -> Iterator[tuple[str, dict[str, str]]]:
    for step, said in stack.run.get("steps", {}).items():
        pod = said.get("settings", {}).get("orchestrator", {}).get("pod_settings", {})
        if pod.get("node_selectors"):
            yield step, pod["node_selectors"]

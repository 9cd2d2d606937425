"""Kubernetes: whether a cluster can take a run, asked before anything is submitted."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from yaml import YAMLError

from agile_classifier.errors import InputError, one_line, redact
from agile_classifier.ops.engines.stacks import StackFile

Rights = tuple[tuple[str, str, str], ...]
LONGEST_WAIT = 10
"""Longest wait for an answer of the cluster, in seconds."""
GPU = "nvidia.com/gpu"
GPU_COMES_LATER = "AGILE_GPU_AUTOSCALED"
"""Variable that is set (to anything) where the cluster adds GPU nodes on demand, so that none need exist yet."""
LEAST_VERSION = (1, 25)
"""Oldest Kubernetes version accepted; an older one silently drops a CronJob's time zone."""
NEEDED_RIGHTS = (
    ("create", "batch", "jobs"),
    ("get", "batch", "jobs"),
    ("list", "", "pods"),
    ("get", "", "pods/log"),
    ("create", "", "secrets"),
)
"""(verb, API group, resource) that ZenML's submission uses in the namespace: the orchestrator's Job, its log, its
token."""
SCHEDULE_RIGHTS = (
    ("create", "batch", "cronjobs"),
    ("list", "batch", "cronjobs"),
    ("patch", "batch", "cronjobs"),
    ("delete", "batch", "cronjobs"),
    ("create", "", "secrets"),
    ("delete", "", "secrets"),
)
"""(verb, API group, resource) that schedules use in the namespace: their CronJobs, their tokens."""
RUN_RIGHTS = (("list", "batch", "cronjobs"), ("create", "batch", "jobs"))
"""(verb, API group, resource) that starting a schedule's run by hand uses in the namespace."""


def require_kubernetes(stack: StackFile, *, rights: Rights = NEEDED_RIGHTS) -> None:
    """Check that a stack's cluster can take a run; servers' addresses first, since that takes no connection.

    Raises
    ------
    InputError
        Pods could not reach ZenML or MLflow; the context is unknown; the cluster does not answer, refuses, lacks the
        namespace, or has no node for a step that asks for a GPU.
    """
    _require_servers(stack)
    context = _context(stack)
    with connected(stack) as api:
        from kubernetes import client

        version = client.VersionApi(api).get_code(_request_timeout=LONGEST_WAIT)
        _require_version(stack, version, rights)
        _require_namespace(stack, client.CoreV1Api(api))
        _require_rights(stack, client.AuthorizationV1Api(api), context, rights)
        _require_gpus(stack, client.CoreV1Api(api), context)


@contextmanager
def connected(stack: StackFile) -> Iterator[Any]:
    """Yield a client of a stack's cluster; a cluster that cannot be used becomes a one-line InputError."""
    context = _context(stack)
    with _said_of(stack, context):
        from kubernetes import client, config

        configuration = client.Configuration()
        config.load_kube_config(os.environ.get("KUBECONFIG"), context, configuration)
        configuration.retries = 0  # a cluster that is away is said to be away after one wait
        yield client.ApiClient(configuration)


def namespace_of(stack: StackFile) -> str:
    """Namespace that a stack's pods run in."""
    return str(stack.components["orchestrator"].get("kubernetes_namespace", "zenml"))


def _require_servers(stack: StackFile) -> None:
    tracking = str(stack.run.get("environment", {}).get("MLFLOW_TRACKING_URI", ""))
    problems = [
        *_list_unreachable("ZENML_STORE_URL", zenml_store(), "ZenML's store"),
        *_list_unreachable("MLFLOW_TRACKING_URI", tracking, "MLflow's tracking server"),
    ]
    if problems:
        raise InputError(f"stack {stack.name}: {'; and '.join(problems)}")
    if "@" in urlsplit(tracking).netloc:
        raise InputError(
            f"stack {stack.name}: MLFLOW_TRACKING_URI holds a password, which would stand in every pod's manifest; "
            "put it in the cluster's secret agile-tracking, and name the server as https://host"
        )


def _list_unreachable(variable: str, address: str, what: str) -> list[str]:
    """Why pods cannot reach a server, and what to do; nothing where they may."""
    parts = urlsplit(address)
    if parts.scheme in {"http", "https"} and parts.hostname and not is_loopback(parts.hostname):
        return []
    return [
        f"{what} is {redact(address) or 'not set'}, which no pod can reach; "
        f"name a server by {variable}=https://host (http too, but neither a file, a database nor localhost)"
    ]


def zenml_store() -> str:
    """Address of the server or database in which ZenML records runs."""
    from zenml.config.global_config import GlobalConfiguration

    return GlobalConfiguration().store_configuration.url


def is_loopback(host: str) -> bool:
    """Whether a host name or address is a loopback one."""
    try:
        return ipaddress.ip_address(host).is_loopback or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _context(stack: StackFile) -> str:
    from kubernetes import config

    context = stack.components["orchestrator"].get("kubernetes_context")
    where = os.environ.get("KUBECONFIG", "~/.kube/config")
    try:
        known = sorted(there["name"] for there in config.list_kube_config_contexts(os.environ.get("KUBECONFIG"))[0])
    except (config.ConfigException, OSError, YAMLError) as error:
        raise InputError(f"stack {stack.name}: {where} names no cluster: {_line(error)}") from None
    if context not in known:
        raise InputError(
            f"stack {stack.name}: no context {context or '(none given)'} in {where}; there are: {', '.join(known)}"
        )
    return str(context)


@contextmanager
def _said_of(stack: StackFile, context: str) -> Iterator[None]:
    """One line that says why a cluster cannot be used."""
    from kubernetes.client import ApiException
    from kubernetes.config import ConfigException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ConfigException as error:
        raise InputError(f"stack {stack.name}: context {context} cannot be used: {_line(error)}") from None
    except HTTPError as error:
        raise InputError(
            f"stack {stack.name}: the cluster of context {context} does not answer: {_line(error)}; try:"
            f" kubectl --context {context} get nodes"
        ) from None
    except ApiException as error:
        refused = {401: "does not know you; log in again", 403: "refuses you"}.get(error.status, f"says {error.status}")
        raise InputError(f"stack {stack.name}: the cluster of context {context} {refused}: {error.reason}") from None


def _require_namespace(stack: StackFile, core: Any) -> None:
    from kubernetes.client import ApiException

    try:
        core.read_namespace(namespace_of(stack), _request_timeout=LONGEST_WAIT)
    except ApiException as error:
        if error.status == 404:
            name = namespace_of(stack)
            raise InputError(
                f"stack {stack.name}: the cluster has no namespace {name}; make it: kubectl create namespace {name}, or"
                " name another by AGILE_KUBE_NAMESPACE"
            ) from None
        if error.status != 403:  # who may use a namespace need not be allowed to look at it
            raise


def _require_version(stack: StackFile, version: Any, rights: Rights) -> None:
    found = tuple(int(re.sub(r"\D", "", part) or 0) for part in (version.major, version.minor))
    if rights is SCHEDULE_RIGHTS and found < LEAST_VERSION:
        raise InputError(
            f"stack {stack.name}: the cluster is Kubernetes {found[0]}.{found[1]}, which drops a schedule's time zone; "
            f"schedules need {LEAST_VERSION[0]}.{LEAST_VERSION[1]}"
        )


def _require_rights(stack: StackFile, authorization: Any, context: str, rights: Rights) -> None:
    missing = [
        f"{verb} {resource}"
        for verb, group, resource in rights
        if not authorization.create_self_subject_access_review(
            _review(namespace_of(stack), verb, group, resource), _request_timeout=LONGEST_WAIT
        ).status.allowed
    ]
    if missing:
        raise InputError(
            f"stack {stack.name}: context {context} may not {', '.join(missing)} in namespace {namespace_of(stack)}; "
            f"needed: {', '.join(f'{verb} {resource}' for verb, _, resource in rights)}; ask who "
            "runs the cluster for a role with them"
        )


def _review(namespace: str, verb: str, group: str, resource: str) -> dict[str, Any]:
    kind, _, part = resource.partition("/")
    attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": kind, "subresource": part}
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }


def _require_gpus(stack: StackFile, core: Any, context: str) -> None:
    from kubernetes.client import ApiException

    for step, pod in _pods_with_a_gpu(stack).items():
        selector = ",".join(f"{label}={value}" for label, value in pod.get("node_selectors", {}).items())
        wanted = int(pod["resources"]["limits"][GPU])
        try:
            nodes = core.list_node(label_selector=selector, _request_timeout=LONGEST_WAIT).items
        except ApiException as error:
            if error.status != 403:
                raise
            print(f"context {context} may not list nodes: not checked whether one has {GPU}", file=sys.stderr)
            return
        offered = [int((node.status.allocatable or {}).get(GPU, 0)) for node in nodes if not node.spec.unschedulable]
        if max(offered, default=0) < wanted and GPU_COMES_LATER not in os.environ:
            raise InputError(
                f"stack {stack.name}: {step} asks for {GPU}: {wanted} on a node with {selector or 'any label'}, and of "
                f"{len(nodes)} such nodes none offers it; another GPU is named by AGILE_GPU, and where the cluster "
                "adds "
                f"nodes on demand set {GPU_COMES_LATER}=1"
            )


def _pods_with_a_gpu(stack: StackFile) -> dict[str, Mapping[str, Any]]:
    steps = {
        name: step.get("settings", {}).get("orchestrator", {}).get("pod_settings", {})
        for name, step in stack.run.get("steps", {}).items()
    }
    return {name: pod for name, pod in steps.items() if GPU in pod.get("resources", {}).get("limits", {})}


def _line(error: Exception) -> str:
    reason: Any = getattr(error, "reason", None) or error
    return redact(one_line(reason))[:200]

"""A Kubernetes API server that keeps what it is sent, on loopback: enough of one for ZenML's orchestrator and our preflight.

It has a kubelet for the orchestrator's Job, whose container is run as a process of this machine with the variables that the
manifest gives it. The Job of a step succeeds when it is first looked at, unless a test asks for its container to be run too
(`runs_steps`); what happened in which order is kept, so that it can be seen whether another Job waited for that.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

CONTEXT = "fake"
CREATED = "2026-01-01T00:00:00Z"
STEP = "zenml.io/step-name"
PATH = re.compile(
    r"^/(?:api|apis/[^/]+)/[^/]+(?:/namespaces/(?P<namespace>[^/]+))?/(?P<kind>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<part>[a-z]+))?$"
)
Object = dict[str, Any]


@dataclass
class FakeCluster:
    """What a cluster holds, and what was asked of it."""

    namespaces: tuple[str, ...] = ("agile-classifier",)
    forbidden: frozenset[str] = frozenset()
    """Resources that the caller may not touch, as `jobs`."""
    is_logged_in: bool = True
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    """(kind in the plural, name) → object."""
    submitted: list[Object] = field(default_factory=list)
    """Jobs and CronJobs as they arrived, before the server filled anything in."""
    events: list[tuple[str, str]] = field(default_factory=list)
    """("created" or "succeeded", step), in order."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """(who, verb, resource): what service accounts must be allowed."""
    pod_environment: Mapping[str, str] = field(default_factory=dict)
    """What the image sets, for the pod that the kubelet runs."""
    pod_folder: Path | None = None
    """The image's working folder."""
    pod_output: str = ""
    runs_steps: bool = False
    """Whether the kubelet runs the steps' containers too."""
    created_secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    """Name → values of those that ZenML created."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    pods: list[threading.Thread] = field(default_factory=list)

    def put_secret(self, name: str, values: Mapping[str, str]) -> None:
        """As a person would, before any run."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        self.objects["secrets", name] = {"metadata": {"name": name}, "data": data}

    def put_node(self, name: str, *, labels: Mapping[str, str], gpus: int, unschedulable: bool = False) -> None:
        """A machine of the cluster."""
        self.objects["nodes", name] = {
            "metadata": {"name": name, "labels": dict(labels)},
            "spec": {"unschedulable": unschedulable},
            "status": {"allocatable": {"cpu": "12", **({"nvidia.com/gpu": str(gpus)} if gpus else {})}},
        }

    def jobs(self) -> dict[str, Object]:
        """Step, or `orchestrator`, → Job as it arrived."""
        return {job["metadata"]["annotations"].get(STEP, "orchestrator"): job for job in self.submitted}


@contextmanager
def serve(cluster: FakeCluster, kubeconfig: Path) -> Iterator[str]:
    """Answer for a cluster, and write a kubeconfig with a context that leads there; yields its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"cluster": cluster}))
    address = f"http://127.0.0.1:{server.server_address[1]}"
    write_kubeconfig(kubeconfig, address, user="client")
    inside = kubeconfig.with_suffix(".pod")  # ZenML falls back to it where it finds no service account's token
    write_kubeconfig(inside, address, user="orchestrator")
    cluster.pod_environment = {**cluster.pod_environment, "KUBECONFIG": str(inside)}
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
        for pod in cluster.pods:
            pod.join()


def write_kubeconfig(path: Path, address: str, *, user: str) -> None:
    """One context, named `fake`."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CONTEXT,
        "clusters": [{"name": CONTEXT, "cluster": {"server": address}}],
        "users": [{"name": CONTEXT, "user": {"token": user}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")


def fire(cluster: FakeCluster, cron_job: str, number: int) -> Object | None:
    """The controller: a time of a CronJob has come; returns the Job it made, None where it makes none."""
    with cluster.lock:
        owner = cluster.objects["cronjobs", cron_job]
        spec, active = owner["spec"], owner.setdefault("status", {}).setdefault("active", [])
        if spec.get("suspend") or (active and spec["concurrencyPolicy"] == "Forbid"):
            return None
        template = json.loads(json.dumps(spec["jobTemplate"]))
        name = f"{cron_job}-{number}"
        job: Object = {
            "metadata": {**template["metadata"], "name": name, "uid": f"uid-{name}"},
            "spec": template["spec"],
        }
        job["status"] = {"active": 1}
        cluster.objects["jobs", name] = job
        active.append({"kind": "Job", "name": name})
        _start(cluster, job)
    return job


def ended(cluster: FakeCluster, cron_job: str) -> None:
    """Wait for the pods that go, and let the controller see that they have ended."""
    for pod in cluster.pods:
        pod.join()
    with cluster.lock:
        cluster.objects["cronjobs", cron_job]["status"]["active"] = []


class _Handler(BaseHTTPRequestHandler):
    cluster: FakeCluster

    def log_message(self, *_: Any) -> None:
        """Requests are kept in `asked`, not printed."""

    def do_GET(self) -> None:
        self._answer("get")

    def do_POST(self) -> None:
        self._answer("create")

    def do_PATCH(self) -> None:
        self._answer("patch")

    def do_DELETE(self) -> None:
        self._answer("delete")

    def _answer(self, verb: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        url = urlsplit(self.path)
        with self.cluster.lock:
            code, found = self._decide(verb, url.path, parse_qs(url.query), body)
        is_text = isinstance(found, str)
        payload = (found if is_text else json.dumps(found)).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if is_text else "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _decide(self, verb: str, path: str, query: dict[str, list[str]], body: Object) -> tuple[int, Any]:
        if path == "/version/":
            return 200, {"major": "1", "minor": "33", "gitVersion": "v1.33.0", "gitCommit": "", "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": ""}  # fmt: skip
        if not self.cluster.is_logged_in:
            return _status(401, "Unauthorized")
        match = PATH.match(path)
        if match is None:
            return _status(404, f"no such path: {path}")
        kind, name, namespace = match["kind"], match["name"], match["namespace"]
        if kind == "namespaces" and name and kind not in self.cluster.forbidden:
            return (200, {"metadata": {"name": name}}) if name in self.cluster.namespaces else _status(404, name)
        if kind == "selfsubjectaccessreviews":
            return 201, _review(body, self.cluster.forbidden)
        if kind in self.cluster.forbidden:
            return _status(403, f"{kind} is forbidden")
        if namespace and namespace not in self.cluster.namespaces:
            return _status(404, f"namespaces {namespace} not found")
        resource = f"{kind}/{match['part']}" if match["part"] else kind
        who = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.cluster.asked.append((who, "list" if verb == "get" and not name else verb, resource))
        return {"create": _create, "get": _get, "patch": _patch, "delete": _delete}[verb](
            self.cluster, kind, name or body.get("metadata", {}).get("name"), body, query, match["part"]
        )


def _create(cluster: FakeCluster, kind: str, name: str, body: Object, *_: Any) -> tuple[int, Any]:
    if (kind, name) in cluster.objects:
        return _status(409, f"{kind} {name} already exists")
    stored = json.loads(json.dumps(body))
    stored["metadata"] |= {"uid": f"uid-{len(cluster.objects)}", "creationTimestamp": CREATED}
    cluster.objects[kind, name] = stored
    if kind in {"jobs", "cronjobs"}:
        cluster.submitted.append(body)
    if kind == "secrets":
        cluster.created_secrets[name] = _secret(cluster, {"name": name})
    if kind == "jobs":
        stored["status"] = {"active": 1}
        for rule in stored["spec"].get("podFailurePolicy", {}).get("rules", []):
            for condition in rule.get("onPodConditions") or []:
                condition.setdefault("status", "True")  # as the API server does
        _start(cluster, stored)
    return 201, stored


def _get(
    cluster: FakeCluster, kind: str, name: str | None, _body: Object, query: dict[str, list[str]], part: str | None
) -> tuple[int, Any]:
    if part == "log":
        return 200, cluster.pod_output
    if name is None:
        wanted = [pair.partition("=") for text in query.get("labelSelector", []) for pair in text.split(",")]
        items = [there for (of_kind, _), there in cluster.objects.items() if of_kind == kind and _has(there, wanted)]
        if "status.phase=Pending" in query.get("fieldSelector", []):
            items = [pod for pod in items if pod["status"]["phase"] == "Pending"]
        return 200, {"metadata": {}, "items": items}
    found = cluster.objects.get((kind, name))
    if found is None:
        return _status(404, f"{kind} {name} not found")
    if kind == "jobs":
        _look_at(cluster, found)
    return 200, found


def _patch(cluster: FakeCluster, kind: str, name: str, body: Object, *_: Any) -> tuple[int, Any]:
    stored = cluster.objects[kind, name]
    for key, value in (body.get("metadata") or {}).items():
        if isinstance(value, dict):
            stored["metadata"][key] = {**(stored["metadata"].get(key) or {}), **value}
    stored.get("spec", {}).update(body.get("spec") or {})
    return 200, stored


def _delete(cluster: FakeCluster, kind: str, name: str, *_: Any) -> tuple[int, Any]:
    cluster.objects.pop((kind, name), None)
    return _status(200, "deleted")


def _status(code: int, message: str) -> tuple[int, Object]:
    return code, {"kind": "Status", "apiVersion": "v1", "code": code, "message": message}


def _has(there: Object, wanted: Sequence[tuple[str, str, str]]) -> bool:
    """Whether an object has the labels, with the value where one is asked for."""
    labels = there["metadata"].get("labels") or {}
    return all(label in labels and (not equals or labels[label] == value) for label, equals, value in wanted)


def _review(body: Object, forbidden: frozenset[str]) -> Object:
    resource = body["spec"]["resourceAttributes"]["resource"]
    return {**body, "status": {"allowed": resource not in forbidden}}


def _start(cluster: FakeCluster, job: Object) -> None:
    step = job["metadata"]["annotations"].get(STEP)
    if step is not None:
        cluster.events.append(("created", step))
        if not cluster.runs_steps:
            return
    pod = threading.Thread(target=_run_pod, args=(cluster, job))
    cluster.pods.append(pod)
    pod.start()


def _look_at(cluster: FakeCluster, job: Object) -> None:
    """The Job of a step is done when it is looked at."""
    step = job["metadata"]["annotations"].get(STEP)
    if step is not None and not cluster.runs_steps and "conditions" not in job["status"]:
        _finish(job, succeeded=True)
        cluster.events.append(("succeeded", step))


def _finish(job: Object, *, succeeded: bool) -> None:
    condition = {"type": "Complete" if succeeded else "Failed", "status": "True", "message": ""}
    job["status"] = {"conditions": [condition]}


def _run_pod(cluster: FakeCluster, job: Object) -> None:
    """The kubelet: the pod of a Job, which takes its host name for its own, as in a cluster."""
    pod_name = f"{job['metadata']['name']}-{secrets.token_hex(3)}"
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"], "uid": job["metadata"]["uid"]}
    metadata = {
        "name": pod_name,
        "uid": "pod",
        "creationTimestamp": CREATED,
        "labels": {"job-name": job["metadata"]["name"]},
        "ownerReferences": [{**owner, "controller": True}],
    }
    container = job["spec"]["template"]["spec"]["containers"][0]
    with cluster.lock:
        cluster.objects["pods", pod_name] = {
            "metadata": metadata,
            "spec": {"containers": [{"name": "main"}]},
            "status": {"phase": "Running"},
        }
        environment = {**_environment(cluster, container), **cluster.pod_environment, "PATH": os.environ["PATH"]}
    command = [sys.executable, *container["command"][1:], *container["args"]]
    host = cluster.pod_folder.parent / "hosts" / pod_name
    host.mkdir(parents=True)
    (host / "sitecustomize.py").write_text(f"import socket; socket.gethostname = lambda: {pod_name!r}")
    environment["PYTHONPATH"] = f"{host}:{environment.get('PYTHONPATH', '')}"
    done = subprocess.run(
        command,
        env=environment,
        cwd=cluster.pod_folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    step = job["metadata"]["annotations"].get(STEP)
    with cluster.lock:
        cluster.pod_output = f"{cluster.pod_output if cluster.runs_steps else ''}{done.stdout}"
        _finish(job, succeeded=done.returncode == 0)
        if step is not None and done.returncode == 0:
            cluster.events.append(("succeeded", step))


def _environment(cluster: FakeCluster, container: Object) -> dict[str, str]:
    """The variables of a container, secrets looked up."""
    found: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        found |= _secret(cluster, source["secretRef"])
    for variable in container.get("env") or []:
        reference = variable.get("valueFrom", {}).get("secretKeyRef")
        found[variable["name"]] = (
            _secret(cluster, reference)[reference["key"]] if reference else variable.get("value", "")
        )
    return found


def _secret(cluster: FakeCluster, reference: Object) -> dict[str, str]:
    if reference.get("optional") and ("secrets", reference["name"]) not in cluster.objects:
        return {}
    data = cluster.objects["secrets", reference["name"]]["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}

"""A Kubernetes API server that keeps what it is given and runs nothing: a Job is complete once somebody has asked for it.

    python fake_kubernetes.py FOLDER        writes a kubeconfig and, request by request, log.jsonl there

Only what ZenML and the preflight ask for. The first Job is the orchestrator's: it stays active, and has one pod, `orchestrator`.
"""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

OBJECT = re.compile(r"/(?:api/v1|apis/[^/]+/[^/]+)/namespaces/[^/]+/(?P<kind>\w+)(?:/(?P<name>[^/?]+))?")
COMPLETE = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
POD = "orchestrator"


class Cluster(BaseHTTPRequestHandler):
    """Answers; the state is the class's, for there is one cluster."""

    folder: ClassVar[Path]
    objects: ClassVar[dict[tuple[str, str], dict[str, Any]]] = {}
    jobs: ClassVar[list[str]] = []
    lock: ClassVar[Lock] = Lock()
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        with self.lock:
            code, found = self._act(self.path.partition("?")[0], body)
        content = json.dumps(found).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815  (http.server's names)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _act(self, path: str, body: Any) -> tuple[int, Any]:
        settings = json.loads((self.folder / "cluster.json").read_text())
        if path.endswith("/selfsubjectaccessreviews"):
            return 201, {**body, "status": {"allowed": settings["allowed"]}}
        if path == "/api/v1/nodes":
            return 200, {"kind": "NodeList", "items": [{"metadata": {"name": name}} for name in settings["nodes"]]}
        match = OBJECT.fullmatch(path)
        if match is None:
            return 404, _status(404)
        kind, name = match["kind"], match["name"]
        if self.command == "POST":
            return self._create(kind, body)
        if name is None:
            listed = [found for (of_kind, _), found in self.objects.items() if of_kind == kind]
            return 200, {"metadata": {}, "items": listed}
        if (kind, name) not in self.objects:
            return 404, _status(404)
        found = self.objects[kind, name]
        if self.command == "PATCH":
            for field, value in body.get("metadata", {}).items():
                found["metadata"].setdefault(field, {}).update(value)
        elif kind == "jobs" and name != self.jobs[0] and not found["status"]:
            found["status"] = COMPLETE
            self._note("complete", found)
        return 200, found

    def _create(self, kind: str, body: Any) -> tuple[int, Any]:
        self._note(kind, body)
        kept = json.loads(json.dumps(body))
        name = kept["metadata"]["name"]
        kept["metadata"] |= {"uid": f"uid-{name}", "creationTimestamp": "2026-01-01T00:00:00Z"}
        if kind == "jobs":
            kept["status"] = {}
            self.jobs.append(name)
            if len(self.jobs) == 1:
                owner = {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "name": name,
                    "uid": f"uid-{name}",
                    "controller": True,
                }
                metadata = {"name": POD, "uid": "uid-pod", "labels": {"job-name": name}, "ownerReferences": [owner]}
                self.objects["pods", POD] = {"metadata": metadata, "spec": {"containers": []}, "status": {}}
        self.objects[kind, name] = kept
        return 201, kept

    def _note(self, what: str, body: Any) -> None:
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps({"what": what, "body": body}) + "\n")


def _status(code: int) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": "NotFound"}


def main(folder: Path) -> None:
    """Serve until ended."""
    Cluster.folder = folder
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cluster)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "clusters": [{"name": "fake", "cluster": {"server": address}}],
        "users": [{"name": "fake", "user": {}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
    }
    unfinished = folder / "kubeconfig.unfinished"
    unfinished.write_text(json.dumps(kubeconfig))
    unfinished.rename(folder / "kubeconfig")
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

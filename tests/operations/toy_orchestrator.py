"""A run on Kubernetes without a cluster: submitted as `agile train` does, then orchestrated as ZenML's orchestrator pod does.

    python toy_orchestrator.py CONFIG

The Jobs go to the API server of KUBECONFIG. ZenML refuses a server on loopback beside a cluster; that check alone is off.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

from operations.state import prepare_state


def main(config_file: Path, orchestrator_pod: str) -> None:
    """Submit, then take the orchestrator pod's part."""
    prepare_state(with_databases=False)
    import kubernetes  # type: ignore[import-untyped]
    from zenml.stack import Stack

    Stack.requires_remote_server = property(lambda _: False)  # type: ignore[assignment,method-assign]
    from classifier.config_file import load_config
    from operations import engines, stacks
    from pipelines.training import training

    stack = stacks.select("kubernetes")
    engines.require_engine(stack)
    config = load_config(config_file)
    stack.run["settings"]["orchestrator"]["synchronous"] = False
    sections = {section: getattr(config, section) for section in type(config).model_fields}
    training.with_options(enable_cache=False, **stack.run)(**sections)

    from zenml.integrations.kubernetes import kube_utils
    from zenml.integrations.kubernetes.orchestrators import kubernetes_orchestrator_entrypoint

    job = next(
        found["body"]
        for found in map(json.loads, (Path(os.environ["KUBECONFIG"]).parent / "log.jsonl").read_text().splitlines())
        if found["what"] == "jobs"
    )
    kube_utils.load_kube_config = lambda **_: kubernetes.config.load_kube_config()
    socket.gethostname = lambda: orchestrator_pod
    sys.argv = ["entrypoint", *job["spec"]["template"]["spec"]["containers"][0]["args"]]
    kubernetes_orchestrator_entrypoint.main()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

"""Environment: every variable that the project reads, and the folders and ports that follow from them."""

from __future__ import annotations

import os
import re
from pathlib import Path

ZENML_PORT, MLFLOW_PORT = 8237, 5000
"""Default ports of the pages that `agile ui` opens on loopback."""
SERVED = ("http://", "https://")
"""Prefixes of a store's address that is a server already."""
VARIABLES = {
    "AGILE_HOME": "State folder: databases, artifacts, downloads, reports. Default `~/.local/share/agile-classifier`.",
    "AGILE_PROJECT": (
        "Folder of the project, with `pipelines`, `steps`, `configs`. Default: that of the working directory."
    ),
    "AGILE_MIRROR": "Folder that is looked in before the network, for data, base models and packages.",
    "AGILE_SQL_NAME": (
        "Address of the database that a source `sql://NAME` reads, NAME in capitals: `postgresql://USER:PASSWORD@HOST/DB`."
    ),
    "AGILE_USER": "Your user id, which a stack's file may name as `${AGILE_USER}`; set by the project.",
    "AGILE_SERVE_TOKEN": "Bearer token that `agile serve` wants, in place of `--token-file`.",
    "AGILE_LAUNCH_TOKEN": "Token that the launcher of `agile deploy` wants, in place of `--token-file`.",
    "AGILE_PUBLIC_KEY": "File of a public key: only versions that `agile sign` has signed for it are loaded.",
    "AGILE_WEBHOOK_URL": "Address that notices are posted to: https, or http to this machine.",
    "AGILE_WEBHOOK_SECRET": "Key that notices are signed with: `whsec_` and 24 to 64 bytes in base64.",
    "AGILE_SCHEDULE": "Name of the schedule that started this run; set by the project.",
    "AGILE_REGISTRY": "Registry of container images, for the stacks `kubernetes` and `kubeflow`.",
    "AGILE_IMAGE_TAG": "Tag of the images of those stacks. Default `0.1.0`.",
    "AGILE_ARTIFACTS": "Artifact store of those stacks, `s3://BUCKET/FOLDER`.",
    "AGILE_KUBE_CONTEXT": "Context of kubectl, for the stack `kubernetes`.",
    "AGILE_KUBE_NAMESPACE": "Namespace of the stack `kubernetes`. Default `agile-classifier`.",
    "AGILE_GPU": "Node label `nvidia.com/gpu.product` of the node that `fine_tune` wants. Default an A100 of 80 GB.",
    "AGILE_GPU_AUTOSCALED": "`1` where the cluster adds GPU nodes on demand, so that none need be there yet.",
    "KUBEFLOW_URL": "Address of Kubeflow's UI, for the stack `kubeflow`.",
    "HF_TOKEN": "Token of a gated model on the Hugging Face hub.",
    "LABEL_STUDIO_URL": "Address of a Label Studio server, `https://labels.example.org`.",
    "LABEL_STUDIO_API_KEY": "Token for Label Studio: a personal access token, or a legacy one.",
    "ZENML_STORE_URL": "ZenML's server or database, in place of the one in the state folder.",
    "ZENML_STORE_API_KEY": "Key for ZenML's server.",
    "ZENML_DEFAULT_USER_PASSWORD": "First password of ZenML's user `default`, over a database of a team.",
    "MLFLOW_TRACKING_URI": "MLflow's server or database, in place of the one in the state folder.",
    "AGILE_FEEDBACK_URL": (
        "Database of served predictions and verdicts, as `postgresql://USER:PASSWORD@HOST/NAME`, in place of the one"
        " in the state folder."
    ),
    "MLFLOW_TRACKING_USERNAME": "User of MLflow's server.",
    "MLFLOW_TRACKING_PASSWORD": "Password of MLflow's server.",
    "MLFLOW_AUTH_ADMIN_PASSWORD": "First password of MLflow's user `admin`, over a database of a team.",
}
"""Every variable of the environment that a person may set, and what it is; the manual's table is made of this one."""


FEEDBACK_URL = "AGILE_FEEDBACK_URL"
"""Variable that names the database of served predictions and verdicts."""
PUBLIC_KEY = "AGILE_PUBLIC_KEY"
"""Variable that names the public key by which versions must be signed."""
PROJECT = "AGILE_PROJECT"
"""Variable that names the project's folder."""
DATABASE = "AGILE_SQL_NAME"
"""Variable that holds the address of the database NAME."""
SCHEDULE = "AGILE_SCHEDULE"
"""Variable that names the schedule to its run, which then leaves it to the schedule to tell of a failure."""


LABEL_STUDIO, LABEL_STUDIO_TOKEN = "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"
"""Variables that name a Label Studio server and hold a token for it, by the names that its own tools read."""


def home() -> Path:
    """Path of the state folder, `AGILE_HOME`, without links: what is written into it names it so."""
    return Path(os.environ.get("AGILE_HOME") or "~/.local/share/agile-classifier").expanduser().resolve()


def cache() -> Path:
    """Folder of downloads, by digest."""
    return home() / "cache"


def mirror() -> Path | None:
    """Folder that is looked in before the network, `AGILE_MIRROR`; None if it is not set."""
    folder = os.environ.get("AGILE_MIRROR")
    return Path(folder).expanduser().absolute() if folder else None


def public_key() -> Path | None:
    """The public key by which versions must be signed, `AGILE_PUBLIC_KEY`; None if it is not set."""
    file = os.environ.get(PUBLIC_KEY)
    return Path(file).expanduser().absolute() if file else None


def project_folder() -> Path | None:
    """The project to work on, `AGILE_PROJECT`; None where the working directory decides."""
    folder = os.environ.get(PROJECT)
    return Path(folder).expanduser().absolute() if folder else None


def hub_token() -> str | None:
    """Access token of a gated hub model, `HF_TOKEN`; never from a config."""
    return os.environ.get("HF_TOKEN") or None


def database_variable(name: str) -> str:
    """The variable that holds the address of a database.

    >>> database_variable("labels-2026")
    'AGILE_SQL_LABELS_2026'
    """
    return DATABASE.replace("NAME", re.sub(r"[^A-Za-z0-9]", "_", name).upper())


def database_url(name: str) -> str | None:
    """Address of the database that `sql://NAME` names, with its password; never from a config."""
    return os.environ.get(database_variable(name)) or None


def label_studio_address() -> str | None:
    """Address of a Label Studio server, `LABEL_STUDIO_URL`, without a slash at its end; None if it is not set."""
    return (os.environ.get(LABEL_STUDIO) or "").strip().rstrip("/") or None


def label_studio_token() -> str | None:
    """Token for Label Studio, `LABEL_STUDIO_API_KEY`; never from a config."""
    return (os.environ.get(LABEL_STUDIO_TOKEN) or "").strip() or None


def n_processes_around() -> int:
    """Number of processes that a launcher such as torchrun has started together, `WORLD_SIZE`; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE") or 1)

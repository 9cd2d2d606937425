"""Versions to serve: the champion at hand, or one that a short run makes in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agile_classifier.config.files import load_config
from benchmarks.quality import CONFIGS


@dataclass(frozen=True)
class Version:
    """A registered version and the environment in which it is found."""

    name: str
    number: str
    environment: Mapping[str, str]


@contextmanager
def version_to_serve(config: Path | None) -> Iterator[Version]:
    """The champion at hand, or one from a short run in a folder that is removed afterwards."""
    before = dict(os.environ)
    from agile_classifier.ops.state.home import prepare_state

    prepare_state(least_free=0)
    from agile_classifier.ops.registry import versions as registry

    champions = registry.list_champions()
    if config is None and champions:
        name = sorted(champions)[0]
        yield Version(name, champions[name], dict(os.environ))
        return
    short = ["--limit", "1200", "--set", "fine_tune.epochs=1"] if config is None else []
    with trained_version(config or CONFIGS / "quickstart.yaml", *short, environment=before) as version:
        yield version


@contextmanager
def trained_version(config: Path, *options: str, environment: Mapping[str, str]) -> Iterator[Version]:
    """A version that `agile train` with options makes, in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="agile-bench-") as home:
        theirs = {"MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "ZENML_CONFIG_PATH", "ZENML_STORE_URL"}
        ours = {name: value for name, value in environment.items() if name not in theirs} | {"AGILE_HOME": home}
        subprocess.run([sys.executable, "-m", "agile_classifier", "train", str(config), *options], env=ours, check=True)
        ours |= {"MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow.db", "OMP_WAIT_POLICY": "PASSIVE"}
        yield Version(load_config(config).registry.model_name, "1", ours)

"""Settings of feedback: section `monitoring` of one config, or of the run that made each version."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from mlflow.exceptions import MlflowException

from agile_classifier.config.evaluation import MonitoringConfig

SettingsOf = Callable[[str, str], MonitoringConfig]
"""Section `monitoring` for a model's name and version."""


def settings_by(config: MonitoringConfig | None) -> SettingsOf:
    """Settings of any version: those of a config that was named, else of each version's own run.

    Where that run or the version is gone, the defaults, which keep nothing.
    """
    if config is not None:
        return lambda _name, _version: config
    return _of_version


@cache
def _of_version(model_name: str, version: str) -> MonitoringConfig:
    from agile_classifier.ops.scoring import monitoring  # imports torch, for those who ask alone

    try:
        return monitoring.settings_of(model_name, version, on_drift=None)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return MonitoringConfig()

"""An alerter for a ZenML stack: it adds a line to the file that its configuration names."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from zenml.alerter import BaseAlerter, BaseAlerterConfig, BaseAlerterFlavor


class ToyAlerterConfig(BaseAlerterConfig):
    file: str


class ToyAlerter(BaseAlerter):
    def post(self, message: str, params: Any = None) -> bool:
        path = Path(cast(ToyAlerterConfig, self.config).file)
        if not path.parent.is_dir():
            return False
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{message}\n")
        return True


class ToyAlerterFlavor(BaseAlerterFlavor):
    @property
    def name(self) -> str:
        return "toy"

    @property
    def config_class(self) -> type[ToyAlerterConfig]:
        return ToyAlerterConfig

    @property
    def implementation_class(self) -> type[ToyAlerter]:
        return ToyAlerter

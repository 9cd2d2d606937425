"""The toy scorer, which keeps a text `held` until the file TOY_GATE is there, and fails over a text `broken`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel

PAUSE = 0.01
"""Seconds between two looks."""


class HeldScorer(PythonModel):
    """`long` from ten characters on."""

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """As the real one answers."""
        texts = model_input["text"]
        while texts.eq("held").any() and not Path(os.environ["TOY_GATE"]).exists():
            time.sleep(PAUSE)
        if texts.eq("broken").any():
            raise RuntimeError("the toy is broken")
        long = (texts.str.len() / 20).clip(upper=1)
        label = long.ge(0.5).map({True: "long", False: "short"})
        return pd.DataFrame({"label": label, "probability_short": 1 - long, "probability_long": long})


mlflow.models.set_model(HeldScorer())

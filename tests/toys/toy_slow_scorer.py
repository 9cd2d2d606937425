"""The toy scorer, which takes a second over a text `slow` and fails over a text `broken`."""

from __future__ import annotations

import time
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel


class SlowScorer(PythonModel):
    """`long` from ten characters on."""

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """As the real one answers."""
        texts = model_input["text"]
        time.sleep(float(texts.eq("slow").sum()))
        if texts.eq("broken").any():
            raise RuntimeError("the toy is broken")
        long = (texts.str.len() / 20).clip(upper=1)
        label = long.ge(0.5).map({True: "long", False: "short"})
        return pd.DataFrame({"label": label, "probability_short": 1 - long, "probability_long": long})


mlflow.models.set_model(SlowScorer())

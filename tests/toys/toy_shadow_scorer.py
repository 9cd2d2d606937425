"""A toy candidate: another cut than the toy scorer's, and it fails over a text `bad for it`."""

from __future__ import annotations

from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel


class ShadowScorer(PythonModel):
    """`long` from fifteen characters on."""

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """As the real one answers."""
        texts = model_input["text"]
        if texts.eq("bad for it").any():
            raise RuntimeError("the toy candidate is broken")
        long = (texts.str.len() / 20).clip(upper=1)
        label = long.ge(0.75).map({True: "long", False: "short"})
        return pd.DataFrame({"label": label, "probability_short": 1 - long, "probability_long": long})


mlflow.models.set_model(ShadowScorer())

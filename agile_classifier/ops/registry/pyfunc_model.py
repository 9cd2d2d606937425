"""The registered model: MLflow's pyfunc, as models-from-code.

Every version carries this file and what it imports, under a name of its own
(`agile_classifier/ops/registry/scoring_code.py`); nothing else of the project is needed to score with one.
(`mlflow.transformers.log_model` reloads a PEFT model with wrong scores, silently: mlflow issue 23761.)
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from agile_classifier.data.text import complaint_about
from agile_classifier.label_sets import name_predictions
from agile_classifier.metrics.bands import DECISION
from agile_classifier.models.decision import Decision
from agile_classifier.models.digests import verify_parts
from agile_classifier.models.ensemble.bases import fetch_bases_of
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.sharing.mixture import Mixture, find_mixing_key
from agile_classifier.models.spec import PROBABILITY


class RegisteredClassifier(PythonModel):
    """Texts in; label and the probability of every class out, and with bands the decision."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load adapter and base model, their files verified; a base by reference is fetched by its pin."""
        folder = Path(context.artifacts["classifier"])
        verify_parts(folder.parents[1], map(Path, context.artifacts.values()))
        inside = context.artifacts.get("base_model")
        base = Path(inside) if inside else fetch_bases_of(folder)
        self.predictor = Predictor.load(folder, base=base, shares_base=True)
        self.decision = Decision.load(folder)

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """One row a text: `label`, `probability_NAME` of every class, and `decision` where the version has bands.

        Several labels are a JSON list of names.

        Raises
        ------
        MlflowException
            A text is missing, not text, or blank; an answer would be made up. MLflow's server says 400.
        """
        texts = model_input["text"].tolist()
        for row, text in enumerate(texts):
            if complaint := complaint_about(text):
                raise MlflowException.invalid_parameter_value(f"row {row}: {complaint}")
        return self.answer(self.predictor.score(texts))

    @property
    def several(self) -> bool:
        """Whether a text may carry several labels."""
        return self.predictor.spec.several

    @property
    def mixing_key(self) -> Hashable | None:
        """What versions of this code have in common that `mix` takes together; None for one that it does not take."""
        return find_mixing_key(self.predictor)

    def mix(self, versions: Sequence[RegisteredClassifier]) -> Mixture:
        """What scores texts of several versions of one mixing key in one pass; `answer` then makes answers of each."""
        return Mixture([version.predictor for version in versions])

    def answer(self, probabilities: np.ndarray) -> pd.DataFrame:
        """Answers from the predictor's probabilities, of shape (n, n_classes)."""
        names = self.predictor.spec.class_names
        decided = self.decision.apply(probabilities)
        columns = {f"{PROBABILITY}{name}": decided.y_score[:, number] for number, name in enumerate(names)}
        bands = {} if decided.bands is None else {DECISION: decided.bands}
        return pd.DataFrame({"label": name_predictions(names, decided.y_pred), **columns, **bands})


mlflow.models.set_model(RegisteredClassifier())

"""Scorer: a registered version in memory, a function of texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pandas as pd

from agile_classifier.errors import InputError
from agile_classifier.ops.registry.pyfunc_loading import load_pyfunc


class Scorer:
    """A version that answers by the code that it carries, whatever code this process runs.

    `Scorer("ethos", "3")(["a text"])`.

    Raises
    ------
    InputError
        The version's own code refuses, as where its base model cannot be had any more.
    """

    columns: tuple[str, ...]
    """Columns of an answer: `label`, and `probability_NAME` of every class."""

    def __init__(self, model_name: str, version: str) -> None:
        with _refusals_as_ours():
            loaded = load_pyfunc(model_name, version)
        self.columns = tuple(loaded.metadata.get_output_schema().input_names())
        self._model = loaded.unwrap_python_model()  # MLflow's check of a frame takes milliseconds

    def __call__(self, texts: Sequence[str]) -> pd.DataFrame:
        """One row a text, with `columns`."""
        with _refusals_as_ours():
            frame: pd.DataFrame = self._model.predict(None, pd.DataFrame({"text": list(texts)}))
        return frame


@contextmanager
def _refusals_as_ours() -> Iterator[None]:
    """Give an InputError of a version's code, a class of its own, the class that is caught here."""
    try:
        yield
    except Exception as error:
        if type(error).__name__ != InputError.__name__:
            raise
        raise InputError(str(error)) from error

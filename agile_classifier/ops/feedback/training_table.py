"""Training table: verdicts on predictions whose text was kept, as a table that a training reads: `feedback://MODEL`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from agile_classifier.errors import InputError, did_you_mean
from agile_classifier.ops.feedback.reading import JudgedPrediction, read_judged, read_texts
from agile_classifier.ops.feedback.signers import list_signers
from agile_classifier.ops.feedback.store import FeedbackStore, open_store

SCHEME = "feedback://"
COLUMNS = ("id", "text", "label", "n_people", "agreement", "time", "model_version")


def read_feedback(address: str, store: FeedbackStore | None = None) -> pd.DataFrame:
    """Texts with the class that people gave them, a row a prediction, in the order of their first verdict.

    Parameters
    ----------
    address : str
        `feedback://MODEL`, the name of a registered model.

    Returns
    -------
    DataFrame
        `id`, of the prediction; `text`; `label`, the class that most of the people said, of several the one said last;
        `n_people`; `agreement`, the share that said so; `time` of the prediction, in UTC; `model_version`.

    Raises
    ------
    InputError
        Nothing was predicted by such a model, or no verdict has a text that was kept.
    """
    name = address.removeprefix(SCHEME)
    store = store or open_store()
    signers = {found.signer.number: found for found in list_signers(store, name)}
    if not signers:
        names = sorted({found.model_name for found in list_signers(store)})
        raise InputError(
            f"{address}: no predictions of a model {name!r}; there are: {', '.join(names) or 'none'}"
            f"{did_you_mean(name, names)}"
        )
    judged = list(read_judged(store, signers))
    texts = dict(read_texts(store, signers))
    rows = []
    for each in judged:
        text, signing = texts.get((each.signer, each.number), each.text), signers[each.signer]
        if text is not None:
            label, agreement = _agree(each)
            number = f"{each.signer:x}-{each.number % 2**64:x}"
            rows.append((
                number, text, signing.classes.names[label], len(each.verdicts), agreement,
                datetime.fromtimestamp(each.made, UTC).isoformat(), signing.version,
            ))  # fmt: skip
    if not rows:
        raise InputError(
            f"{address}: {len(judged)} predictions have verdicts, and the text of none was kept; set"
            " monitoring.keep_texts, and verdicts from then on can be learnt from"
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def write_feedback(address: str, folder: Path) -> Path:
    """Write that table into a folder, as a Parquet file; returns its path. Raises as `read_feedback`."""
    path = folder / "feedback.parquet"
    read_feedback(address).to_parquet(path, index=False)
    return path


def count_verdicts(model_name: str, store: FeedbackStore | None = None) -> int:
    """Predictions of a model that have a verdict, whether their text was kept or not."""
    store = store or open_store()
    signers = {found.signer.number: found for found in list_signers(store, model_name)}
    return sum(1 for _ in read_judged(store, signers))


def _agree(prediction: JudgedPrediction) -> tuple[int, float]:
    """Class that most people gave, of several the one given last, and the share of them."""
    said = list(prediction.verdicts.values())
    label = max(reversed(said), key=said.count)
    return label, said.count(label) / len(said)

"""Verdicts: what people say that predictions should have been, checked and stored as a batch, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from agile_classifier.config.bounds import LONGEST_CELL, Cell, Title
from agile_classifier.data.text import complaint_about
from agile_classifier.errors import did_you_mean
from agile_classifier.ops.feedback.prediction_ids import Predicted, read_id, read_signer
from agile_classifier.ops.feedback.signers import SigningVersion, find_signer
from agile_classifier.ops.feedback.store import VERDICTS, FeedbackStore, now

LONGEST_PERSON = 200

KeepsTexts = Callable[[str, str], bool]
"""Whether texts of a model's version are kept, by its name and number."""


class Verdict(BaseModel):
    """What a person says of one prediction."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    prediction_id: Annotated[str, Field(min_length=1, max_length=LONGEST_CELL)]
    """Id of the prediction, as its answer or scored row gave it."""
    verdict: Annotated[Cell, Field(min_length=1)]
    """Class that the text is of: a name of the version's classes, or a code that its config gives a name to."""
    person: Annotated[Title, Field(max_length=LONGEST_PERSON)] = ""
    """Who says so; of one person on one prediction, the last verdict counts."""
    sampling_probability: Annotated[float, Field(gt=0, le=1)] | None = None
    """Chance with which the prediction was shown to a person, in place of that in its id."""
    text: str | None = None
    """The text, which is kept only if the config says so."""


class UnknownPrediction(Exception):
    """An id that nobody here has signed; the line names its row."""


class BadVerdict(Exception):
    """A verdict that cannot be stored; the line names its row."""


@dataclass(frozen=True)
class Stored:
    """A batch of verdicts that is stored."""

    n_stored: int
    n_unweighted: int
    """Verdicts on predictions of which nobody knows with what chance they were shown."""


@dataclass(frozen=True)
class _Known:
    signing: SigningVersion
    predicted: Predicted
    verdict: int


class VerdictTaker:
    """Takes batches of verdicts into the store.

    Parameters
    ----------
    keeps_texts : callable
        Asked only of a version for which a verdict has a text.
    """

    def __init__(self, store: FeedbackStore, *, keeps_texts: KeepsTexts) -> None:
        self._store, self._keeps_texts = store, keeps_texts
        self._signers: dict[int, SigningVersion] = {}

    def take(self, verdicts: Sequence[Verdict], *, places: Sequence[str]) -> Stored:
        """Store verdicts, all or none.

        Parameters
        ----------
        places : sequence of str
            Where each verdict stands, for a person: `row 2 (line 3)`.

        Raises
        ------
        UnknownPrediction
            An id is none, or was not signed by a version that this store knows.
        BadVerdict
            The version has no such class, or the text is none.
        """
        found = [self._check(verdict, place) for verdict, place in zip(verdicts, places, strict=True)]
        received = now()
        rows = [self._row(verdict, known, received) for verdict, known in zip(verdicts, found, strict=True)]
        self._store.add(VERDICTS, rows)
        return Stored(len(rows), sum(row["sampling"] is None for row in rows))

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _check(self, verdict: Verdict, place: str) -> _Known:
        signing = self._find(read_signer(verdict.prediction_id))
        predicted = read_id(verdict.prediction_id, signing.signer) if signing else None
        if signing is None or predicted is None:
            raise UnknownPrediction(f"{place}: unknown prediction_id {verdict.prediction_id[:80]!r}")
        number = signing.classes.find(verdict.verdict.strip())
        if number is None:
            names = signing.classes.names
            raise BadVerdict(
                f"{place}: verdict {verdict.verdict[:80]!r} is no class of {signing.model_name} version"
                f" {signing.version}; its classes are {', '.join(names)}{did_you_mean(verdict.verdict, names)}"
            )
        if verdict.text is not None and (complaint := complaint_about(verdict.text)):
            raise BadVerdict(f"{place}: {complaint}")
        return _Known(signing, predicted, number)

    def _find(self, signer: int | None) -> SigningVersion | None:
        if signer is None:
            return None
        if signer not in self._signers and (found := find_signer(self._store, signer)) is not None:
            self._signers[signer] = found
        return self._signers.get(signer)

    def _row(self, verdict: Verdict, known: _Known, received: int) -> dict[str, Any]:
        signing, predicted = known.signing, known.predicted
        keeps = verdict.text is not None and self._keeps_texts(signing.model_name, signing.version)
        given = verdict.sampling_probability
        return {
            "signer": signing.signer.number, "number": predicted.number, "made": predicted.made,
            "predicted": predicted.predicted, "probability": predicted.probability,
            "sampling": predicted.sampling if given is None else given, "verdict": known.verdict,
            "person": verdict.person, "received": received,
            "text": verdict.text.encode() if keeps and verdict.text is not None else None,
        }  # fmt: skip

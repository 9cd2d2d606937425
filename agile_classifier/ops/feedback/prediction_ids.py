"""Prediction ids: what a prediction was, in 60 characters that only its signer could have written.

Nothing is looked up to write one: it holds who signed it, a random number, when the prediction was made, the predicted
class and its probability, and with what chance it was marked for a person. A message authentication code ends it, so
that none can be guessed, changed or made up.
"""

from __future__ import annotations

import hmac
import math
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

FORM = 1
"""First byte of an id, which says how the rest is laid out."""
N_CHARACTERS = 60
_BODY = struct.Struct(">B7s8sIHff")
"""Form, signer, number, seconds since 1970, predicted class, its probability, chance of being marked or NaN."""
_N_CODE = 45 - _BODY.size
LARGEST_SIGNER = 2**55


@dataclass(frozen=True)
class Signer:
    """Who writes ids: one for each version that answers."""

    number: int
    """Number that its ids name it by, in [0, 2^55)."""
    secret: bytes
    """Key of its authentication codes, 32 bytes."""


@dataclass(frozen=True)
class Predicted:
    """What an id tells of its prediction."""

    number: int
    """Number of the prediction, in [-2^63, 2^63), which no other of its signer has."""
    made: int
    """When it was made, in seconds since 1970."""
    predicted: int
    """Number of the predicted class."""
    probability: float
    """Probability of that class."""
    sampling: float | None
    """Chance with which it was marked for a person; None where it was not marked."""


def draw_number() -> int:
    """Number of a prediction, by chance."""
    return int.from_bytes(secrets.token_bytes(8), signed=True)


def derive_number(signer: Signer, name: str) -> int:
    """Number of a prediction by its name, such as a run and a row: the same name has the same number."""
    return int.from_bytes(hmac.digest(signer.secret, f"number {name}".encode(), "sha256")[:8], signed=True)


def is_drawn(signer: Signer, number: int, share: float) -> bool:
    """Whether a prediction is one of a share of all, by chance; asked again, the same."""
    drawn = hmac.digest(signer.secret, f"draw {number}".encode(), "sha256")[:7]
    return int.from_bytes(drawn) < share * 2**56


def write_id(signer: Signer, prediction: Predicted) -> str:
    """Id of a prediction: 60 letters, digits, hyphens and underscores, the first of them a letter."""
    sampling = math.nan if prediction.sampling is None else prediction.sampling
    body = _BODY.pack(
        FORM, signer.number.to_bytes(7), prediction.number.to_bytes(8, signed=True), prediction.made,
        prediction.predicted, prediction.probability, sampling,
    )  # fmt: skip
    return urlsafe_b64encode(body + _code(signer, body)).decode()


def read_signer(prediction_id: str) -> int | None:
    """Number of the signer that an id names; None where it is no id."""
    content = _decode(prediction_id)
    return None if content is None else int.from_bytes(content[1:8])


def read_id(prediction_id: str, signer: Signer) -> Predicted | None:
    """Read what an id tells; None where this signer did not write it."""
    content = _decode(prediction_id)
    if content is None or int.from_bytes(content[1:8]) != signer.number:
        return None
    body, code = content[: _BODY.size], content[_BODY.size :]
    if not hmac.compare_digest(code, _code(signer, body)):
        return None
    _, _, number, made, predicted, probability, sampling = _BODY.unpack(body)
    told = None if math.isnan(sampling) else float(sampling)
    return Predicted(int.from_bytes(number, signed=True), made, predicted, float(probability), told)


def _decode(prediction_id: str) -> bytes | None:
    if len(prediction_id) != N_CHARACTERS or not prediction_id.replace("-", "a").replace("_", "a").isalnum():
        return None
    if not prediction_id.isascii():
        return None
    content = urlsafe_b64decode(prediction_id)
    return content if content[0] == FORM else None


def _code(signer: Signer, body: bytes) -> bytes:
    return hmac.digest(signer.secret, body, "sha256")[:_N_CODE]

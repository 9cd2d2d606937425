"""Explanations of served answers: `params: {"explain": true}` has every word of a text weighed by leaving it out.

Each word is one more text to score, so their number is bounded, and they wait in the same queue as the texts of
everybody else, a batch at a time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import numpy as np

from agile_classifier.models.explanations.leave_one_out import Explanation, ask_for_explanations
from agile_classifier.models.spec import PROBABILITY
from agile_classifier.ops.scoring.answer_columns import EXPLANATION, MODEL_VERSION
from agile_classifier.ops.scoring.explanations.explaining import as_facts, choose_class, class_columns
from agile_classifier.ops.serving.batches import Answer
from agile_classifier.ops.serving.refusals import Refusal, busy

PARAMETER = "explain"
MOST_TEXTS = 8
"""Most texts of a request that asks for explanations."""
MOST_WORDS = 64
"""Words of a text that are left out in turn; of a longer text the answer says that it is truncated."""

Ask = Callable[[list[str]], Awaitable[Answer]]


class Variant(str):
    """A text without some word: its answer is no prediction, so it is given no id and logged nowhere."""


def wants_explanation(params: Mapping[str, Any] | None) -> bool:
    """Whether the parameters of a request ask for explanations.

    Raises
    ------
    Refusal
        400: `explain` is no boolean.
    """
    found = (params or {}).get(PARAMETER, False)
    if not isinstance(found, bool):
        raise Refusal(HTTPStatus.BAD_REQUEST, f"params: {PARAMETER}: true or false is needed; found {found!r:.40}")
    return found


def require_few(texts: Sequence[str]) -> None:
    """Raise Refusal, 413, where a request asks for explanations of too many texts."""
    if len(texts) > MOST_TEXTS:
        line = f"{len(texts)} rows to explain in one request; at most {MOST_TEXTS} are allowed: send several"
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, line)


async def add_explanations(texts: Sequence[str], rows: Answer, ask: Ask, *, batch_rows: int) -> Answer:
    """Answers with an `explanation` each.

    Parameters
    ----------
    ask : callable
        Queues texts, and gives their answers.
    batch_rows : int
        Texts that are queued at a time.

    Raises
    ------
    Refusal
        503: another version took over meanwhile.
    """
    columns, version = class_columns(list(rows[0])), rows[0][MODEL_VERSION]
    asking = ask_for_explanations(
        texts,
        class_names=[column.removeprefix(PROBABILITY) for column in columns],
        explained=[choose_class(row, columns) for row in rows],
        most_words=MOST_WORDS,
    )
    asked = next(asking)
    try:
        while True:
            answers = list[dict[str, Any]]()
            for start in range(0, len(asked), batch_rows):
                answers += await ask([Variant(text) for text in asked[start : start + batch_rows]])
            if any(answer[MODEL_VERSION] != version for answer in answers):
                raise busy("another version took over")
            asked = asking.send(np.array([[answer[column] for column in columns] for answer in answers]))
    except StopIteration as done:
        found: list[Explanation] = done.value
    return [{**row, EXPLANATION: as_facts(each)} for row, each in zip(rows, found, strict=True)]

"""A scorer that is computed by hand, and a program that scores a file with it: the subject of kills and of memory.

python -m tests.toys.toy_stream SOURCE OUTPUT [SECONDS_A_WINDOW WINDOW_ROWS]

prints, at its end, the most memory that it ever held, in bytes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.data.row_parts import Layout, opened
from agile_classifier.data.rows import open_rows
from agile_classifier.ops.scoring.answer_columns import place_answers
from agile_classifier.ops.scoring.stream import (
    WINDOW_ROWS,
    Answering,
    Progress,
    input_schema,
    output_schema,
    score_rows,
)

ANSWERS = ("label", "probability_short", "probability_long")


def score(texts: Sequence[str]) -> pd.DataFrame:
    """`long` from ten characters on."""
    long = [min(1.0, len(text) / 20) for text in texts]
    labels = ["long" if value >= 0.5 else "short" for value in long]
    return pd.DataFrame({"label": labels, "probability_short": [1 - value for value in long], "probability_long": long})


def score_file(
    source: Path,
    output: Path,
    dialect: Dialect = Dialect(),
    *,
    seconds: float = 0.0,
    window_rows: int = WINDOW_ROWS,
    layout: Layout | None = None,
) -> int:
    """Returns the number of pieces that lay there before."""

    def slow(progress: Progress) -> None:
        print(progress.n_rows, flush=True)
        time.sleep(seconds)

    rows = open_rows(source, dialect)
    found = input_schema(rows, output)
    names = place_answers(found.names, ANSWERS, prefix=None)
    schema = output_schema(found, names)
    with opened(output, schema, identity={"window": window_rows}, say=print, layout=layout) as parts:
        found = len(parts.pieces)
        score_rows(
            rows, parts, Answering("text", score, names, "1", "run-1"), on_progress=slow, window_rows=window_rows
        )
        parts.finish()
    return found


if __name__ == "__main__":
    given, places = sys.argv[1:], (Path(sys.argv[1]), Path(sys.argv[2]))
    if len(given) == 2:
        score_file(*places)
    else:
        score_file(*places, seconds=float(given[2]), window_rows=int(given[3]))
    (held,) = (
        line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    print(1024 * int(held))  # getrusage would count what the parent held when it forked

"""What it takes to find near copies and to keep them together: time and memory.

    python -m benchmarks.front_door.duplicates [--rows N] [--json FILE]

Three files of short texts, each in a process of its own: `survey`, half of whose rows are one answer; `chat`, where
some texts are said again and again and others are changed by a word; `form`, texts from one template, two thirds alike,
which share keys and are no copies. Exit status 1 if the survey takes more than a minute or a gigabyte.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agile_classifier.config.data import LabelsConfig
from agile_classifier.config.data_quality import DataQualityConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.duplicates.copies import find_copies
from agile_classifier.data.label_and_split import label_and_split
from agile_classifier.data.tables import kept_column

SURVEY_ROWS = 20_000
MANY_ROWS = 1_000_000
MOST_SECONDS, MOST_MEGABYTES = 60.0, 1000.0
"""What the survey may take."""


def main(arguments: list[str] | None = None) -> int:
    """Print a line a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=MANY_ROWS, help="rows of `chat` and `form`")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=sorted(FILES), help="measure one file in this process")
    given = parser.parse_args(arguments)
    if given.only:
        print(json.dumps(measure(given.only, given.rows)))
        return 0
    rows = [_in_a_process(name, SURVEY_ROWS if name == "survey" else given.rows) for name in FILES]
    print(pd.DataFrame(rows).to_string(index=False))
    if given.json:
        given.json.write_text(json.dumps(rows) + "\n", encoding="utf-8")
    survey = rows[0]
    return int(survey["find_seconds"] > MOST_SECONDS or survey["megabytes"] > MOST_MEGABYTES)


def measure(name: str, n_rows: int) -> dict[str, Any]:
    """Seconds to find the copies of a file, and to label and split it with `together`; megabytes beside its texts."""
    texts = FILES[name](n_rows)
    before, began = _peak(), time.monotonic()
    copies = find_copies(texts, similarity=DataQualityConfig().similarity)
    found, peak = time.monotonic(), _peak()
    sizes = np.bincount(copies.group)
    measured = {
        "file": name,
        "rows": len(texts),
        "different": int(copies.text.max()) + 1,
        "groups": int((sizes > 1).sum()),
        "largest": int(sizes.max()),
        "find_seconds": round(found - began, 1),
        "megabytes": round(peak - before),
    }
    return {
        **measured,
        "split_seconds": round(_split_seconds(texts), 1),
        "megabytes_with_split": round(_peak() - before),
    }


def _split_seconds(texts: list[str]) -> float:
    kinds = np.random.default_rng(3).choice(["a", "b"], len(texts))
    examples = pd.DataFrame({"id": range(len(texts)), "text": texts, kept_column("kind"): kinds})
    labels = LabelsConfig(rule="given", columns=("kind",))
    began = time.monotonic()
    label_and_split(examples, labels, SplitConfig(), DataQualityConfig(duplicates="together"))
    return time.monotonic() - began


def _in_a_process(name: str, n_rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.front_door.duplicates", "--only", name, "--rows", str(n_rows)]
    said: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return said


def _peak() -> float:
    """Largest memory of the process so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _survey(n_rows: int) -> list[str]:
    own = _sentences(n_rows // 2)
    return [text for sentence in own for text in (sentence, "No comment.")]


def _chat(n_rows: int) -> list[str]:
    drawn, texts = np.random.default_rng(1), _sentences(n_rows // 2)
    again = drawn.integers(0, max(1, n_rows // 1000), n_rows // 4)  # of the first texts
    changed = drawn.integers(0, len(texts), n_rows - len(texts) - len(again))
    return [*texts, *(texts[row] for row in again), *(f"{texts[row]} {row % 10}" for row in changed)]


def _form(n_rows: int) -> list[str]:
    drawn = np.random.default_rng(2)
    return [f"the parcel that I had ordered came {drawn.bytes(8).hex()}" for _ in range(n_rows)]


def _sentences(n: int) -> list[str]:
    """Short texts of made-up words that are no copies of each other, some 60 characters long."""
    drawn = np.random.default_rng(0)
    words = [drawn.bytes(5).hex()[: drawn.integers(2, 10)] for _ in range(20_000)]
    return [
        " ".join([words[place] for place in drawn.integers(0, len(words), drawn.integers(5, 15))]) for _ in range(n)
    ]


FILES: Mapping[str, Callable[[int], list[str]]] = {"survey": _survey, "chat": _chat, "form": _form}


if __name__ == "__main__":
    raise SystemExit(main())

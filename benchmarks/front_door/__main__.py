"""Every file of a stranger by the command line alone, as a table of right and wrong.

python -m benchmarks.front_door [--guesses-only] [--only WORD]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.front_door.guesses import examine, read_guesses, run_command
from benchmarks.front_door.runs import WAYS, Wrong


def main(arguments: list[str] | None = None) -> int:
    """Print a line a file; exit code 1 where one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guesses-only", action="store_true", help="only `agile init`, no training")
    parser.add_argument("--only", default="", metavar="WORD", help="only what has the word in its name")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="agile-door-") as folder:
        os.environ["AGILE_HOME"] = str(Path(folder) / "home")
        results = []
        for name, wrong, seconds in _try_all(Path(folder), guesses_only=asked.guesses_only, word=asked.only):
            print(f"{'wrong' if wrong else 'right'}  {seconds:5.0f} s  {name}  {wrong}".rstrip(), flush=True)
            results.append(wrong)
    print(f"{results.count('')} of {len(results)} right")
    return int(any(results))


def _try_all(folder: Path, *, guesses_only: bool, word: str) -> Iterator[tuple[str, str, float]]:
    """Name, what is wrong, and seconds of each."""
    for guess in read_guesses():
        if word in guess.file:
            begun, place = time.monotonic(), Path(tempfile.mkdtemp(dir=folder))
            yield f"init {guess.file}", examine(guess, place, run_command), time.monotonic() - begun
    for name, way in () if guesses_only else WAYS.items():
        if word in name:
            begun, place = time.monotonic(), Path(tempfile.mkdtemp(dir=folder))
            try:
                way(place)
                wrong = ""
            except Wrong as error:
                wrong = str(error)
            yield f"train {name}", wrong, time.monotonic() - begun


if __name__ == "__main__":
    raise SystemExit(main())

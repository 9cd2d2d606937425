"""Public data sets as their authors publish them: does `agile init` alone find every role, and does the config train?

    python -m benchmarks.front_door.public [--train] [--limit 2000] [--only WORD]

A set is right where the config has the roles below, asked where `agile init` ends with its question (exit 2), and wrong
otherwise. With --train the config is run with nothing changed, on the first rows, and its ROC AUC stands beside that of
TF-IDF with logistic regression on the same test rows.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agile_classifier.config.files import load_config
from agile_classifier.data.fetch.sources import fetch_file
from agile_classifier.environment import home
from benchmarks.front_door.guesses import last_line, run_command

_GITHUB = "https://raw.githubusercontent.com"
_ETHOS = f"{_GITHUB}/intelligence-csd-auth-gr/Ethos-Hate-Speech-Dataset/master/ethos/ethos_data"
_VADER = "package://vaderSentiment==0.5/additional_resources/hutto_ICWSM_2014.tar.gz!/hutto_ICWSM_2014"
_VADER_SHA256 = "5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a"
_VALENCE = {"text": "column_3", "score": "column_2"}


@dataclass(frozen=True)
class PublicSet:
    """A published file and the roles of its columns."""

    name: str
    source: str
    sha256: str
    roles: dict[str, str] = field(default_factory=dict)
    """`text`, `score`, `label`, `group` → column; empty where only a question is right."""


SETS = (
    PublicSet(
        "ETHOS", f"{_ETHOS}/Ethos_Dataset_Binary.csv",
        "0cd0050c2592afcb5eca5876df485ca15cda9d7d16fe32c269857260fd10d96c", {"text": "comment", "score": "isHate"},
    ),
    PublicSet(
        "ETHOS, eight labels", f"{_ETHOS}/Ethos_Dataset_Multi_Label.csv",
        "488c72a1582abdaf489a6e9eceeebba505447a00a25bd02e72fd6a56f9a3d83d",
    ),
    PublicSet(
        "EDOS", f"{_GITHUB}/rewire-online/edos/main/data/edos_labelled_aggregated.csv",
        "607bdbb766e1803a28f0eb8fc21c14b6b9dfa20039f726ba6767438584b47f9b",
        {"text": "text", "label": "label_sexist"},
    ),
    PublicSet(
        "HateCheck", f"{_GITHUB}/paul-rottger/hatecheck-data/main/test_suite_cases.csv",
        "ecf0dc1e93fccc90b6f880e632b19e635c0f0a68b3157915a9e20b6938f121cf",
        {"text": "test_case", "label": "label_gold"},
    ),
    PublicSet(
        "HateCheck, ten raters", f"{_GITHUB}/paul-rottger/hatecheck-data/main/test_suite_annotations.csv",
        "93aa6f760f2d311cfbce26881f0e5eea3ad8b4e095e1916f9f14a6c749f15231",
        {"text": "test_case", "label": "label_gold"},
    ),
    PublicSet(
        "UNFAIR-ToS", "unfair_tos_claudette.csv",
        "e33f4c40a658f37c40fe37110ad53d1f6ac6adda3bf04e7291cfb1ef55bb2ff7",
        {"text": "text", "label": "unfair", "group": "document"},
    ),
    *(
        PublicSet(f"VADER, {what}", f"{_VADER}/{name}_GroundTruth.txt", _VADER_SHA256, _VALENCE)
        for what, name in {
            "tweets": "tweets", "reviews": "amazonReviewSnippets", "films": "movieReviewSnippets",
            "editorials": "nytEditorialSnippets",
        }.items()
    ),
    PublicSet("VADER, raters of tweets", f"{_VADER}/tweets_anonDataRatings.txt", _VADER_SHA256),
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Print a row a data set; exit code 1 where one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", action="store_true", help="run each config too")
    parser.add_argument("--limit", type=int, default=2000, metavar="ROWS", help="rows that are trained and tested on")
    parser.add_argument("--only", default="", metavar="WORD", help="only sets with the word in their name")
    asked = parser.parse_args(arguments)
    is_right = True
    with tempfile.TemporaryDirectory(prefix="agile-public-") as folder:
        for number, public in enumerate(each for each in SETS if asked.only in each.name):
            place = Path(folder) / str(number)
            place.mkdir()
            verdict, said = guess(public, place)
            trained = train(place, asked.limit) if asked.train and verdict == "right" else ""
            print("  ".join(filter(None, (f"{verdict:5}", f"{public.name:24}", said, trained))), flush=True)
            is_right = is_right and verdict != "wrong" and "exit" not in trained
    return int(not is_right)


def guess(public: PublicSet, folder: Path) -> tuple[str, str]:
    """`right`, `asked` or `wrong`, and the roles or the question."""
    mirror = os.environ.get("AGILE_MIRROR")
    fetched = fetch_file(
        public.source, sha256=public.sha256, cache=home() / "downloads", mirror=Path(mirror) if mirror else None
    )
    shutil.copyfile(fetched, folder / fetched.name)
    ended = run_command(["init", fetched.name, "--output", "guessed.yaml"], folder=folder)
    if ended.exit_code:
        return ("asked" if ended.exit_code == 2 else "wrong"), last_line(ended.printed)
    config = load_config(folder / "guessed.yaml")
    roles = {role: column for role, column in config.data.columns if isinstance(column, str)}
    roles |= {"label": ", ".join(config.labels.columns)} if config.labels.columns else {}
    told = {role: column for role, column in roles.items() if role != "id"}  # any column of keys will do
    return ("right" if told == public.roles else "wrong"), ", ".join(f"{role} {name}" for role, name in roles.items())


def train(folder: Path, limit: int) -> str:
    """ROC AUC of the tuned model and of TF-IDF, as `agile train` prints them."""
    ended = run_command(["train", "guessed.yaml", "--limit", str(limit)], folder=folder)
    if ended.exit_code:
        return f"exit {ended.exit_code}: {last_line(ended.printed)}"
    titles, figures = _cells(ended.printed, "metric"), _cells(ended.printed, "roc_auc")
    by_title = dict(zip(titles, figures, strict=True))
    return f"ROC AUC {by_title['best checkpoint']}, TF-IDF + LR {by_title['TF-IDF + LR']}"


def _cells(printed: str, first: str) -> Sequence[str]:
    """Cells of the row of the printed table that begins with a word."""
    row = next(line for line in printed.splitlines() if re.match(rf"[│┃] {first} ", line))
    return [cell.strip() for cell in re.split("[│┃]", row)[1:-1]]


if __name__ == "__main__":
    raise SystemExit(main())

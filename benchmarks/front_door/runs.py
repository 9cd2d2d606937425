"""Whole ways through the door: `agile init`, `train`, `score`, `queue`, `schedule` on a stranger's files.

Each function has a folder of its own, holds what came out against what is right, and returns what is wrong.
"""

from __future__ import annotations

import csv
import itertools
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from benchmarks.front_door.guesses import COMMAND, FILES, Ended, last_line, run_command

OWN = ("--model", "own", "--version", "candidate")
"""The version just trained on some 64 rows: too few test rows for a champion."""
SHORT = ("--set", "fine_tune.epochs=2", "--set", "evaluation.n_resamples=100")
LARGEST_ADDRESSES = 9_000_000 * 1024
"""Bytes of addresses that a training on 20,000 rows may take."""
LEAST_AUC = 0.7
"""Least ROC AUC of a training on some 64 rows, told apart by a word each: one that learns the opposite has 0.1."""


class Wrong(Exception):
    """A result is not what is right."""


def column_called_target(folder: Path) -> None:
    """A class column called `target`, in CSV and in JSON lines, and a slice by a column called `weight`."""
    source = _copy(folder, "column-called-target/t.csv")
    _agile(folder, "init", source.name)
    _agile(folder, "train", "t.yaml", *SHORT)
    lines = _copy(folder, "column-called-target/t.jsonl")
    _agile(folder, "init", lines.name, "--output", "lines.yaml")
    _train_well(folder, "lines.yaml", "--set", 'labels.names=["1","0"]')
    rows = list(csv.DictReader(source.open(encoding="utf-8")))
    _write(folder / "weighted.csv", [{**row, "weight": str(place % 2)} for place, row in enumerate(rows)])
    _agile(folder, "init", "weighted.csv", "--label", "target")
    _train_well(folder, "weighted.yaml", "--set", "evaluation.slices=[weight]")


def names_of_codes(folder: Path) -> None:
    """Codes 0 to 3 with names."""
    _copy(folder, "names-of-codes/news.csv")
    _agile(folder, "init", "news.csv")
    names = 'labels.names={"0": World, "1": Sports, "2": Business, "3": Tech}'
    ended = _agile(folder, "train", "news.yaml", *SHORT, "--set", names)
    _require("news" in ended.printed, "the run says nothing of its model")
    _agile(folder, "score", "--input", "news.csv", "--output", "o.csv", "--model", "news", "--version", "candidate")
    columns = _require_rows(folder / "o.csv", 64)[0]
    _require("probability_Sports" in columns, f"names are not those given: {list(columns)}")


def tsv_with_quotes(folder: Path) -> None:
    """Five rows with quotes that enclose nothing are five rows for `score` too."""
    texts = _texts()
    lines = [
        "text\tcat",
        *(f'"{text}\t{label}' if place % 9 == 0 else f"{text}\t{label}" for place, (text, label) in enumerate(texts)),
    ]
    (folder / "own.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _agile(folder, "init", "own.tsv")
    _agile(folder, "train", "own.yaml", *SHORT)
    _copy(folder, "tsv-quotes-score/q.tsv")
    _agile(folder, "score", "--input", "q.tsv", "--output", "o.tsv", *OWN)
    _require_rows(folder / "o.tsv", 5)


def other_encodings(folder: Path) -> None:
    """A version that learnt from Windows-1252 with semicolons reads such files unasked; UTF-16 by option."""
    texts = [f"{text} schön" for text, _ in _texts()]
    lines = ["text;label", *(f"{text};{label}" for text, (_, label) in zip(texts, _texts(), strict=True))]
    (folder / "own.csv").write_bytes("\r\n".join(lines).encode("cp1252") + b"\r\n")
    _agile(folder, "init", "own.csv", "--encoding", "cp1252")
    _agile(folder, "train", "own.yaml", *SHORT)
    _copy(folder, "score-other-encoding/neu.csv")
    _agile(folder, "score", "--input", "neu.csv", "--output", "o.csv", *OWN)
    _require_rows(folder / "o.csv", 3, delimiter=";", encoding=None)
    _copy(folder, "score-other-encoding/unicode.txt")
    utf16 = ("--encoding", "utf-16", "--delimiter", "\t")
    _agile(folder, "score", "--input", "unicode.txt", "--output", "u.csv", *OWN, *utf16)
    _agile(folder, "queue", "--pool", "neu.csv", "--output", "q.csv", "--count", "2", *OWN)


def columns_of_the_version(folder: Path) -> None:
    """A version that learnt from `comment` scores `comment`; gold labels stay; a mark of byte order stays."""
    _write(
        folder / "own.csv",
        [{"id": str(place), "comment": text, "label": label} for place, (text, label) in enumerate(_texts())],
    )
    _agile(folder, "init", "own.csv")
    _agile(folder, "train", "own.yaml", *SHORT)
    _copy(folder, "default-column/verdict.csv")
    _agile(folder, "score", "--input", "verdict.csv", "--output", "v.csv", *OWN)
    _require_rows(folder / "v.csv", 2)
    _copy(folder, "gold-column/gold.csv")
    _agile(folder, "score", "--input", "gold.csv", "--output", "g.csv", "--column", "text", *OWN)
    first = _require_rows(folder / "g.csv", 2)[0]
    _require({"label", "predicted_label"} <= set(first), f"columns are {list(first)}")
    _require(first["label"] == "fine", f"the gold label became {first['label']!r}")
    _agile(folder, "score", "--input", "g.csv", "--output", "again.csv", "--column", "text", *OWN)
    _copy(folder, "bom/bom.csv")
    _agile(folder, "score", "--input", "bom.csv", "--output", "b.csv", "--column", "text", *OWN)
    _require((folder / "b.csv").read_bytes().startswith(b"\xef\xbb\xbf"), "the output has lost the mark of byte order")


def joined_files(folder: Path) -> None:
    """Two files train as one: no class None, text NA or id 001 is lost."""
    for name in ("labelled.csv", "to_label.csv"):
        _copy(folder, f"readme-joins-files/{name}")
    _agile(folder, "init", "labelled.csv", "to_label.csv")
    config = yaml.safe_load((folder / "labelled.yaml").read_text(encoding="utf-8"))["parameters"]
    names = [Path(source).name for source in config["data"]["source"]]
    _require(names == ["labelled.csv", "to_label.csv"], f"data.source is {config['data']['source']}")
    said = (folder / "labelled.yaml").read_text(encoding="utf-8")
    _require("6 rows" in said, "six rows are not counted")
    _require("None" in said and "Hate" in said, "the classes are not None and Hate")


def many_equal_texts(folder: Path) -> None:
    """10,000 equal texts among 20,000: trained, or refused by a gate; never a crash, in 9 GB of addresses."""
    rows = [{"text": f"the parcel number {place} came {late}", "label": late} for place, late in _late_or_early(10_000)]
    equal = {"text": "No comment from me.", "label": "late"}
    _write(folder / "survey.csv", [row for pair in zip(rows, itertools.repeat(equal)) for row in pair])
    _agile(folder, "init", "survey.csv")
    train = ["train", "survey.yaml", "--set", "fine_tune.epochs=1", *SHORT[2:]]
    within = ["prlimit", f"--as={LARGEST_ADDRESSES}", *COMMAND, *train]
    ended = subprocess.run(within, cwd=folder, capture_output=True, text=True, check=False)
    _require(ended.returncode in (0, 3), f"exit {ended.returncode}: {last_line(ended.stderr)}")


def words_of_any(folder: Path) -> None:
    """`none` is never a kind that is present: read as absent, which leaves two classes to learn, or refused by name."""
    _copy(folder, "any-counts-none-as-present/kinds.csv")
    _copy(folder, "any-counts-none-as-present/kinds.yaml")
    ended = run_command(["train", "kinds.yaml", *SHORT], folder=folder)
    refused = ended.exit_code == 2 and "none" in ended.printed and "insult" in ended.printed
    _require(ended.exit_code == 0 or refused, f"exit {ended.exit_code}: {last_line(ended.printed)}")


def longest_context(folder: Path) -> None:
    """A RoBERTa of 514 positions reads 512 tokens, and says so before it trains."""
    import transformers

    settings = transformers.RobertaConfig(
        vocab_size=300, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=514,
    )  # fmt: skip
    transformers.RobertaModel(settings).save_pretrained(folder / "roberta")
    _byte_tokenizer(folder / "roberta")
    _copy(folder, "roberta-514/long.csv")
    _agile(folder, "init", "long.csv")
    model = [
        "--set",
        "model.source=roberta",
        "--set",
        "model.sha256=null",
        "--set",
        'fine_tune.target_modules=["query","value"]',
    ]
    for asked in (513, 514, 600):
        ended = run_command(["train", "long.yaml", *SHORT, *model, "--set", f"model.max_length={asked}"], folder=folder)
        _require(
            ended.exit_code == 2 and "512" in ended.printed,
            f"{asked}: exit {ended.exit_code}: {last_line(ended.printed)}",
        )


def scheduled_file(folder: Path) -> None:
    """A source beside its config is found from any folder, as a schedule runs it; nothing is put into a crontab."""
    for name in ("comments.csv", "comments.yaml"):
        _copy(folder, f"schedule-relative-source/{name}")
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    _agile(elsewhere, "train", str(folder / "comments.yaml"), *SHORT)


WAYS: dict[str, Callable[[Path], None]] = {
    "column-called-target": column_called_target,
    "names-of-codes": names_of_codes,
    "tsv-quotes-score": tsv_with_quotes,
    "score-other-encoding": other_encodings,
    "default-column, gold-column, bom": columns_of_the_version,
    "readme-joins-files": joined_files,
    "many-equal-texts": many_equal_texts,
    "any-counts-none-as-present": words_of_any,
    "roberta-514": longest_context,
    "schedule-relative-source": scheduled_file,
}
"""Kinds of file → the way through that tries them."""


def _agile(folder: Path, *words: str) -> Ended:
    ended = run_command(words, folder=folder)
    _require(ended.exit_code == 0, f"agile {' '.join(words[:3])}: exit {ended.exit_code}: {last_line(ended.printed)}")
    return ended


def _train_well(folder: Path, config: str, *overrides: str) -> None:
    printed = _agile(folder, "train", config, *SHORT, "--set", "fine_tune.epochs=8", *overrides).printed
    row = next((line for line in printed.splitlines() if "roc_auc" in line and "│" in line), "")
    measured = row.split("│")[2].split("[")[0].strip() if row else ""
    _require(bool(measured) and float(measured) >= LEAST_AUC, f"{config}: ROC AUC {measured or 'not printed'}")


def _byte_tokenizer(folder: Path) -> None:
    """A tokenizer of single bytes, with RoBERTa's own marks."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import RobertaTokenizerFast

    marks = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocabulary = {token: place for place, token in enumerate([*marks, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    bare = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))  # noqa: S106  (no secret)
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    RobertaTokenizerFast(tokenizer_object=bare).save_pretrained(folder)


def _late_or_early(n: int) -> list[tuple[int, str]]:
    return [(place, "late" if place % 2 else "early") for place in range(n)]


def _texts() -> list[tuple[str, str]]:
    with (FILES / "schedule-relative-source" / "comments.csv").open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


def _copy(folder: Path, name: str) -> Path:
    return Path(shutil.copy(FILES / name, folder))


def _write(path: Path, rows: Sequence[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _require_rows(
    path: Path, n_rows: int, *, delimiter: str = "", encoding: str | None = "utf-8"
) -> list[dict[str, str]]:
    text = path.read_bytes().decode(encoding or "cp1252").removeprefix("\ufeff")
    rows = list(csv.DictReader(text.splitlines(), delimiter=delimiter or ("\t" if path.suffix == ".tsv" else ",")))
    _require(len(rows) == n_rows, f"{path.name}: {len(rows)} rows, not {n_rows}")
    return rows


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Wrong(otherwise)

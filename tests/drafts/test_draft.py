"""Config writing: what `agile init` makes of a file loads, says why, and foretells what would stop a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agile_classifier.config.files import load_config
from agile_classifier.config.run import RunConfig
from agile_classifier.config.split import SplitConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.data.label_and_split import label_and_split
from agile_classifier.drafts.draft import Project, write_config
from agile_classifier.errors import InputError

MODEL = {"source": "package://model==1.0/model", "sha256": "a" * 64}
PROJECT = Project(MODEL, suites=Path(__file__).parents[2] / "configs")
Write = Callable[..., tuple[str, RunConfig]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file and its config; returns the config's text and the config as loaded."""

    def written(content: str, *, name: str = "comments.csv", output: str = "made.yaml") -> tuple[str, RunConfig]:
        source = tmp_path / name
        source.write_text(content, encoding="utf-8")
        path = write_config([source], project=PROJECT, output=tmp_path / output, force=False)
        return path.read_text(encoding="utf-8"), load_config(path)

    return written


def table(n_rows: int, *, delimiter: str = ",", score: Callable[[int], object] = lambda row: row % 7 / 7) -> str:
    rows = [delimiter.join((f"comment number {row} of many", str(score(row)))) for row in range(n_rows)]
    return "\n".join((f"comment{delimiter}score", *rows)) + "\n"


def test_a_semicolon_file_of_60_rows_can_train_and_says_what_it_lacks_for_promotion(
    write: Write, tmp_path: Path
) -> None:
    text, config = write(table(60, delimiter=";"))
    assert config.data.source == str(tmp_path / "comments.csv")
    assert (config.data.delimiter, config.data.columns.text, config.data.columns.score) == (";", "comment", "score")
    assert config.model.source == MODEL["source"]
    assert config.registry.model_name == "comments"
    assert "cannot train" not in text
    assert "42 train, 6 validation, 12 test" in text
    assert "promotion.min_rows asks for 100" in " ".join(text.split())


def test_a_large_file_has_nothing_to_be_warned_of(write: Write) -> None:
    text, _ = write(table(600))
    assert "122 test" in text
    assert "too few" not in text


def test_the_head_says_how_to_start_the_run_and_why_each_choice_was_made(write: Write, tmp_path: Path) -> None:
    text, _ = write(table(60), output="my config.yaml")
    assert text.startswith("# A first config for comments.csv")
    assert f"#     agile train '{tmp_path}/my config.yaml'\n" in text
    assert "relative to this file's folder" in text
    assert "Column 'comment' is the text" in text


def test_scores_are_bounded_by_what_the_file_holds_rounded_outward(write: Write) -> None:
    text, config = write(table(60, score=lambda row: -3.2 + row / 10))
    assert (config.validation.score_min, config.validation.score_max) == (-4, 3)
    assert "from -4 to 3" in text


def test_scores_between_0_and_1_leave_the_default_bounds(write: Write) -> None:
    text, config = write(table(60))
    assert (config.validation.score_min, config.validation.score_max) == (0, 1)
    assert "score_min:" not in text


def test_classes_are_learnt_without_a_score(write: Write) -> None:
    _, config = write(table(60, score=lambda row: "spam" if row % 3 else "ham").replace("score", "label", 1))
    assert (config.labels.rule, config.labels.columns, config.data.columns.score) == ("given", ("label",), None)


GROUPED = "text,label,author\n" + "".join(
    f"comment number {row} of many,{'spam' if row < 10 else 'ham'},person {row // 5}\n" for row in range(60)
)
HINDRANCES = [
    ("too few rows", table(49), "49 rows, and validation.min_rows asks for 50"),
    ("a row without a score", table(60, score=lambda row: "" if row == 7 else row / 60), "1 rows have no score"),
    (
        "a class that is too small",
        table(60, score=lambda row: (0, 0.5, 1)[max(0, row - 57)]),
        "the smallest class has 2 rows",
    ),
    ("a part of the split that holds one class", GROUPED, "split: "),
]


@pytest.mark.parametrize(("content", "said"), [case[1:] for case in HINDRANCES], ids=[case[0] for case in HINDRANCES])
def test_what_would_stop_a_run_is_said_beforehand(write: Write, content: str, said: str) -> None:
    text, _ = write(content)
    assert f"It cannot train yet: {said}" in " ".join(text.replace("\n#", "").split())


def distinct(n_rows: int, *, author: Callable[[int], object] | None = None, is_spam: Callable[[int], bool]) -> str:
    """A file of texts that share no phrases, with a class and perhaps an author."""
    words = np.random.default_rng(0).integers(0, 10**6, size=(n_rows, 6))
    texts = [" ".join(f"w{word}" for word in row) for row in words]
    authors = [f",person {author(row)}" if author else "" for row in range(n_rows)]
    rows = [f"{text},{'spam' if is_spam(row) else 'ham'}{authors[row]}" for row, text in enumerate(texts)]
    return "\n".join((f"text,label{',author' if author else ''}", *rows)) + "\n"


def test_a_draft_splits_by_hash_so_that_its_file_may_grow(write: Write) -> None:
    text, config = write(distinct(300, is_spam=lambda row: row % 3 == 0))
    assert config.split == SplitConfig(method="stable")
    said = " ".join(text.replace("\n#", "").split())
    assert "A hash of each text says the part it is in (split.method stable)" in said
    parts = label_and_split(read_examples(config.data, keep=config.kept_columns), config.labels, config.split).parts
    sizes = ", ".join(f"{len(frame)} {part}" for part, frame in parts.items())
    assert f"That makes {sizes} rows" in said


def test_a_draft_with_groups_splits_by_the_hash_of_each_group(write: Write) -> None:
    text, config = write(distinct(600, author=lambda row: row // 4, is_spam=lambda row: row % 3 == 0))
    assert (config.split.method, config.data.columns.group) == ("stable", "author")
    assert "A hash of each group says" in " ".join(text.replace("\n#", "").split())


@pytest.mark.parametrize(
    ("content", "method", "said"),
    [
        (distinct(99, is_spam=lambda row: row % 3 == 0), "stratified", "99 rows are too few for parts of random sizes"),
        (
            distinct(600, author=lambda row: row // 10, is_spam=lambda row: row % 3 == 0),
            "group",
            "60 groups are too few for parts of random sizes",
        ),
        (distinct(2000, is_spam=lambda row: row < 10), "stratified", "rows, all of class 'ham'"),
    ],
    ids=["few rows", "few groups", "a part without a class"],
)
def test_where_random_sizes_would_not_serve_a_draft_says_so_and_takes_another_split(
    write: Write, content: str, method: str, said: str
) -> None:
    text, config = write(content)
    line = " ".join(text.replace("\n#", "").split())
    assert config.split.method == method, line
    assert said in line
    assert "Once the file has grown take split.method stable, before the first champion" in line
    assert "cannot train" not in line


def test_a_group_that_is_most_of_a_file_is_told_where_no_split_helps(write: Write) -> None:
    text, config = write(distinct(600, author=lambda row: max(0, row - 480), is_spam=lambda row: row % 3 == 0))
    assert config.split.method == "stable"
    assert "As yet test would come to 23 of 600 rows, less than half" in " ".join(text.replace("\n#", "").split())


def parted(words: Callable[[int], str], *, n_rows: int = 60) -> str:
    rows = [f"comment number {row} of many,{'spam' if row % 3 else 'ham'},{words(row)}" for row in range(n_rows)]
    return "\n".join(("text,label,part", *rows)) + "\n"


def as_split(row: int) -> str:
    return ("training", "train", "valid", "test")[row % 4]


def test_a_column_of_parts_is_suggested_as_the_run_would_take_it(write: Write, tmp_path: Path) -> None:
    text, config = write(parted(as_split))
    said = " ".join(text.replace("\n#", "").split())
    assert "Column 'part' holds the parts of a split ('training' counts as train, 'valid' counts as validation)" in said
    assert "split.method columns with split.column 'part' would use it. That makes 30 train, 15 validation, 15" in said
    split = SplitConfig(method="columns", column="part")
    kept = read_examples(config.data, keep=("label", "part"))
    parts = label_and_split(kept, config.labels, split, config.data_quality).parts
    assert {part: len(frame) for part, frame in parts.items()} == {"train": 30, "validation": 15, "test": 15}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (lambda row: "valid" if row % 2 else "train", "no row is marked test"),
        (lambda row: "holdout" if row == 59 else as_split(row), None),
        (lambda row: "test" if row % 3 else "train", "of class 'ham'; two classes are needed"),
        (lambda row: ("train", "dev", "test")[min(2, row // 29)], "split: test has 2 rows, all of class 'spam'"),
    ],
)
def test_a_column_of_parts_that_the_run_would_refuse_is_not_suggested(
    write: Write, words: Callable[[int], str], said: str | None
) -> None:
    text, _ = write(parted(words))
    line = " ".join(text.replace("\n#", "").split())
    assert "'part' would use it" not in line
    if said and "no row is marked" not in said:
        assert f"split.method columns with split.column 'part' would be refused: {said}" in line or said in line


@pytest.mark.parametrize(
    ("name", "model_name"),
    [
        ("a b.csv", "a-b"),
        ("Über uns (2).csv", "Uber-uns-2"),
        ("評価.csv", "classifier"),
        ("_x/y_.csv".replace("/", ":"), "x-y"),
    ],
)
def test_the_model_is_named_after_the_file(write: Write, name: str, model_name: str) -> None:
    assert write(table(60), name=name)[1].registry.model_name == model_name


def test_odd_column_names_stay_within_the_comment(write: Write) -> None:
    text, config = write(table(60).replace("comment,", '"com\nparameters: {}",', 1))
    assert config.data.columns.text == "com\nparameters: {}"
    assert text.count("\nparameters:") == 1


def test_a_config_that_is_there_is_overwritten_only_by_force(write: Write, tmp_path: Path) -> None:
    write(table(60))
    with pytest.raises(InputError, match="exists already; --force"):
        write(table(70))
    assert "42 train" in (tmp_path / "made.yaml").read_text()
    write_config([tmp_path / "comments.csv"], project=PROJECT, output=tmp_path / "made.yaml", force=True)
    assert "49 train" in (tmp_path / "made.yaml").read_text()


def test_without_a_place_the_config_stands_in_the_current_folder_under_the_file_s_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "comments.csv").write_text(table(60))
    monkeypatch.chdir(tmp_path)
    assert write_config([Path("data/comments.csv")], project=PROJECT, output=None, force=False) == Path("comments.yaml")
    assert load_config(tmp_path / "comments.yaml").data.source == str(tmp_path / "data" / "comments.csv")


@pytest.mark.parametrize(
    ("place", "said"),
    [("", "is a folder"), ("gone/made.yaml", "cannot be written"), ("comments.csv/made.yaml", "cannot")],
)
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, place: str, said: str) -> None:
    (tmp_path / "comments.csv").write_text(table(60))
    with pytest.raises(InputError, match=said):
        write_config([tmp_path / "comments.csv"], project=PROJECT, output=tmp_path / place, force=False)
    assert (tmp_path / "comments.csv").read_text() == table(60)

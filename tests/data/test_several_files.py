"""Several files: read as one table of the same columns, by every reader, and errors that name the right one."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from agile_classifier.config.addresses.columns import Columns
from agile_classifier.config.addresses.dialect import Dialect
from agile_classifier.config.data import DataConfig
from agile_classifier.config.files import load_config, pin_data
from agile_classifier.config.sources import file_names, place_free
from agile_classifier.data.dialects.detection import detect_dialect
from agile_classifier.data.examples import read_examples
from agile_classifier.data.rows import open_rows
from agile_classifier.data.tables import read_table
from agile_classifier.errors import InputError
from agile_classifier.files import content_digest

FIRST = "id,text,label\n001,so kind of you,None\n002,get lost,Hate\n"
SECOND = "id,text,label\n007,NA,Hate\n008,nice to see you,None\n"


def write(folder: Path, **contents: str | bytes) -> list[Path]:
    paths = []
    for name, content in contents.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths.append(path)
    return paths


def test_rows_are_read_one_file_after_the_other_and_nothing_is_lost(tmp_path: Path) -> None:
    paths = write(tmp_path, a_csv=FIRST, b_csv_gz=gzip.compress(SECOND.encode()))
    rows = open_rows(paths)
    assert [(row.number, row.place, row.path) for row in rows] == [
        (1, "row 1 (line 2)", paths[0]),
        (2, "row 2 (line 3)", paths[0]),
        (3, "row 1 (line 2)", paths[1]),
        (4, "row 2 (line 3)", paths[1]),
    ]
    assert rows.share == 1
    assert rows.names() == rows.schema().names == ["id", "text", "label"]
    frame = read_table(paths)
    assert frame["id"].tolist() == ["001", "002", "007", "008"]
    assert frame["text"].tolist()[2] == "NA"
    assert frame["label"].tolist() == ["None", "Hate", "Hate", "None"]


def test_a_config_may_list_its_sources_and_row_numbers_go_on(tmp_path: Path) -> None:
    paths = write(tmp_path, a_csv=FIRST, b_csv=SECOND)
    data = DataConfig(source=tuple(map(str, paths)), columns=Columns())
    examples = read_examples(data, keep=("label",))
    assert examples["id"].tolist() == ["1", "2", "3", "4"]
    assert len(read_examples(data.model_copy(update={"limit": 3}))) == 3


def test_formats_may_differ_where_the_columns_do_not(tmp_path: Path) -> None:
    paths = write(
        tmp_path, a_csv=FIRST, b_tsv=SECOND.replace(",", "\t"), c_jsonl='{"id": "9", "text": "x", "label": "y"}'
    )
    pd.DataFrame({"label": ["z"], "id": ["10"], "text": ["w"]}).to_parquet(tmp_path / "d.parquet")
    assert read_table([*paths, tmp_path / "d.parquet"])["id"].tolist() == ["001", "002", "007", "008", "9", "10"]


def test_columns_that_differ_are_refused_by_file_and_column(tmp_path: Path) -> None:
    paths = write(tmp_path, a_csv=FIRST, b_csv=SECOND.replace("label", "class"))
    said = r"b\.csv: its columns differ from those of .*a\.csv: it lacks 'label' and also has 'class'"
    for read in (lambda: list(open_rows(paths)), lambda: open_rows(paths).names(), lambda: read_table(paths)):
        with pytest.raises(InputError, match=said):
            read()


def test_a_bad_row_is_named_in_its_own_file(tmp_path: Path) -> None:
    paths = write(tmp_path, a_csv=FIRST, b_csv=SECOND + "too,few\n")
    with pytest.raises(InputError, match=r"b\.csv: row 3 \(line 4\): 2 cells; the columns are 3"):
        read_table(paths)


def test_a_file_without_rows_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"b\.csv: has a header but no rows"):
        read_table(write(tmp_path, a_csv=FIRST, b_csv="id,text,label\n"))


def test_one_dialect_is_found_for_all_of_them(tmp_path: Path) -> None:
    plain = "text;n\nplain words here;1\nmore plain words;2\n"
    german = "text;n\nschöner Tag für größere Töne;0,5\nübel war es hier;0,7\n".encode("cp1252")
    found = detect_dialect(write(tmp_path, a_csv=plain, b_csv=german))
    assert found.dialect == Dialect(delimiter=";", encoding="cp1252", decimal=",")
    assert [doubt.field for doubt in found.doubts] == ["encoding"]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("text,n\na b,1\n", "text;n\na b;1\n", r"written with delimiter .*';'"),
        ("text,n\nschön hier,1\n", "text,n\nschöner Tag für größere Töne,1\n".encode("cp1252"), "encoding 'utf-8'"),
    ],
)
def test_files_that_are_written_otherwise_are_refused(
    tmp_path: Path, first: str, second: str | bytes, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        detect_dialect(write(tmp_path, a_csv=first, b_csv=second))


def test_relative_sources_of_a_list_are_located_pinned_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AGILE_MIRROR", raising=False)
    paths = write(tmp_path, a_csv=FIRST, b_csv=SECOND)
    path = tmp_path / "mine.yaml"
    sections = "labels: {rule: given, columns: [label]}, model: {source: owner/name}, registry: {model_name: mine}"
    path.write_text(f"parameters: {{data: {{source: [a.csv, b.csv]}}, {sections}}}\n", encoding="utf-8")
    config = load_config(path, needs_sources=True)
    assert config.data.source == tuple(map(str, paths))
    assert not config.data.is_pinned
    pinned = pin_data(config)
    assert pinned.data.sha256 == tuple(map(content_digest, paths))
    assert len(read_examples(pinned.data)) == 4
    assert place_free(list(map(str, paths))) == ["a.csv", "b.csv"]
    assert file_names(pinned.recorded["data"]["source"]) == "a.csv, b.csv"
    paths[1].unlink()
    with pytest.raises(InputError, match=r"b\.csv: no such file"):
        read_examples(config.data)
    with pytest.raises(InputError, match=r"data\.source b\.csv: no such file or folder in"):
        load_config(path, needs_sources=True)


def test_a_pin_of_a_list_is_one_for_each_and_holds(tmp_path: Path) -> None:
    paths = write(tmp_path, a_csv=FIRST, b_csv=SECOND)
    sources = tuple(map(str, paths))
    with pytest.raises(ValidationError, match=r"data\.sha256 holds 1 hashes; needed is one for each of 2 sources"):
        DataConfig(source=sources, sha256=("0" * 64,))
    with pytest.raises(ValidationError, match="at least 1 item"):
        DataConfig(source=())
    with pytest.raises(InputError, match=r"b\.csv: sha256 is [0-9a-f]{64}, data\.sha256 asks for 0"):
        read_examples(DataConfig(source=sources, sha256=(content_digest(paths[0]), "0" * 64)))


def test_a_commit_pins_a_list_of_hub_data_sets_alone() -> None:
    assert DataConfig(source=("hf://datasets/a/b", "hf://datasets/a/c"), revision="0" * 40).is_pinned
    assert not DataConfig(source=("hf://datasets/a/b", "more.csv"), revision="0" * 40).is_pinned


def test_what_the_queue_wrote_goes_beside_what_was_labelled_before(tmp_path: Path) -> None:
    queued = "id,text,probability,reason,label\n9,a new one,0.5,unsure,Hate\n"
    paths = write(tmp_path, a_csv=FIRST, b_csv=queued)
    assert read_table(paths).to_dict("records")[-1] == {"id": "9", "text": "a new one", "label": "Hate"}
    assert open_rows(paths).schema().names == open_rows(paths).names() == ["id", "text", "label"]
    only_one = write(tmp_path, c_csv="id,text,reason,label\n9,a new one,unsure,Hate\n")
    with pytest.raises(InputError, match=r"c\.csv: .*it also has 'reason'"):
        read_table([paths[0], *only_one])

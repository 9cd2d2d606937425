"""Several sources: each read in its own way, examples known by source and id or by text, later labels in the place of earlier ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.config.files import load_config, parse_config, pin_data
from agile_classifier.config.run import RunConfig
from agile_classifier.data.examples import read_examples, read_snapshot
from agile_classifier.data.tables import read_kept
from agile_classifier.errors import InputError

LEAST: dict[str, Any] = {"model": {"source": "owner/name"}, "registry": {"model_name": "mine"}}
GIVEN = {"labels": {"rule": "given", "columns": "kind"}}


def config_of(data: dict[str, Any], **sections: Any) -> RunConfig:
    return parse_config({**LEAST, "data": data, **sections}, name="test")


def read(config: RunConfig) -> pd.DataFrame:
    return read_examples(config.data, keep=config.kept_columns, label_columns=config.labels.columns)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "old.csv").write_text("key;note;klass\n1;wie schön;Lob\n2;so schlecht;Tadel\n", encoding="latin-1")
    (tmp_path / "new.jsonl").write_text(
        '{"id": 1, "text": "well done", "kind": "Lob"}\n{"id": 3, "text": "no good", "kind": "Tadel"}\n'
    )
    return tmp_path


def two(folder: Path) -> dict[str, Any]:
    return {
        "columns": {"id": "id"},
        "sources": [
            {
                "name": "old", "source": str(folder / "old.csv"), "delimiter": ";", "encoding": "latin-1",
                "columns": {"text": "note", "id": "key"}, "rename": {"klass": "kind"},
            },
            {"name": "new", "source": str(folder / "new.jsonl")},
        ],
    }  # fmt: skip


def test_each_source_is_read_in_its_own_way_and_an_id_is_its_sources(folder: Path) -> None:
    examples = read(config_of(two(folder), **GIVEN))
    assert examples["id"].tolist() == ["old/1", "old/2", "new/1", "new/3"]
    assert examples["text"].tolist() == ["wie schön", "so schlecht", "well done", "no good"]
    assert examples["source"].tolist() == ["old", "old", "new", "new"]
    assert read_kept(examples, "kind").tolist() == ["Lob", "Tadel", "Lob", "Tadel"]


def test_what_a_recorded_config_holds_is_read_as_the_same(folder: Path) -> None:
    config = config_of(two(folder), **GIVEN)
    assert RunConfig.model_validate(config.model_dump(mode="json")) == config
    assert [part.encoding for part in config.data.parts] == ["latin-1", "utf-8"]
    assert [part.columns.id for part in config.data.parts] == ["key", "id"]


def test_one_source_in_the_long_form_reads_the_same_rows(folder: Path) -> None:
    reading = {"delimiter": ";", "encoding": "latin-1", "columns": {"text": "note", "id": "key"}}
    short = read_examples(
        config_of({"source": str(folder / "old.csv"), **reading}, labels={"rule": "given", "columns": "klass"}).data
    )
    long = read_examples(
        config_of(
            {"sources": [{"name": "a", "source": str(folder / "old.csv"), **reading}]},
            labels={"rule": "given", "columns": "klass"},
        ).data
    )
    assert short["id"].tolist() == ["1", "2"]
    assert "source" not in short
    assert long["id"].tolist() == ["a/1", "a/2"]
    assert long["text"].equals(short["text"])


def test_a_relative_source_of_several_counts_from_the_folder_of_the_config(folder: Path) -> None:
    (folder / "run.yaml").write_text(
        "parameters:\n  data:\n    sources:\n    - {name: a, source: new.jsonl}\n    - {name: b, source: '*.jsonl'}\n"
        "  labels: {rule: given, columns: kind}\n  model: {source: owner/name}\n  registry: {model_name: mine}\n"
    )
    config = load_config(folder / "run.yaml", needs_sources=True)
    assert [part.addresses for part in config.data.parts] == [
        (str(folder / "new.jsonl"),),
        (str(folder / "*.jsonl"),),
    ]
    pinned = pin_data(config).data
    assert pinned.is_pinned
    assert not config.data.is_pinned
    assert pinned.parts[1].addresses == (str(folder / "new.jsonl"),)
    assert len(read(config)) == 2, "known by their texts, each stands once"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "data: name where the examples come from in data.source, or in data.sources; found neither"),
    ({"source": "a.csv", "sources": [{"name": "a", "source": "b.csv"}]}, "found both"),
    ({"sources": [{"name": "a", "source": "b.csv"}] * 2}, "data.sources: names must differ, found ['a', 'a']"),
    ({"sources": [{"name": "a/b", "source": "b.csv"}]}, "data.sources.0.name: String should match pattern"),
    ({"sources": [{"source": "b.csv"}]}, "data.sources.0.name: Field required"),
    ({"sources": [{"name": "a"}]}, "source a: its address is missing"),
    ({"sources": []}, "data.sources: Tuple should have at least 1 item"),
    ({"sources": [{"name": "a", "source": "b.csv", "sheat": "x"}]}, "data.sources.0.sheat: unknown field"),
    ({"sources": [{"name": "a", "source": "b.csv"}], "sha256": "0" * 64}, "belong to the source that they are of"),
    ({"source": "sql://warehouse"}, "sql://warehouse is a source by itself and needs its query; found query None"),
    ({"source": "sql://me:secret@host/db", "query": "SELECT 1"}, "never by the database's own address"),
    ({"source": "a.csv", "query": "SELECT 1"}, "query belongs to a source sql://NAME; found source a.csv"),
    ({"source": ["sql://a", "b.csv"], "query": "SELECT 1"}, "sql://a is a source by itself"),
    ({"source": "s3://bucket/labels/", "sha256": "0" * 64}, "s3://bucket/labels/ may hold others tomorrow"),
    ({"source": "a.csv", "relabel": "newest"}, "data.relabel: Input should be 'latest', 'mean' or 'error'"),
    ({"source": "a.csv", "relabel": "mean"}, "data.relabel mean averages scores, and labels.rule given reads classes"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "said"), WRONG, ids=lambda value: str(value)[:50])
def test_a_wrong_source_is_refused_in_one_line(data: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        config_of(data, **GIVEN)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_score_that_one_source_lacks_is_refused() -> None:
    sources = [{"name": "a", "source": "a.csv", "columns": {"score": "s"}}, {"name": "b", "source": "b.csv"}]
    with pytest.raises(InputError, match=r"data\.sources: a has a score, b none"):
        config_of({"sources": sources})


def test_a_source_whose_columns_differ_is_refused_with_the_way_out(folder: Path) -> None:
    data = two(folder)
    del data["sources"][0]["rename"]
    with pytest.raises(InputError) as refused:
        read(config_of(data, **GIVEN))
    assert str(refused.value) == (
        f"source old ({folder / 'old.csv'}): its columns differ: no column 'kind', which labels, split or slices read;"
        " there are 'key', 'note', 'klass'; if it has another name there, say so in its rename: {OTHER: kind}"
    )
    data["sources"][0]["rename"] = {"clas": "kind"}
    with pytest.raises(
        InputError, match=r"no column 'clas' \(data\.sources, rename\); there are 'key', 'note', 'klass'"
    ):
        read(config_of(data, **GIVEN))
    data["sources"][0]["rename"] = {"klass": "note"}
    with pytest.raises(InputError, match="two columns would be called 'note'"):
        read(config_of(data, **GIVEN))


def test_a_pattern_reads_every_file_that_it_matches_and_tomorrow_others(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    config = config_of({"source": str(tmp_path / "labels" / "*.csv"), "relabel": "latest"}, **GIVEN)
    with pytest.raises(InputError, match=r"labels/\*\.csv: no file matches$"):
        read(config)
    (tmp_path / "labels" / "week1.csv").write_text("text,kind\nfine,Praise\nbad,Blame\n")
    (tmp_path / "labels" / "notes.md").write_text("no rows")
    assert read(config)["text"].tolist() == ["fine", "bad"]
    (tmp_path / "labels" / "week2.csv").write_text("text,kind\nbad,Praise\nnew,Blame\n")
    grown = read_snapshot(config.data, keep=("kind",))
    assert grown.examples["text"].tolist() == ["fine", "bad", "new"], "each where it was first met"
    assert read_kept(grown.examples, "kind").tolist() == ["Praise", "Praise", "Blame"]
    assert read_kept(grown.earlier, "kind").tolist() == ["Blame"], "both stay in the record"
    (tmp_path / "labels" / "week3.csv").write_text("text,sort\nbad,Praise\n")
    with pytest.raises(InputError, match=r"week3\.csv: its columns differ from those of .*week1\.csv: it lacks 'kind'"):
        read(config)


def test_a_file_may_be_called_like_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "a[1].csv").write_text("text,kind\nfine,Praise\n")
    (tmp_path / "a1.csv").write_text("text,kind\nother,Praise\n")
    assert read(config_of({"source": str(tmp_path / "a[1].csv")}, **GIVEN))["text"].tolist() == ["fine"]


def test_a_single_source_keeps_every_row_where_nothing_is_said_of_relabels(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,kind\nfine,Praise\nfine,Blame\n")
    assert read(config_of({"source": str(tmp_path / "a.csv")}, **GIVEN))["id"].tolist() == ["1", "2"]


def test_a_row_without_a_score_replaces_none_whatever_else_it_says(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text,s,dialect\n1,fine,0.5,north\n1,fine,,south\n")
    data = {"sources": [{"name": "a", "source": str(tmp_path / "a.csv"), "columns": {"id": "id", "score": "s"}}]}
    assert read(config_of(data, evaluation={"slices": ["dialect"]}))["score"].tolist() == [0.5]


def test_the_limit_counts_the_rows_of_all_sources(folder: Path) -> None:
    assert len(read(config_of({**two(folder), "limit": 3}, **GIVEN))) == 3
    assert len(read(config_of({**two(folder), "limit": 1}, **GIVEN))) == 1


def test_an_unknown_scheme_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(
        InputError, match=r"ftp://a/b\.csv: unknown scheme; allowed is a local path, or https://.*sql://"
    ):
        read(config_of({"source": "ftp://a/b.csv"}, **GIVEN))

"""Parts scored in their places: the bytes of a file that is scored alone, nothing twice, and what is refused, in a line.

The version is a toy that scores a text by its length; the bucket is a real S3 server on loopback.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.config.reading import ReadingOptions
from agile_classifier.data.row_parts import rejected_path
from agile_classifier.errors import InputError
from agile_classifier.files import content_digest
from tests.toys.toy_places import TEXTS, Store

SCORED = [f"out/{name}" for name in TEXTS]
BESIDE = ["out/_manifest.json", *(f"out/_parts/{name}.json" for name in TEXTS), "out/_rejected/monday.rejected.jsonl"]


def job_of(store: Store, **given: Any) -> Any:
    from agile_classifier.ops.scoring.parts.run import make_job

    how = {
        "options": ReadingOptions(),
        "prefix": None,
        "model_name": None,
        "version": None,
        "strict": False,
        "suffix": "",
    }
    source, output = given.pop("source", "in/"), given.pop("output", "out/")
    return make_job(store.address(source), store.address(output), **{**how, **given})


def score(store: Store, *, run_id: str = "run-1", n_shards: int = 1, **given: Any) -> dict[str, Any]:
    """The three steps of the pipeline, in this process."""
    from agile_classifier.ops.scoring.parts.gather import gather
    from agile_classifier.ops.scoring.parts.job import Task
    from agile_classifier.ops.scoring.parts.plan import begin, plan_job
    from agile_classifier.ops.scoring.parts.score import score_shard

    job = job_of(store, **given)
    shards, first = plan_job(job).shards(n_shards), begin(job, run_id)
    tasks = [Task(job=job, run_id=first, begun=0.0, n_processes=1, parts=tuple(shard)) for shard in shards]
    return gather(job, [outcome for task in tasks for outcome in score_shard(task)], begun=0.0)


@pytest.fixture(autouse=True)
def _home(registry: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Parts that are being scored lie in a state folder of the test's own."""
    monkeypatch.setenv("AGILE_HOME", str(tmp_path / "home"))


def score_alone(content: bytes, folder: Path, name: str, output: str, *, run_id: str = "run-1") -> Path:
    """The same part as a file of this machine, by `agile score`'s own function."""
    from agile_classifier.ops.scoring.batch import score_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    score_file(folder / name, output=folder / output, run_id=run_id)
    return folder / output


@pytest.mark.parametrize("suffix", ["", ".jsonl", ".parquet"])
def test_each_part_has_the_bytes_of_a_file_that_is_scored_alone(store: Store, tmp_path: Path, suffix: str) -> None:
    facts = score(store, suffix=suffix, n_shards=2)
    assert (facts["n_parts"], facts["n_rows"], facts["n_scored"], facts["n_rejected"]) == (3, 7, 6, 1)
    manifest = json.loads(store.read("out/_manifest.json"))
    for number, part in enumerate(manifest["parts"]):
        name = Path(part["input"]).name
        alone = score_alone(store.read(f"in/{part['input']}"), tmp_path / str(number), name, f"s{suffix or '.csv'}")
        assert store.read(f"out/{part['output']}") == alone.read_bytes()
        assert part["sha256"] == content_digest(alone)
        assert part["input_sha256"] == content_digest(alone.with_name(name))
        if part["rejected"]:
            assert store.read(f"out/{part['rejected']}") == rejected_path(alone).read_bytes()
    assert [part["n_rejected"] for part in manifest["parts"]] == [1, 0, 0]
    assert sum(manifest["n_labels"].values()) == 6
    assert not list((tmp_path / "home" / "parts").glob("*")), "what was needed to score is removed"


def test_parts_of_an_emulated_store_are_scored_in_it_and_nothing_twice(emulated: Store, tmp_path: Path) -> None:
    assert score(emulated, n_shards=2)["n_new_parts"] == 3
    for name in TEXTS:
        alone = score_alone(emulated.read(f"in/{name}"), tmp_path / name, Path(name).name, "scored.csv")
        assert emulated.read(f"out/{name}") == alone.read_bytes()
    assert [name for name in emulated.names() if name.startswith("out/")] == sorted([*SCORED, *BESIDE])
    assert score(emulated, run_id="run-2")["n_new_parts"] == 0
    emulated.put("in/monday.csv", "id,text\n1,another text\n")
    emulated.delete("out/week/tuesday.csv")
    assert score(emulated, run_id="run-3")["n_new_parts"] == 2
    assert "out/_rejected/monday.rejected.jsonl" not in emulated.names()
    with pytest.raises(InputError, match=rf"^{emulated.address('gone/')}: there is no file of rows in it$"):
        job_of(emulated, source="gone/")


def test_what_lies_beside_the_scored_parts_is_hidden_from_whoever_reads_them_all(store: Store) -> None:
    from agile_classifier.data.fetch.places import Place

    score(store)
    assert [name for name in store.names() if name.startswith("out/")] == sorted([*SCORED, *BESIDE])
    assert [found.name for found in Place(store.address("out/")).list_rows()] == list(TEXTS)


def test_a_part_that_is_done_is_not_scored_again_and_one_that_changed_is(store: Store) -> None:
    assert score(store)["n_new_parts"] == 3
    before = {name: store.read(name) for name in SCORED}
    assert score(store, run_id="run-2")["n_new_parts"] == 0
    assert {name: store.read(name) for name in SCORED} == before
    store.put("in/monday.csv", "id,text\n1,another text\n")
    store.put("in/week/thursday.csv", "id,text\n8,short\n")
    facts = score(store, run_id="run-3")
    assert (facts["n_new_parts"], facts["n_parts"], facts["n_rejected"]) == (2, 4, 0)
    runs = {part["input"]: part["run_id"] for part in json.loads(store.read("out/_manifest.json"))["parts"]}
    assert runs == {
        "monday.csv": "run-3", "week/tuesday.csv": "run-1", "week/wednesday.csv": "run-1", "week/thursday.csv": "run-3",
    }  # fmt: skip
    assert "out/_rejected/monday.rejected.jsonl" not in store.names()


def test_scored_rows_that_are_gone_or_not_as_they_were_written_are_written_again(store: Store) -> None:
    score(store)
    before = {name: store.read(name) for name in SCORED}
    store.delete(SCORED[0])
    store.put(SCORED[1], "somebody else's")
    assert score(store)["n_new_parts"] == 2
    assert {name: store.read(name) for name in SCORED} == before


@pytest.mark.parametrize(
    "other", [{"model_name": "other", "version": "1"}, {"prefix": "new_"}, {"options": ReadingOptions(column="id")}]
)
def test_another_version_or_another_way_of_reading_scores_every_part_again(
    folder: Store, other: dict[str, Any]
) -> None:
    score(folder, model_name="toy")
    assert score(folder, **{"model_name": "toy", **other})["n_new_parts"] == 3
    assert score(folder, model_name="toy")["n_new_parts"] == 3


def strike(monkeypatch: pytest.MonkeyPatch, at: str, *, call: int) -> None:
    """Let the process of a test end, as a kill would, at a call of a method of Place."""
    from agile_classifier.data.fetch.places import Place

    real, calls = getattr(Place, at), iter(range(1, 1000))

    def struck(self: Place, *given: Any, **named: Any) -> Any:
        if next(calls) == call:
            raise KeyboardInterrupt
        return real(self, *given, **named)

    monkeypatch.setattr(Place, at, struck)


@pytest.mark.parametrize(
    ("kind", "at", "call"),
    [
        ("folder", "fetch", 2), ("folder", "put", 1), ("folder", "put", 2), ("folder", "write", 2),
        ("folder", "write", 5), ("folder", "remove", 4), ("bucket", "put", 3), ("bucket", "write", 3),
    ],
)  # fmt: skip
def test_a_killed_run_goes_on_to_the_very_bytes_of_one_that_was_not(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, kind: str, at: str, call: int
) -> None:
    store: Store = request.getfixturevalue(kind)
    score(store, run_id="run-1")
    whole = {name: store.read(name) for name in store.names()}
    for name in store.names():
        if name.startswith("out/"):
            store.delete(name)
    with monkeypatch.context() as patch:
        strike(patch, at, call=call)
        with pytest.raises(KeyboardInterrupt):
            score(store, run_id="run-1")
    score(store, run_id="run-2")
    assert {name: without_stamps(store.read(name)) for name in store.names()} == {
        name: without_stamps(content) for name, content in whole.items()
    }


def without_stamps(content: bytes) -> str:
    """Content without when a file of this machine was written, and how long scoring took."""
    return re.sub(r'("seconds": |mtime )[0-9.e-]+', "", content.decode())


def test_a_part_killed_halfway_goes_on_from_its_last_window(
    folder: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from agile_classifier.ops.scoring import stream

    rows = "".join(f"{number},text {'x' * (number % 30)}\n" for number in range(3000))
    folder.put("in/monday.csv", f"id,text\n{rows}")
    score(folder)
    whole = folder.read("out/monday.csv")
    folder.delete("out/monday.csv")
    scored: list[int] = []
    real = stream.Answering.write_rows

    def count(self: Any, window: Any) -> Any:
        if len(scored) == 2:
            raise KeyboardInterrupt
        scored.append(len(window))
        return real(self, window)

    with monkeypatch.context() as patch:
        patch.setattr(stream.Answering, "write_rows", count)
        with pytest.raises(KeyboardInterrupt):
            score(folder)
    assert scored == [1024, 1024]
    left: list[int] = []

    def note(self: Any, window: Any) -> Any:
        left.append(len(window))
        return real(self, window)

    monkeypatch.setattr(stream.Answering, "write_rows", note)
    score(folder)
    assert left == [3000 - 2048]
    assert folder.read("out/monday.csv") == whole


def test_while_parts_are_missing_there_is_no_manifest(folder: Store) -> None:
    score(folder)
    folder.put("in/broken.csv", "id,text\n1,\n2,\n")
    with pytest.raises(InputError, match=r"1 part could not be scored: .*/in/broken\.csv: no row of 2 could be scored"):
        score(folder)
    assert "out/_manifest.json" not in folder.names()
    assert all(name in folder.names() for name in SCORED)
    folder.put("in/broken.csv", "id,text\n1,fine now\n")
    assert score(folder)["n_new_parts"] == 1


def test_a_part_that_is_written_to_meanwhile_is_refused(folder: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from agile_classifier.ops.scoring import batch

    real = batch.score_by

    def meddle(*given: Any, **named: Any) -> Any:
        folder.put("in/monday.csv", TEXTS["monday.csv"] + "4,late\n")
        return real(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(batch, "score_by", meddle)
        with pytest.raises(InputError, match=r"in/monday\.csv: was changed while it was scored"):
            score(folder)
    assert score(folder)["n_scored"] == 7


def test_a_run_that_another_one_has_overtaken_writes_nothing(folder: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from agile_classifier.ops.scoring import batch
    from agile_classifier.ops.scoring.parts.plan import begin

    real, other = batch.score_by, job_of(folder, model_name="other", version="1")

    def overtake(*given: Any, **named: Any) -> Any:
        facts = real(*given, **named)
        begin(other, "run-9")
        return facts

    monkeypatch.setattr(batch, "score_by", overtake)
    with pytest.raises(InputError, match="another run writes it since"):
        score(folder, model_name="toy")
    assert not [name for name in SCORED if name in folder.names()]


def test_parts_without_input_are_told_of_and_not_named_by_the_manifest(
    folder: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    from agile_classifier.ops.scoring.parts.plan import plan_job

    score(folder)
    folder.delete("in/monday.csv")
    assert plan_job(job_of(folder)).n_left_over == 1
    assert score(folder)["n_parts"] == 2
    assert [part["input"] for part in json.loads(folder.read("out/_manifest.json"))["parts"]] == list(TEXTS)[1:]


def as_parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer)
    return buffer.getvalue()


def test_parquet_parts_stay_parquet_and_are_the_bytes_of_a_file_scored_alone(store: Store, tmp_path: Path) -> None:
    for name in TEXTS:
        store.delete(f"in/{name}")
    for day in range(2):
        store.put(
            f"in/day={day}/part.parquet",
            as_parquet(pd.DataFrame({"text": ["short", "rather long text"], "n": [1, day]})),
        )
    score(store)
    alone = score_alone(store.read("in/day=1/part.parquet"), tmp_path / "alone", "part.parquet", "scored.parquet")
    assert store.read("out/day=1/part.parquet") == alone.read_bytes()


def other_columns(store: Store) -> None:
    store.put("in/zz.csv", "id,words\n1,x\n")


def other_types(store: Store) -> None:
    store.put("typed/a.parquet", as_parquet(pd.DataFrame({"text": ["x"], "n": [1]})))
    store.put("typed/b.parquet", as_parquet(pd.DataFrame({"text": ["x"], "n": ["1"]})))


def twice(store: Store) -> None:
    import gzip

    store.put("twice/a.csv", "text\nx\n")
    store.put("twice/a.csv.gz", gzip.compress(b"text\nx\n"))


WRONG: list[tuple[str, Callable[[Store], object], dict[str, Any], str]] = [
    ("an empty prefix", lambda store: store.put("empty/_SUCCESS", ""), {"source": "empty/"}, r"empty/: there is no file of rows in it"),
    ("the output in the input", lambda store: None, {"output": "in/scored/"}, r"--output .*in/scored/: lies in --input .*in/"),
    ("the input itself", lambda store: None, {"output": "in/"}, r"--output .*in/: lies in --input .*in/"),
    ("the output among what a pattern matches", lambda store: None, {"source": "**/*.csv"}, r"--output .*out/: lies in --input"),
    ("other columns", other_columns, {}, r"in/zz\.csv: its columns differ from those of .*in/monday\.csv: it lacks 'text'; it also has 'words'"),
    ("other types", other_types, {"source": "typed/"}, r"typed/b\.parquet: its columns differ from those of .*: 'n' is .*string, not int64"),
    ("mixed formats", lambda store: store.put("in/z.jsonl", '{"text": "x"}\n'), {}, r"in/: parts of several formats, as monday\.csv and z\.jsonl; name one of them by a pattern, as \*\.csv"),
    ("a file that is none of rows", lambda store: store.put("in/notes.md", "x"), {}, r"in/notes\.md: found suffix '\.md'; allowed are"),
    ("two parts of one name", twice, {"source": "twice/"}, r"a\.csv and a\.csv\.gz would both be scored into a\.csv"),
    ("a format that is not written", lambda store: store.put("j/a.json", '[{"text": "x"}]'), {"source": "j/"}, r"\.json is read, not written; say what to write with --format"),
    ("an unknown --format", lambda store: None, {"suffix": ".xlsx"}, r"--format \.xlsx: found '\.xlsx'; allowed are"),
    ("no column of texts", lambda store: None, {"options": ReadingOptions(column="txt")}, r"in/monday\.csv: no column 'txt' \(--column\); there are 'id', 'text'; did you mean"),
    ("no version", lambda store: None, {"model_name": "toy", "version": "9"}, r"no version 9"),
    ("a place that is not there", lambda store: None, {"source": "gone/"}, r"gone/: "),
]  # fmt: skip


CASES = [pytest.param("folder", *case[1:], id=case[0]) for case in WRONG]
CASES += [
    pytest.param("bucket", *case[1:], id=f"{case[0]}, bucket") for case in (WRONG[0], WRONG[1], WRONG[5], WRONG[-1])
]


@pytest.mark.parametrize(("kind", "make", "given", "said"), CASES)
def test_what_cannot_be_done_is_refused_in_a_line_before_anything_is_scored(
    request: pytest.FixtureRequest, kind: str, make: Callable[[Store], object], given: dict[str, Any], said: str
) -> None:
    store: Store = request.getfixturevalue(kind)
    make(store)
    before = store.names()
    with pytest.raises(InputError, match=said) as refused:
        job_of(store, **given)
    assert "\n" not in str(refused.value)
    assert store.names() == before


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("s3://words/out", "parts are written below a prefix; end it in /"),
        ("{tmp}/out.csv", "is a file; parts of a folder"),
    ],
)
def test_an_output_that_is_no_place_is_refused(folder: Store, tmp_path: Path, output: str, said: str) -> None:
    from agile_classifier.ops.scoring.parts.listing import require_target

    with pytest.raises(InputError, match=said):
        require_target(output.format(tmp=tmp_path))


@pytest.mark.parametrize("output", ["out/", "s3://words/out/"])
def test_options_of_one_file_and_of_many_are_told_apart(output: str) -> None:
    from agile_classifier.ops.scoring.parts.listing import are_many

    assert are_many("in/", output, of_one_file={}, of_many={"--parts": 2})
    assert not are_many("in.csv", "out.csv", of_one_file={"--evaluate": True}, of_many={"--parts": None})
    with pytest.raises(InputError, match="--evaluate: goes with --input of a file of this machine"):
        are_many("in/", output, of_one_file={"--evaluate": True}, of_many={})
    with pytest.raises(InputError, match="--parts: goes with --input of a folder, pattern or prefix"):
        are_many("in.csv", "out.csv", of_one_file={}, of_many={"--parts": 2})


@given(sizes=st.lists(st.integers(0, 10**9), max_size=30), n=st.one_of(st.none(), st.integers(1, 40)))
def test_shards_hold_every_missing_part_once_and_none_is_empty(sizes: list[int], n: int | None) -> None:
    from agile_classifier.ops.scoring.parts.job import Part
    from agile_classifier.ops.scoring.parts.plan import Plan

    parts = [Part(name=f"{number:02}.csv", size=size, stamp="", scored_name="") for number, size in enumerate(sizes)]
    shards = Plan(tuple(parts), {}, False, 0).shards(n)
    assert sorted((part for shard in shards for part in shard), key=lambda part: part.name) == parts
    assert len(shards) == max(1, min(n or len(parts), len(parts)))
    assert all(shards) or not parts
    loads = [sum(max(part.size, 1) for part in shard) for shard in shards]
    assert max(loads) - min(loads) <= max([0, *sizes, 1]), "no shard waits longer for another than for its largest part"


def test_the_line_at_the_end_says_what_there_is_now(folder: Store) -> None:
    from agile_classifier.ops.scoring.parts.gather import in_words

    said = in_words({**score(folder), "rows_per_second": 1234.5})
    out = folder.address("out/")
    assert said == (
        f"6 rows of 3 parts scored into {out} by toy version 1 (1,234 rows/s); 1 row could not be scored:"
        f" {out}_rejected/"
    )
    assert "3 parts (3 of them before) scored" in in_words(score(folder))

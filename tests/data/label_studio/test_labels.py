"""Labels by the API: the rows of a project, what is refused in a line, and both kinds of token."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.config.data import DataConfig
from agile_classifier.data.examples import read_examples
from agile_classifier.data.formats.exports.label_studio import standing_annotations
from agile_classifier.data.label_studio import files
from agile_classifier.data.label_studio.connection import connect
from agile_classifier.data.label_studio.labels import pull_labels, read_address
from agile_classifier.data.label_studio.projects import find_project
from agile_classifier.data.rows import open_rows
from agile_classifier.data.tables import kept_column
from agile_classifier.errors import InputError
from tests.toys import toy_label_studio
from tests.toys.toy_label_studio import PERSONAL, TOKEN, ToyLabelStudio


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyLabelStudio]:
    with toy_label_studio.answering() as toy:
        monkeypatch.setenv("LABEL_STUDIO_URL", toy.address)
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
        yield toy


def pull(toy: ToyLabelStudio) -> list[tuple[str, str]]:
    return sorted((row["text"], row["mood"]) for row in pull_labels(connect(), str(toy.project["id"])).rows())


def test_the_latest_label_of_each_annotator_is_a_row(toy: ToyLabelStudio) -> None:
    pulled = pull_labels(connect(), str(toy.project["id"]))
    assert pull(toy) == [("a", "1"), ("b", "1"), ("b", "1")]
    assert (pulled.n_texts, pulled.n_skipped) == (2, 2)
    assert len({row["annotator"] for row in pulled.rows()}) == 2
    times = [row["updated_at"] for row in pulled.rows()]
    assert times == sorted(times)  # what is later replaces what is earlier


def test_an_address_is_a_source_of_examples(
    toy: ToyLabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGILE_HOME", str(tmp_path))
    address = f"label-studio://{toy.project['id']}"
    data = DataConfig.model_validate({"source": address, "columns": {"text": "text", "id": "annotation_id"}})
    assert sorted(read_examples(data)["text"]) == ["a", "b", "b"]
    assert not data.is_pinned  # so that every run asks anew
    toy.answers[f"/api/projects/{toy.project['id']}/export"] = []
    with pytest.raises(InputError, match=rf"^{address}: project \d+ 'labels' holds no labels yet$"):
        read_examples(data)
    monkeypatch.delenv("LABEL_STUDIO_API_KEY")
    with pytest.raises(InputError, match=rf"^{address}: LABEL_STUDIO_API_KEY: not set"):
        read_examples(data)


def test_labels_stand_beside_other_sources_with_columns_of_their_own(toy: ToyLabelStudio, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("id,text,mood\n1,mine,0\n")
    data = DataConfig.model_validate(
        {"sources": [{"name": "mine", "source": str(tmp_path / "mine.csv")},
                     {"name": "labels", "source": f"label-studio://{toy.project['title']}"}],
         "columns": {"text": "text", "id": "id"}}
    )  # fmt: skip
    examples = read_examples(data, keep=("mood",), label_columns=("mood",))
    assert dict(zip(examples["text"], examples[kept_column("mood")], strict=True)) == {"mine": "0", "a": "1", "b": "1"}


def test_a_title_is_written_in_an_address_as_it_is_or_escaped() -> None:
    assert read_address("label-studio://to%20label") == read_address("label-studio://to label/") == "to label"
    for wrong in ("label-studio://", "label-studio:// ", "sql://x"):
        with pytest.raises(InputError, match=r"needed is label-studio://PROJECT"):
            read_address(wrong)


def test_a_personal_token_buys_another_when_it_has_expired(
    toy: ToyLabelStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", PERSONAL)
    connection = connect()
    named = str(toy.project["id"])
    assert find_project(connection, named).title == "labels"
    assert find_project(connection, named).title == "labels"
    assert toy.bought == 1
    toy.bought += 1  # what was bought before has expired
    assert find_project(connection, named).title == "labels"
    assert toy.bought == 3


def test_what_is_wrong_is_a_line_that_names_the_variable(toy: ToyLabelStudio, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusal(**environment: str | None) -> str:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.delenv(name) if value is None else patch.setenv(name, value)
            with pytest.raises(InputError) as caught:
                find_project(connect(), "7000")
        return str(caught.value)

    address = toy.address
    assert refusal() == f"project '7000': no such project at {address}; there are: {toy.project['id']} 'labels'"
    assert refusal(LABEL_STUDIO_URL=None).startswith("LABEL_STUDIO_URL: not set; needed is the address")
    assert refusal(LABEL_STUDIO_API_KEY=None).startswith("LABEL_STUDIO_API_KEY: not set; Label Studio shows tokens")
    for wrong in ("localhost:8080", "ftp://host", "http://", "http://me:word@host"):
        assert refusal(LABEL_STUDIO_URL=wrong).endswith("needed is http(s)://HOST[:PORT][/PATH]")
        assert "word" not in refusal(LABEL_STUDIO_URL=wrong)
    for wrong in ("sentinel-of-nobody", "no.such.token"):
        said = refusal(LABEL_STUDIO_API_KEY=wrong)
        assert said.startswith(f"LABEL_STUDIO_API_KEY: {address} refuses the token (401: ")
        assert wrong not in said
    assert refusal(LABEL_STUDIO_API_KEY="a token").startswith("LABEL_STUDIO_API_KEY: holds a space")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert refusal(LABEL_STUDIO_URL=nobody).startswith(
            f"LABEL_STUDIO_URL: {nobody} does not answer (ConnectionError)"
        )


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ((200, {"Content-Type": "text/html"}, b"<html>"), "answered text/html where JSON was asked for; is it Label Studio?"),
        ((302, {"Location": "https://other.example.org/"}, b""), "sends to https://other.example.org/; name that server"),
        ((500, {}, b"broken"), "Label Studio answered 500: Internal Server Error"),
        ((403, {}, b'{"detail": "no permission"}'), "refuses the token (403: no permission); Label Studio shows tokens"),
        ((400, {}, b'{"detail": "Validation error", "validation_errors": {"title": ["too long"]}}'), "400: Validation error; title: too long"),
    ],
)  # fmt: skip
def test_any_other_answer_is_a_line_too(
    toy: ToyLabelStudio, answer: tuple[int, dict[str, str], bytes], line: str
) -> None:
    toy.raw["/api/projects/7/"] = answer
    with pytest.raises(InputError) as caught:
        find_project(connect(), "7")
    assert line in str(caught.value)


@pytest.mark.parametrize("name", ["labels.csv", "labels.tsv", "labels.jsonl", "labels.json"])
def test_a_file_of_labels_is_read_back_and_replaced_by_the_next(toy: ToyLabelStudio, tmp_path: Path, name: str) -> None:
    output = tmp_path / name
    files.require_output(output)
    pulled = pull_labels(connect(), str(toy.project["id"]))
    files.write_labels(pulled, output)
    files.require_output(output)
    rows = [row.cells for row in open_rows(output)]
    assert sorted((row["text"], row["mood"]) for row in rows) == [("a", "1"), ("b", "1"), ("b", "1")]
    assert {"reason", "probability"}.isdisjoint(rows[0])
    assert "3 labels of 2 texts by 2 annotators; 2 tasks were skipped" in files.in_words(pulled, output)


def test_a_file_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("text,label\na,1\n")
    with pytest.raises(InputError, match=r"exists already, and is no file of labels that was pulled before"):
        files.require_output(mine)
    with pytest.raises(InputError, match=r"found suffix \.xlsx; allowed are \.csv, \.tsv"):
        files.require_output(tmp_path / "labels.xlsx")


ANNOTATIONS = st.lists(
    st.builds(
        lambda by, minute, skips: {
            "id": minute, "completed_by": by, "was_cancelled": skips, "result": [{"value": {}}],
            "created_at": "2026-11-30T07:00:00Z", "updated_at": f"2026-11-30T07:{minute:02}:00Z",
        },
        st.sampled_from([1, 2, 3]), st.integers(0, 59), st.booleans(),
    ),
    max_size=8, unique_by=lambda annotation: annotation["id"],
)  # fmt: skip


@given(ANNOTATIONS, st.randoms(use_true_random=False))
def test_each_annotator_has_one_label_at_most_in_whatever_order_they_come(
    given_: list[dict[str, Any]], chance: Any
) -> None:
    found = {one["id"] for one in standing_annotations({"annotations": given_})}
    chance.shuffle(given_)
    assert {one["id"] for one in standing_annotations({"annotations": given_})} == found
    for by in {one["completed_by"] for one in given_}:
        latest = max((one for one in given_ if one["completed_by"] == by), key=lambda one: one["updated_at"])
        kept = [one["id"] for one in given_ if one["id"] in found and one["completed_by"] == by]
        assert kept == ([] if latest["was_cancelled"] else [latest["id"]])

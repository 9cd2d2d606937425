"""Moving: every way in which a path is written down leads to the new place afterwards, and what only looks so is left."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from agile_classifier.ops.state import version as state_version
from agile_classifier.ops.state.databases import MLFLOW
from agile_classifier.ops.state.moving import move_addresses, mover

names = st.text(
    st.characters(min_codepoint=32, exclude_characters="/", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12
).filter(lambda name: name.strip(". ") == name)
places = st.lists(names, min_size=1, max_size=3).map(lambda parts: f"/{'/'.join(parts)}")


@given(places, places)
def test_a_path_is_moved_however_it_is_written(old: str, new: str) -> None:
    moved, below = mover({old}, Path(new)), "/zenml/a b.db"
    assert moved(f"{old}{below}") == f"{new}{below}"
    assert moved(f"sqlite:///{old}{below}") == f"sqlite:///{new}{below}"
    assert moved(Path(f"{old}{below}").as_uri()) == Path(f"{new}{below}").as_uri()
    for ascii_only in (True, False):
        document = {"uri": Path(old).as_uri(), "paths": [old, f"{old}{below}"], "other": f"/elsewhere{old}"}
        text = moved(json.dumps(document, ensure_ascii=ascii_only))
        expected = {"uri": Path(new).as_uri(), "paths": [new, f"{new}{below}"], "other": f"/elsewhere{old}"}
        assert json.loads(text) == expected


@given(places)
def test_a_neighbour_of_a_like_name_is_left_alone(new: str) -> None:
    moved = mover({"/old/home"}, Path(new))
    for text in ("/old/home-2/c", "/x/old/home/d", "/old/homes", "/old", "old/home", "file:///old/home.bak"):
        assert moved(text) == text


def test_databases_settings_and_record_name_the_new_place_and_a_second_try_changes_nothing(tmp_path: Path) -> None:
    folder, old = (
        tmp_path / "ein neuer Ort mit Umlauten äöü und einem sehr langen Namen, der umbrochen würde",
        "/alt/ä b",
    )
    (folder / "zenml").mkdir(parents=True)
    component = base64.b64encode(json.dumps({"volumes": {old: {"bind": old}}}).encode())
    with closing(sqlite3.connect(folder / MLFLOW)) as database, database:
        database.execute("CREATE TABLE t (text TEXT, bytes BLOB, number INTEGER)")
        database.execute("INSERT INTO t VALUES (?, ?, 3)", (f"{old}/a", component))
        database.execute("INSERT INTO t VALUES (?, ?, 4)", (None, b"\x00\xff"))
    settings = folder / "zenml" / "config.yaml"
    store = {"url": f"sqlite:///{old}/zenml/z.db", "pool_size": 20}
    settings.write_text(yaml.safe_dump({"store": store, "active_stack_id": "1"}), encoding="utf-8")
    state_version.write_record(folder, state_version.Record({"state": "2"}, old, {MLFLOW: "abc"}))
    for _ in range(2):
        move_addresses(folder, [old], folder)
        with closing(sqlite3.connect(folder / MLFLOW)) as database:
            first, second = database.execute("SELECT text, bytes, number FROM t").fetchall()
        assert first[0] == f"{folder}/a"
        assert json.loads(base64.b64decode(first[1])) == {"volumes": {str(folder): {"bind": str(folder)}}}
        assert second == (None, b"\x00\xff", 4)
        found = yaml.safe_load(settings.read_text(encoding="utf-8"))
        assert found == {"store": {**store, "url": f"sqlite:///{folder}/zenml/z.db"}, "active_stack_id": "1"}
        assert state_version.read_record(folder) == state_version.Record({"state": "2"}, str(folder), {MLFLOW: "abc"})

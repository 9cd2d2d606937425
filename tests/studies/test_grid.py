"""Grid of a study: what its file may say, and which cells it describes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from agile_classifier.errors import InputError
from agile_classifier.studies.cells import read_cells
from agile_classifier.studies.file import Study, load_study
from agile_classifier.studies.grid import list_cells

PROJECT = Path(__file__).parents[2]
SHIPPED = sorted((PROJECT / "configs" / "studies").glob("*.yaml"))


def test_a_cell_is_known_by_what_decides_its_outcome_alone(study_folder: Path) -> None:
    study = load_study(study_folder / "studies" / "toy.yaml")
    cells = {cell.place.name: cell for cell in list_cells(study, folder=study_folder / "studies")}
    assert len({cell.key for cell in cells.values()}) == len(cells) == 11
    tuned = cells["tuned size 70 split 0 seed 0"]
    changed = tuned.config.model_copy(
        update={"registry": tuned.config.registry.model_copy(update={"model_name": "other"})}
    )
    assert replace(tuned, config=changed).key == tuned.key
    slower = tuned.config.model_copy(
        update={"fine_tune": tuned.config.fine_tune.model_copy(update={"learning_rate": 1e-4})}
    )
    assert replace(tuned, config=slower).key != tuned.key
    quality = tuned.config.data_quality
    laxer = quality.model_copy(update={"leaks_limit": None})
    merged = quality.model_copy(update={"duplicates": "together"})
    assert replace(tuned, config=tuned.config.model_copy(update={"data_quality": laxer})).key == tuned.key
    for cell in (tuned, cells["tfidf size 70 split 0 seed 0"]):
        other = replace(cell, config=cell.config.model_copy(update={"data_quality": merged}))
        assert other.key != cell.key, "other duplicates leave other rows"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"reference": "nobody"}, "reference 'nobody' is no contender; there are a"),
        ({"contenders": {"a": {"config": "toy", "baseline": "luck"}}}, "baseline 'luck'; allowed are majority, tfidf"),
        ({"contenders": {}}, "study.contenders"),
        (
            {"contenders": {"a": {"config": "toy", "set": {"split.seed": 3}}}},
            "set.split.seed: the grid sets it; use splits",
        ),
        ({"contenders": {"a": {"config": "toy"}, "b": {"blend": ["a"], "seeds": [1]}}}, "seeds belongs to a config"),
        ({"nonsense": 1}, "study.nonsense: unknown field; allowed here: "),
    ],
    ids=["reference", "baseline", "no contender", "the grid's own field", "a blend's seeds", "unknown field"],
)
def test_a_mistake_in_the_file_is_told_in_one_line(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    document = {"title": "t", "reference": "a", "contenders": {"a": {"config": "toy"}}, **changed}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump({"study": document}), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_study(tmp_path / "s.yaml")
    assert str(refused.value).startswith(f"{tmp_path / 's.yaml'}: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("study", "said"),
    [
        ({"contenders": {"a": {"config": "columns"}}, "splits": [0, 1]}, "a: split.method columns has one split"),
        ({"contenders": {"a": {"config": "group"}}, "sizes": [3]}, "a: split.method group counts groups"),
        (
            {"contenders": {"a": {"config": "stable"}}, "sizes": [3]},
            "a: split: split.train 3: split.method stable takes shares",
        ),
        ({"contenders": {"a": {"config": "toy"}, "b": {"config": "few"}}}, "b: split.train 40.0, where a has 70.0"),
        (
            {"contenders": {"a": {"config": "toy"}, "b": {"config": "few"}, "c": {"blend": ["a", "b"]}}, "sizes": [40]},
            "blend c: b has another `split` than a",
        ),
    ],
    ids=["columns", "groups", "shares", "sizes", "blend"],
)
def test_a_grid_that_its_splits_cannot_give_is_refused(
    study_folder: Path, tmp_path: Path, study: dict[str, Any], said: str
) -> None:
    toy = yaml.safe_load((study_folder / "toy.yaml").read_text(encoding="utf-8"))["parameters"]
    splits = {
        "toy": toy["split"],
        "few": {**toy["split"], "train": 40, "validation": 20},
        "columns": {"method": "columns", "column": "part"},
        "group": {"method": "group", "train": 0.5, "validation": 0.2, "test": 0.3},
        "stable": {"method": "stable", "train": 0.5, "validation": 0.2, "test": 0.3},
    }
    for name, split in splits.items():
        data = {**toy["data"], "columns": {**toy["data"]["columns"], "group": "group"}}
        parameters = {**toy, "data": data, "split": split}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump({"parameters": parameters}), encoding="utf-8")
    described = Study.model_validate({"title": "t", "reference": "a", **study})
    with pytest.raises(InputError, match=said):
        list_cells(described, folder=tmp_path / "studies")


def test_a_file_that_has_changed_is_another_cell(study_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "examples.csv").write_bytes((study_folder / "examples.csv").read_bytes())
    parameters = yaml.safe_load((study_folder / "toy.yaml").read_text(encoding="utf-8"))["parameters"]
    parameters["data"]["source"] = str(tmp_path / "examples.csv")
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump({"parameters": parameters}), encoding="utf-8")
    study = Study.model_validate({"title": "t", "reference": "a", "contenders": {"a": {"config": "toy.yaml"}}})
    (before,) = list_cells(study, folder=tmp_path)
    with (tmp_path / "examples.csv").open("a", encoding="utf-8") as file:
        file.write("999,a late text,0.9\n")
    (after,) = list_cells(study, folder=tmp_path)
    assert before.key != after.key


def test_a_file_that_has_moved_is_the_same_cell(study_folder: Path, tmp_path: Path) -> None:
    parameters = yaml.safe_load((study_folder / "toy.yaml").read_text(encoding="utf-8"))["parameters"]
    study = Study.model_validate({"title": "t", "reference": "a", "contenders": {"a": {"config": "toy.yaml"}}})
    keys = set()
    for folder in (tmp_path / "here", tmp_path / "there"):
        folder.mkdir()
        (folder / "examples.csv").write_bytes((study_folder / "examples.csv").read_bytes())
        parameters["data"]["source"] = "examples.csv"
        (folder / "toy.yaml").write_text(yaml.safe_dump({"parameters": parameters}), encoding="utf-8")
        (cell,) = list_cells(study, folder=folder)
        assert cell.config.data.source == str(folder / "examples.csv"), "located"
        keys.add(cell.key)
    assert len(keys) == 1


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_study_that_is_shipped_describes_cells_that_its_configs_allow_and_all_are_finished(file: Path) -> None:
    cells = list_cells(load_study(file), folder=file.parent)
    assert len(cells) > 10
    known = {cell.key for cell in read_cells(PROJECT / "benchmarks" / "results" / f"{file.stem}.parquet")}
    assert [cell.place.name for cell in cells if cell.key not in known] == []


def test_a_tuned_cell_says_the_fields_whose_defaults_have_changed(study_folder: Path) -> None:
    study = load_study(study_folder / "studies" / "toy.yaml")
    for cell in list_cells(study, folder=study_folder / "studies"):
        says = {field for section in ("model", "fine_tune") for field in cell.decides.get(section, {})}
        assert {"pooling", "head_start", "epochs"} <= says or cell.baseline is not None


def test_a_study_with_a_blend_is_the_same_once_it_has_been_passed_to_the_step_that_gathers() -> None:
    study = load_study(PROJECT / "configs" / "studies" / "ethos.yaml")
    assert Study.model_validate(study.model_dump(mode="json")) == study

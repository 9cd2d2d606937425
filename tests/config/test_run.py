"""The config: every refusal is one line that names file, field, what was found and what is allowed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from agile_classifier.config.files import load_config, parse_config, read_parameters
from agile_classifier.config.run import RunConfig
from agile_classifier.config.section import Section
from agile_classifier.config.training import DEVICE_FIELDS, FineTuneConfig
from agile_classifier.errors import InputError

LEAST: dict[str, Any] = {
    "data": {"source": "/data/a.csv", "columns": {"score": "s"}},
    "model": {"source": "a-model"},
    "registry": {"model_name": "toy"},
}
ASKED = {**LEAST["model"], "head": "label_tokens"}


def write(folder: Path, **sections: Any) -> Path:
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump({"parameters": {**LEAST, **sections}}, sort_keys=False), encoding="utf-8")
    return path


def refusal(path: Path, *overrides: str) -> str:
    with pytest.raises(InputError) as caught:
        load_config(path, overrides=overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def fields_of(section: type[Section], prefix: str = "") -> Iterator[tuple[str, str | None]]:
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            yield f"{prefix}{name}", inner.__doc__
            yield from fields_of(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.description


def test_a_file_that_says_the_least_gets_the_defaults_of_the_model(tmp_path: Path) -> None:
    config = load_config(write(tmp_path))
    assert config == RunConfig.model_validate(LEAST)
    assert (config.labels.rule, config.split.method, config.model.quantization) == ("median", "stratified", "nf4")
    assert (config.data.columns.text, config.data.columns.score) == ("text", "s")


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, fine_tune={"epochs": 3, "early_stopping": {"patience": 2}}))
    assert (config.fine_tune.epochs, config.fine_tune.rank) == (3, 8)
    assert (config.fine_tune.early_stopping.patience, config.fine_tune.early_stopping.metric) == (2, "f1")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"leakage": {"leaks_limit": None}}, "leakage: this section is called data_quality now"),
    ({"honesty": {"leaks_limit": None}}, "honesty: this section is called data_quality now"),
    ({"data_quality": {"duplicates": "merge"}}, "data_quality.duplicates: Input should be 'keep', 'together', 'drop' or 'refuse'; found 'merge'"),
    ({"nope": {}}, "nope: unknown field; allowed here: costs, data, data_quality, decision, evaluation, fine_tune, labels, model, monitoring, promotion, registry, "),
    ({"labels": {"rul": "median"}}, "labels.rul: unknown field; allowed here: absent, codes, columns, doubtful_band, doubtful_weight, fit_on, fold, joined_by, label_thresholds, most_votes, names, not_rated, quantile, raters, refit, repeated, rule, softness, target, unlabelled, value"),
    ({"data": {**LEAST["data"], "columns": {"txt": "t"}}}, "data.columns.txt: unknown field; allowed here: group, id, rater, raters, score, text"),
    ({"fine_tune": {"early_stopping": {"x": 1}}}, "fine_tune.early_stopping.x: unknown field; allowed here: metric, min_delta"),
    ({"labels": {"rule": "mean"}}, "labels.rule: Input should be 'median', 'quantile', 'value', 'given', 'any' or 'many'; found 'mean'"),
    ({"labels": None}, "labels: Input should be a valid dictionary or instance of LabelsConfig; found None"),
    ({"labels": 3}, "labels: Input should be a valid dictionary or instance of LabelsConfig; found 3"),
    ({"fine_tune": {"epochs": "many"}}, "fine_tune.epochs: Input should be a valid integer"),
    ({"fine_tune": {"epochs": 1.5}}, "fine_tune.epochs: Input should be a valid integer"),
    ({"fine_tune": {"learning_rate": 0}}, "fine_tune.learning_rate: Input should be greater than 0; found 0"),
    ({"fine_tune": {"dropout": 1}}, "fine_tune.dropout: Input should be less than 1; found 1"),
    ({"fine_tune": {"target_modules": [1]}}, "fine_tune.target_modules.0: Input should be a valid string; found 1"),
    ({"data": {**LEAST["data"], "sha256": ["a" * 64, 2]}}, "data.sha256.1: Input should be a valid string; found 2"),
    ({"data": {**LEAST["data"], "repair": ["magic"]}}, "data.repair.0: Input should be 'treebank', 'mojibake' or 'whitespace'"),
    ({"evaluation": {"decision_threshold": 2}}, "evaluation.decision_threshold: Input should be 'best_f1', 'cost', 'precision' or 'recall' or Input should be less than 1; found 2"),
    ({"evaluation": {"decision_threshold": "recall"}}, "evaluation.least belongs to evaluation.decision_threshold precision or recall; found decision_threshold recall, least None"),
    ({"evaluation": {"least": 0.9}}, "evaluation.least belongs to evaluation.decision_threshold precision or recall; found decision_threshold best_f1, least 0.9"),
    ({"evaluation": {"calibration": "platt"}, "split": {"validation": 0}}, "evaluation.calibration platt is fitted on validation: raise split.validation, found 0"),
    ({"evaluation": {"decision_threshold": "cost"}, "split": {"validation": 0}}, "evaluation.decision_threshold cost is fitted on validation: raise split.validation, found 0"),
    ({"evaluation": {"false_negative_cost": 5}}, "evaluation.false_negative_cost belongs to evaluation.decision_threshold cost; found decision_threshold best_f1, false_negative_cost 5.0"),
    ({"labels": {"doubtful_weight": 0.5}}, "labels.doubtful_weight belongs to a labels.doubtful_band above 0; found doubtful_band 0.0, doubtful_weight 0.5"),
    ({"evaluation": {"decision_threshold": 0.4}, "labels": {"rule": "given", "columns": "mood", "names": ["a", "b", "c"]}}, "evaluation.decision_threshold 0.4 is a cut between two classes, found 3 classes; allowed with more than two is best_f1, the default: no cut, the likeliest class"),
    ({"decision": {"bands": {"precision": 1}}}, "decision.bands.precision: Input should be less than 1; found 1"),
    ({"decision": {"bands": {"precision": 0.4}}}, "decision.bands.precision: Input should be greater than or equal to 0.5; found 0.4"),
    ({"decision": {"bands": {"miss_rate": 0}}}, "decision.bands.miss_rate: Input should be greater than 0; found 0"),
    ({"decision": {"bands": {"miss_rate": 0.6}}}, "decision.bands.miss_rate: Input should be less than or equal to 0.5; found 0.6"),
    ({"decision": {"bands": {"confidence": 1}}}, "decision.bands.confidence: Input should be less than or equal to 0.9999; found 1"),
    ({"decision": {"bands": {"unkept": "ignore"}}}, "decision.bands.unkept: Input should be 'open' or 'refuse'; found 'ignore'"),
    ({"decision": {"bands": {"recall": 0.9}}}, "decision.bands.recall: unknown field; allowed here: class_name, compared, confidence, miss_rate, precision, unkept"),
    ({"decision": {"bands": {"precision": 0.9}}, "split": {"validation": 0}}, "decision.bands are found on validation: raise split.validation, found 0"),
    ({"decision": {"bands": {"precision": 0.9, "class_name": "c"}}, "labels": {"names": ["a", "b"]}}, "decision.bands.class_name c: no such class; allowed are a, b"),
    ({"decision": {"bands": {"precision": 0.9}}, "labels": {"rule": "given", "columns": "mood", "names": ["a", "b", "c"]}}, "decision.bands.class_name is missing: with 3 classes it names the one that is removed; allowed are a, b, c"),
    ({"promotion": {"min_automation": 1}}, "promotion.min_automation: Input should be less than 1; found 1"),
    ({"evaluation": {"n_resamples": 99}}, "evaluation.n_resamples: Input should be greater than or equal to 100; found 99"),
    ({"registry": {"model_name": "a/b"}}, "registry.model_name: String should match pattern '^[A-Za-z0-9]"),
    ({"data": {}}, "data: name where the examples come from in data.source, or in data.sources; found neither"),
    ({"labels": {"rule": "median", "quantile": 0.5}}, "labels.quantile belongs to labels.rule quantile; found rule median, quantile 0.5"),
    ({"labels": {"rule": "quantile"}}, "labels.quantile belongs to labels.rule quantile; found rule quantile, quantile None"),
    ({"labels": {"rule": "value"}}, "labels.value belongs to labels.rule value; found rule value, value None"),
    ({"labels": {"rule": "given", "columns": ["a", "b"]}}, "labels.rule given needs exactly one name in labels.columns, found ['a', 'b']"),
    ({"labels": {"rule": "many", "columns": ["a", "b"]}, "decision": {"bands": {"precision": 0.9, "class_name": "c"}}}, "decision.bands.class_name c: no such label; allowed are a, b"),
    ({"labels": {"rule": "many", "columns": ["a", "b"]}, "decision": {"bands": {"precision": 0.9}}, "split": {"validation": 0}}, "decision.bands are found on validation: raise split.validation, found 0"),
    ({"labels": {"rule": "many", "columns": ["a", "b"]}, "evaluation": {"groups": {"terms": "english"}}}, "evaluation.groups: for texts with one class alone"),
    ({"labels": {"rule": "many", "columns": ["a", "b"]}, "evaluation": {"evasion": True}, "promotion": {"checks": ["a.yaml"]}}, "evaluation.evasion, promotion.checks: for texts with one class alone"),
    ({"labels": {"rule": "any"}}, "labels.columns belongs to labels.rule given, any or many; found rule any, columns []"),
    ({"labels": {"columns": "a"}}, "labels.columns belongs to labels.rule given, any or many; found rule median, columns ['a']"),
    ({"labels": {"names": ["a", "b", "c"]}}, "labels.names needs two names for labels.rule median, found ['a', 'b', 'c']"),
    ({"labels": {"names": [False, True]}}, 'labels.names.0: YAML reads this as the boolean False; to be text it needs quotes, as in ["no", "yes"]'),
    ({"labels": {"names": ["0", 1]}}, "labels.names.1: YAML reads this as the number 1; to be text it needs quotes"),
    ({"labels": {"names": [0.5, "a"]}}, "labels.names.0: YAML reads this as the number 0.5; to be text it needs quotes"),
    ({"labels": {"names": ["a", None]}}, "labels.names.1: YAML reads this as nothing: None; to be text it needs quotes"),
    ({"labels": {"names": [date(2026, 1, 2), "a"]}}, "labels.names.0: YAML reads this as the date 2026-01-02; to be text it needs quotes"),
    ({"labels": {"names": ["a", ["b"]]}}, "labels.names.1: Input should be a valid string; found ['b']"),
    ({"labels": {"names": "a"}}, "labels.names needs two names for labels.rule median, found ['a']"),
    ({"model": {**ASKED, "prompt": {"labels": [False, True]}}}, "model.prompt.labels.0: YAML reads this as the boolean False; to be text it needs quotes"),
    ({"model": {**ASKED, "prompt": {"labels": [1, 0]}}}, "model.prompt.labels.0: YAML reads this as the number 1; to be text it needs quotes"),
    ({"model": {**ASKED, "prompt": {"labels": ["A", None]}}}, "model.prompt.labels.1: YAML reads this as nothing: None; to be text it needs quotes"),
    ({"model": {**ASKED, "prompt": {"labels": True}}}, "model.prompt.labels.0: YAML reads this as the boolean True; to be text it needs quotes"),
    ({"labels": {"names": {"0": "a", "1": True}}}, "labels.names.1: YAML reads this as the boolean True; to be text it needs quotes"),
    ({"labels": {"names": {False: "a", True: "b"}}}, "labels.codes.0: YAML reads this as the boolean False; to be text it needs quotes"),
    ({"labels": {"names": {"no": "a", "yes": "b"}}}, "labels.names of labels.rule median are those of 0 and 1, found ['no', 'yes']"),
    ({"labels": {"rule": "given", "columns": "a", "names": {0: "a", 1: "a"}}}, "labels.names needs two classes or more, found ['a']"),
    ({"labels": {"rule": "given", "columns": "a", "names": ["a", "b"], "codes": ["0"]}}, "labels.codes needs one name in labels.names each, and must differ, found ['0']"),
    ({"labels": {"not_rated": [True]}}, "labels.not_rated.0: YAML reads this as the boolean True; to be text it needs quotes"),
    ({"labels": {"absent": [0]}}, "labels.absent.0: YAML reads this as the number 0; to be text it needs quotes"),
    ({"labels": {"fold": True}}, "labels.fold belongs to labels.rule given; found rule median"),
    ({"labels": {"rule": "given", "columns": "a", "absent": ["ok"]}}, "labels.absent belongs to labels.rule any, or to raters; found ['ok']"),
    ({"labels": {"unlabelled": "drop"}}, "labels.unlabelled: Input should be 'refuse' or 'leave_out'; found 'drop'"),
    ({"data": {"source": "/data/a.csv", "columns": {"score": "s", "raters": ["a", "b"]}}}, "data.columns: score and raters exclude each other; found score s, raters ('a', 'b')"),
    ({"data": {"source": "/data/a.csv", "columns": {"raters": ["a", "a"]}}}, "data.columns: raters must differ, found ['a', 'a']"),
    ({"data": {"source": "/data/a.csv", "columns": {"rater": "a"}}}, "data.columns: rater names who gave a score, and needs a score column; found rater a alone"),
    ({"data": {"source": "/data/a.csv", "columns": {"score": "s", "rater": "text"}}}, "data.columns: rater must be a column of its own, found text, that of text or score"),
    ({"data": {"source": "/data/a.csv", "columns": {"score": "s", "rater": "a"}}, "labels": {"rule": "given", "columns": "c"}}, "data.columns.rater makes one score of each text's answers; labels.rule given reads classes: allowed are median, quantile and value"),
    ({"labels": {"raters": "mace"}}, "labels.raters mace needs the answers of several raters: name their columns in data.columns.raters, or the one that says whose answer"),
    ({"labels": {"repeated": "last"}}, "labels.repeated last needs the answers of several raters"),
    ({"labels": {"target": "votes"}}, "labels.target votes needs the answers of several raters"),
    ({"data_quality": {"min_agreement": 0.4}}, "data_quality.min_agreement needs the answers of several raters"),
    ({"data_quality": {"min_agreement": 1.4}}, "data_quality.min_agreement: Input should be less than or equal to 1; found 1.4"),
    ({"labels": {"raters": "majority"}}, "labels.raters: Input should be 'mean', 'share', 'dawid_skene' or 'mace'; found 'majority'"),
    ({"labels": {"rule": "given", "columns": "c", "raters": "share"}}, "labels.raters share makes a score; labels.rule given reads classes"),
    ({"labels": {"rule": "given", "columns": "c", "target": "votes"}}, "labels.target votes needs annotators' scores; labels.rule given reads classes"),
    ({"labels": {"names": ["a", "a"]}}, "labels.names must differ, found ['a', 'a']"),
    ({"split": {"method": "columns"}}, "split.column belongs to split.method columns; found method columns, column None"),
    ({"split": {"column": "part"}}, "split.column belongs to split.method columns; found method stratified, column part"),
    ({"split": {"validation_share": 0.1}}, "split.validation_share takes rows from train where split.validation is 0; found 0.1"),
    ({"split": {"train": None, "test": None}}, "split.train and split.test cannot both be null"),
    ({"split": {"train": 1.5}}, "split.train is a share below 1 or a whole number, found 1.5"),
    ({"split": {"method": "group"}}, "split.method group needs data.columns.group"),
    ({"fine_tune": {"initialization": "loftq"}, "model": {"source": "m", "quantization": "none"}}, "fine_tune.initialization loftq needs quantization nf4, found none"),
    ({"data": {"source": "a.csv"}}, "labels.rule median cuts scores: name the score column in data.columns.score"),
]  # fmt: skip


@pytest.mark.parametrize(("sections", "said"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_bad_field_is_refused_in_one_line_that_names_the_file(
    tmp_path: Path, sections: dict[str, Any], said: str
) -> None:
    path = write(tmp_path, **sections)
    message = refusal(path)
    assert message.startswith(f"{path}: ")
    assert said in message


@pytest.mark.parametrize("words", ["no, yes", "off, on", "False, True", "No, YES"])
def test_words_that_yaml_reads_as_booleans_are_to_be_quoted_and_then_stand_as_written(
    tmp_path: Path, words: str
) -> None:
    path = write(tmp_path)
    quoted = ", ".join(f'"{word}"' for word in words.split(", "))
    for field in ("labels.names", "model.prompt.labels"):
        asked = ("model.head=label_tokens",)
        assert "to be text it needs quotes" in refusal(path, *asked, f"{field}=[{words}]")
        config = load_config(path, overrides=(*asked, f"{field}=[{quoted}]"))
        assert words.split(", ") == list(config.labels.names or config.model.prompt.labels or ())


@pytest.mark.parametrize("section", LEAST)
def test_a_section_without_defaults_must_be_there(section: str) -> None:
    with pytest.raises(InputError, match=f"^here: {section}: Field required$"):
        parse_config({name: value for name, value in LEAST.items() if name != section}, name="here")


NO_CONFIGS = [
    (b"", "must stand under a top-level `parameters:`"),
    (b"parameters:", "must stand under a top-level `parameters:`"),
    (b"parameters: [a]", "must stand under a top-level `parameters:`"),
    (b"data: {source: a.csv}", "must stand under a top-level `parameters:`"),
    (b"just words", "must stand under a top-level `parameters:`"),
    (b"parameters: {", "not a YAML file: while parsing a flow node"),
    (b"parameters: {data: 2026-13-01}", "not a YAML file: month must be in 1..12"),
    (b"parameters: !!python/object:os.system {}", "not a YAML file: could not determine a constructor"),
    (b"\x89PNG\r\n\x1a\n\0\0", "cannot be read as text"),
    (b"a\0b", "not a YAML file: unacceptable character"),
]


@pytest.mark.parametrize(("content", "said"), NO_CONFIGS)
def test_a_file_that_is_no_config_is_refused_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    message = refusal(path)
    assert message.startswith(f"{path}: ")
    assert said in message


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.yaml") == f"{tmp_path / 'none.yaml'}: no such config file"
    assert refusal(tmp_path).startswith(f"{tmp_path}: cannot be read as text")


SET = [
    ("fine_tune.learning_rate=1e-3", 1e-3),
    ("fine_tune.max_time=.5E+3", 500.0),
    ("evaluation.n_resamples=1e3", 1000),
    ("evaluation.decision_threshold=best_f1", "best_f1"),
    ("evaluation.decision_threshold=3e-1", 0.3),
    ("fine_tune.early_stopping.patience=4", 4),
    ("fine_tune.early_stopping.patience=null", None),
    ("fine_tune.target_modules=[query, value]", ("query", "value")),
    ("fine_tune.target_modules=query", ("query",)),
    ("labels.names=[Negative,Positive]", ("Negative", "Positive")),
    ("labels.not_rated=[-1, 99, skipped]", (-1.0, 99.0, "skipped")),
    ("labels.not_rated=-99", (-99.0,)),
    ("data.quoting=false", False),
    ("data.delimiter=;", ";"),
    ("data.delimiter=|", "|"),
    ("data.delimiter=,", ","),
    ("data.delimiter=", None),
    ("data.columns.text=some column", "some column"),
    ("data.source=package://a-{1..3}==1.0/x_{1..3}.zip!/data=1.csv", "package://a-{1..3}==1.0/x_{1..3}.zip!/data=1.csv"),
    ("model.revision='0123'", "0123"),
]  # fmt: skip


@pytest.mark.parametrize(("override", "value"), SET)
def test_an_override_sets_one_field_as_a_file_would(tmp_path: Path, override: str, value: object) -> None:
    found: Any = load_config(write(tmp_path), overrides=(override,))
    for name in override.partition("=")[0].split("."):
        found = getattr(found, name)
    assert (found, type(found)) == (value, type(value))


NAMED: list[tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]] = [
    ({"rule": "given", "columns": "c", "names": {"0": "World", 1: "Sports"}}, ("World", "Sports"), ("0", "1")),
    ({"rule": "given", "columns": "c", "names": {1: "bad", 0: "good"}}, ("bad", "good"), ("1", "0")),
    ({"rule": "given", "columns": "c", "names": {"N": "no", "n": "no", "Y": "yes"}}, ("no", "yes"), ("N", "n", "Y")),
    ({"names": {1: "bad", 0: "good"}}, ("good", "bad"), ("1", "0")),
]


@pytest.mark.parametrize(("labels", "class_names", "codes"), NAMED, ids=str)
def test_a_mapping_names_the_classes_of_codes_in_its_own_order_and_outlives_json(
    tmp_path: Path, labels: dict[str, Any], class_names: tuple[str, ...], codes: tuple[str, ...]
) -> None:
    config = load_config(write(tmp_path, labels=labels))
    assert (config.labels.class_names, config.labels.codes) == (class_names, codes)
    recorded = json.loads(json.dumps(config.model_dump(mode="json"), sort_keys=True))
    assert RunConfig.model_validate(recorded) == config


def test_raters_are_a_score(tmp_path: Path) -> None:
    raters = {"source": "/data/a.csv", "columns": {"raters": ["ann1", "ann2"]}}
    assert load_config(write(tmp_path, data=raters)).data.columns.has_score


def test_an_override_wins_over_the_file_and_a_later_one_over_an_earlier_one(tmp_path: Path) -> None:
    path = write(tmp_path, fine_tune={"epochs": 3, "rank": 4})
    tuned = load_config(path, overrides=("fine_tune.epochs=5", "fine_tune.epochs=6")).fine_tune
    assert (tuned.epochs, tuned.rank) == (6, 4)


NOT_OVERRIDES = [
    ("fine_tune.epochs", "expected section.field=value"),
    ("epochs=3", "expected section.field=value"),
    (".epochs=3", "expected section.field=value"),
    ("fine_tune.=3", "expected section.field=value"),
    ("fine_tune..epochs=3", "expected section.field=value"),
    ("data.source.x=3", "source is a value, not a section"),
    ("fine_tune.epoch=3", "fine_tune.epoch: unknown field; allowed here: alpha, augment, balance, batch_size"),
    ("fine_tune.epochs=0", "fine_tune.epochs: Input should be greater than 0; found 0"),
]


@pytest.mark.parametrize(("override", "said"), NOT_OVERRIDES)
def test_an_override_that_cannot_be_meant_is_refused_in_one_line(tmp_path: Path, override: str, said: str) -> None:
    assert said in refusal(write(tmp_path), override)


def test_a_config_never_changes() -> None:
    config = RunConfig.model_validate(LEAST)
    for section, field in ((config, "data"), (config.fine_tune, "epochs"), (config.fine_tune.early_stopping, "metric")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(section, field, 1)


@pytest.mark.parametrize(("name", "said"), [pytest.param(*field, id=field[0]) for field in fields_of(RunConfig)])
def test_every_field_of_every_section_says_in_a_sentence_what_it_is(name: str, said: str | None) -> None:
    assert said, name
    assert said.strip()[-1] in ".?…", f"{name}: {said}"


def test_fields_that_say_where_it_is_trained_are_fields_of_fine_tune() -> None:
    assert set(DEVICE_FIELDS) < set(FineTuneConfig.model_fields)


def test_columns_that_later_steps_read_are_kept() -> None:
    labels, split = {"rule": "given", "columns": "kind"}, {"method": "columns", "column": "part"}
    assert RunConfig.model_validate({**LEAST, "labels": labels, "split": split}).kept_columns == ("kind", "part")
    assert RunConfig.model_validate(LEAST).kept_columns == ()


def test_a_source_is_pinned_by_a_digest_or_a_commit() -> None:
    pins = [{}, {"sha256": "a" * 64}, {"revision": "b"}]
    found = [RunConfig.model_validate({**LEAST, "data": {**LEAST["data"], **pin}}).data.is_pinned for pin in pins]
    assert found == [False, True, True]


def test_what_a_version_records_can_be_stored_and_leaves_out_how_it_was_judged(tmp_path: Path) -> None:
    recorded = load_config(write(tmp_path)).recorded
    assert yaml.safe_load(yaml.safe_dump(recorded)) == recorded
    assert set(recorded) == set(RunConfig.model_fields) - {"promotion", "registry", "costs", "monitoring", "schedule"}
    assert recorded["data_quality"] == {"duplicates": "keep", "similarity": 0.8}


def test_reading_parameters_does_not_judge_them(tmp_path: Path) -> None:
    assert read_parameters(write(tmp_path, nope=1)) == {**LEAST, "nope": 1}


@pytest.mark.parametrize(
    "split", [{"validation": 0, "validation_share": 0.2}, {"method": "columns", "column": "part", "validation": 0}]
)
def test_calibration_may_rest_on_any_validation_rows(split: dict[str, Any]) -> None:
    RunConfig.model_validate({**LEAST, "split": split, "evaluation": {"calibration": "platt"}})
    with pytest.raises(ValidationError, match=r"is fitted on validation: raise split\.validation, found 0"):
        RunConfig.model_validate({**LEAST, "split": {"validation": 0}, "evaluation": {"calibration": "platt"}})


@pytest.mark.parametrize(
    "found",
    [
        {"labels": {"target": "soft"}},
        {"fine_tune": {"balance": "weights"}},
        {"labels": {"doubtful_band": 0.1, "doubtful_weight": 0.5}},
    ],
)
def test_losses_over_a_vocabulary_take_right_answers_alone(found: dict[str, Any]) -> None:
    tuning = {"loss": "vocabulary", **found.get("fine_tune", {})}
    model = {**LEAST["model"], "head": "label_tokens"}
    with pytest.raises(ValidationError, match=r"fine_tune\.loss vocabulary takes neither soft targets nor weights"):
        RunConfig.model_validate({**LEAST, **found, "model": model, "fine_tune": tuning})

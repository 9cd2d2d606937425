from pathlib import Path

import pytest

from agile_classifier.config.files import load_config
from agile_classifier.config.run import RunConfig
from agile_classifier.errors import InputError
from agile_classifier.ops.engines.kubeflow.inputs import list_inputs, read_inputs
from agile_classifier.ops.project import list_configs

CONFIGS = sorted(list_configs())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_inputs_of_every_shipped_config_read_back_as_the_same_config(path: Path) -> None:
    config = load_config(path)
    assert read_inputs({found.name: found.default for found in list_inputs(config)}) == config


def test_no_two_fields_share_a_name() -> None:
    names = [found.name for found in list_inputs(load_config(CONFIGS[0]))]
    assert len(names) > 60
    assert len(set(names)) == len(names)


def test_every_field_of_every_section_is_an_input() -> None:
    sections = load_config(CONFIGS[0]).model_dump()
    flat = {
        f"{section}.{field}"
        for section, fields in sections.items()
        for field, value in fields.items()
        if not isinstance(value, dict)
    }
    assert flat <= {found.path for found in list_inputs(load_config(CONFIGS[0]))}


@pytest.mark.parametrize(
    ("name", "given", "read"),
    [
        ("fine_tune_epochs", 7.0, 7),
        ("fine_tune_learning_rate", 1, 1.0),
        ("fine_tune_target_modules", ["query", "value"], ("query", "value")),
        ("fine_tune_early_stopping_patience", "3", 3),
        ("fine_tune_early_stopping_patience", "null", None),
        ("data_delimiter", "|", "|"),
        ("data_delimiter", '"\\t"', "\t"),
        ("labels_names", "[bad, good]", ("bad", "good")),
        ("evaluation_decision_threshold", "0.4", 0.4),
        ("registry_model_name", "007", "007"),
        ("model_double_quant", False, False),
    ],
)
def test_a_value_typed_in_the_ui_is_what_the_config_holds(name: str, given: object, read: object) -> None:
    config = _read(**{name: given})
    field = next(found for found in list_inputs(config) if found.name == name)
    value: object = config
    for part in field.path.split("."):
        value = getattr(value, part)
    assert value == read


@pytest.mark.parametrize(
    ("path", "given", "read"),
    [
        ("data.source", '["a.csv", "b.csv"]', ("a.csv", "b.csv")),
        ("labels.names", '{"0": World, "1": Sports}', ("World", "Sports")),
        ("labels.not_rated", [-1, "skipped"], (-1, "skipped")),
        ("data.reverse_coded", "[1, 5]", (1, 5)),
    ],
)
def test_a_list_or_mapping_is_an_input_and_reads_back(path: str, given: object, read: object) -> None:
    names = {found.path: found.name for found in list_inputs(load_config(CONFIGS[0]))}
    classes = {
        "labels.rule": "given",
        "labels.columns": ["kind"],
        "labels.value": "null",
        "labels.quantile": "null",
        "data.sha256": "null",
    }
    config = _read(**{names[each]: value for each, value in {**classes, path: given}.items()})
    section, field = path.split(".")
    assert getattr(getattr(config, section), field) == read
    assert read_inputs({found.name: found.default for found in list_inputs(config)}) == config


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("fine_tune_epochs", 0, "inputs: fine_tune.epochs: Input should be greater than 0; found 0"),
        ("fine_tune_epochs", 1.5, "fine_tune.epochs"),
        ("labels_names", "[yes, no]", "labels.names"),
        ("model_head", "tail", "model.head"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name: str, given: object, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("[", r"\[")):
        _read(**{name: given})


@pytest.mark.parametrize(("old", "kinds"), [("none", []), ("tfidf_svm", ["tfidf_svm"])])
def test_an_input_of_a_pipeline_compiled_before_is_read_as_it_is_called_now(old: str, kinds: list[str]) -> None:
    assert [member.kind for member in _read(fine_tune_ensemble_with=old).model.members] == kinds


def _read(**changed: object) -> RunConfig:
    config = load_config(CONFIGS[0].with_name("quickstart.yaml"))
    return read_inputs({**{found.name: found.default for found in list_inputs(config)}, **changed})
